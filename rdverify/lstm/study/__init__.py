"""The LSTM study: reconstruction of Table 1's three rows, claims and controls (section 4, 5)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of, ratio
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, free_run
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.skill import predictions
from rdverify.lstm.study import facts as lstm_metrics
from rdverify.lstm.study import tables as lstm_tables
from rdverify.lstm.study.choice import ADMISSIBLE, Chosen, choose, records
from rdverify.lstm.study.figures import curves_figure, distribution_figure, ratio_figure
from rdverify.lstm.study.networks import (
    KINDS,
    Networks,
    configs,
    load,
    recorded,
    save,
    train_kinds,
)
from rdverify.lstm.study.rows import ROWS, START_UP, UNSEEN, VARIANTS, WORDS, Row, read
from rdverify.lstm.study.settings import search_all
from rdverify.lstm.study.skill_facts import WARM_UP, add_skill
from rdverify.lstm.training import train
from rdverify.study import Context, Figure, Metric, Metrics, StudyResult, Table, glossary

FloatArray = npt.NDArray[np.float64]
RETRAINED = 0.02  # relative; M's of a network trained again, on another machine or version


def study(context: Context) -> StudyResult:
    """Measure the three rows with their controls.

    "quick" starts from the recorded searches and networks, "full" searches and
    trains anew into ``context.work`` (a stopped search goes on from there).
    """
    with one_thread():
        return _study(context)


def _study(context: Context) -> StudyResult:
    search_folder = context.golden / "search"
    weights_folder = context.golden / "weights"
    if context.profile == "full":
        search_folder = weights_folder = context.work / "lstm"
        frames = search_all(search_folder, context.progress)
    else:
        frames = records(search_folder)
    choice = choose(frames)
    if context.profile == "full":
        for row in (row for row in ROWS if not recorded(row, weights_folder, choice)):
            save(
                row,
                weights_folder,
                *train_kinds(row, choice, context.progress, context.workers),
                choice,
            )
    networks = {row.key: load(row, weights_folder, choice) for row in ROWS}
    wanted = {row.key: configs(row, choice) for row in ROWS}
    metrics = Metrics()
    variants = {
        kind: {key: chosen.variant for key, chosen in by_row.items()}
        for kind, by_row in choice.items()
    }
    runs: dict[str, dict[str, dict[str, FloatArray]]] = {"best": {}, "common": {}, "initial": {}}
    found, cells, late = {}, [], {}
    series: dict[str, FloatArray] = {}
    with context.progress.task("measure LSTM rows", len(ROWS) + 3) as task:
        for row in ROWS:
            kinds, own = networks[row.key], wanted[row.key]
            variant = variants["best"][row.key]
            x = generate(own["best"][0].data, "unseen", UNSEEN)
            series[row.key] = x
            runs["best"][row.key], sampling = numbers(kinds["best"], x, variant)
            shared = generate(own["common"][0].data, "unseen", UNSEEN)
            for kind, models in (
                ("common", kinds["common"]),
                ("initial", [build(config) for config in own["common"]]),
            ):
                runs[kind][row.key], _ = numbers(models, shared, variants["common"][row.key])
            late[row.key] = {
                name: numbers(kinds["best"], x, name)[0]["r"] for name in ("whole", "late")
            }
            drift = platform_drift(kinds["best"][:3], x, variant)
            metrics[f"lstm.{row.key}.drift"] = Metric(
                drift,
                "largest relative difference of M's and R between float32 and float64 "
                "and between one thread and two",
                n=3,
            )
            cells += lstm_tables.cells(
                row,
                frames[row.key],
                choice["best"][row.key],
                runs["best"][row.key],
                drift,
                sampling,
                numbers(kinds["untrained"], x, variant)[0],
            )
            found[row.key] = lstm_metrics.add_row(metrics, row, kinds, x, variant)
            add_search_shares(metrics, row, frames[row.key])
            metrics.measure(
                f"lstm.{row.key}.retrained",
                "largest relative difference of the M's "
                "between a recorded network and the same trained again from scratch",
                lambda kinds=kinds, own=own: retrained(kinds, own),
            )  # type: ignore[misc]
            task.advance()
        lstm_metrics.add_identities(metrics, networks, series)
        sines = wanted["sine"]["best"][0].data
        assert isinstance(sines, SineConfig)
        lstm_metrics.add_sines(metrics, networks["sine"], sines)
        law = lstm_metrics.start_up(networks["sine"]["best"])
        for name, what in (
            ("slope", "slope of log(R - 1) against log T on slow sines"),
            ("law_200", "T (1 - f) (R - 1) at T = 200 on slow sines"),
        ):
            metrics[f"lstm.start_up.{name}"] = Metric.of([line[name] for line in law], what)
        task.advance()
        lstm_metrics.add_dying(metrics, networks, series)
        lstm_metrics.add_variance(
            metrics,
            {
                kind: {key: values["r"] for key, values in runs[name].items()}
                for kind, name in (("trained", "common"), ("untrained", "initial"))
            },
        )
        add_learned_shares(metrics, frames)
        task.advance()
        lstm_metrics.add_systems(
            metrics,
            float(choice["best"]["van_der_pol"].setting["mu"]),
            {row.key: wanted[row.key]["best"][0] for row in ROWS},
        )
        skilled = {row.key: wanted[row.key]["skilled"] for row in ROWS}
        skill = add_skill(metrics, networks, skilled)
        task.advance()
    curves = fig2_series(networks, series, variants["best"])
    tables = {
        "lstm-words": glossary("LSTM", WORDS),
        "lstm-chosen": lstm_tables.chosen_table(choice, runs),
        "lstm-reach": lstm_tables.reach(frames, runs["best"]),
        "lstm-ranking": lstm_tables.ranking(frames),
        "lstm-sensitivity": lstm_tables.sensitivities(frames),
        **dict(
            zip(
                ("lstm-start-up", "lstm-start-up-law"),
                lstm_tables.start_up_table(frames, late, law),
                strict=True,
            )
        ),
        "lstm-controls": lstm_tables.controls_table(found),
        "lstm-skill": Table(
            "LSTM: what the networks trained for longer have learned, on unseen "
            "sequences (mean over ten seeds)",
            skill,
        ),
    }
    return StudyResult(
        cells,
        metrics,
        tables,
        draw(context, curves, frames, runs, variants["best"], networks, skilled),
        curves,
        config_record(choice, wanted),
    )


def numbers(
    models: list[SequenceModel], x: FloatArray, variant: str
) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """M_react, M_diff, R of each network, shape (networks,), and what the sequences scatter.

    The second: half width of the 95 % interval of a network's mean over its sequences.
    """
    balances = [balance_of(read(model, x, variant)) for model in models]
    values = {
        name: np.array([getattr(balance, name) for balance in balances])
        for name in ("m_react", "m_diff", "r")
    }
    scatter = {}
    for name in values:
        each = [getattr(balance, f"{name}_runs") for balance in balances]
        count = len(each[0])
        scatter[name] = (
            1.96 * float(np.mean([runs.std(ddof=1) for runs in each])) / count**0.5
            if count > 1
            else 0.0
        )
    return values, scatter


def platform_drift(models: list[SequenceModel], x: FloatArray, variant: str) -> float:
    """Largest relative difference between float32 and float64, one thread and two."""
    worst = 0.0
    for model in models:
        plain = balance_of(read(model, x, variant))
        wide = SequenceModel(model.lstm.hidden_size, torch.float64)
        wide.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
        others = [balance_of(read(wide.eval(), x, variant))]
        torch.set_num_threads(2)
        others.append(balance_of(read(model, x, variant)))
        torch.set_num_threads(1)
        for other in others:
            for name in ("m_react", "m_diff", "r"):
                worst = max(worst, abs(getattr(other, name) / getattr(plain, name) - 1))
    return worst


def retrained(kinds: Networks, own: Mapping[str, list[LSTMConfig]]) -> Metric:
    """Train the first recorded network again and compare its M's."""
    config = own["best"][0]
    x = generate(config.data, "unseen", UNSEEN)
    old = balance_of(read(kinds["best"][0], x, "whole"))
    new = balance_of(read(train(config).model, x, "whole"))
    return Metric(
        max(abs(new.m_react / old.m_react - 1), abs(new.m_diff / old.m_diff - 1)),
        "largest relative difference of the M's between a recorded network and the same "
        f"trained again from scratch (allowed: {RETRAINED:g})",
    )


def add_search_shares(metrics: Metrics, row: Row, frame: Any) -> None:
    """How many settings of the space-filling stage have R near 1, trained and untrained."""
    first = frame[(frame["stage"] == 1) & (frame["error"] == "")]
    for column, prefix, words in (
        ("r_whole", "lstm", "trained"),
        ("r_untrained", "lstm.control.untrained", "untrained"),
    ):
        hits = int((np.abs(first[column].to_numpy(float) - 1) <= lstm_metrics.NEAR).sum())
        metrics[f"{prefix}.{row.key}.near_one_share"] = lstm_metrics.wilson(
            hits,
            len(first),
            f"share of the space-filling search's settings with |R - 1| <= "
            f"{lstm_metrics.NEAR} over all steps ({words} networks)",
        )


def add_learned_shares(metrics: Metrics, frames: Mapping[str, Any]) -> None:
    """R near 1 among networks that predict well, and among those that don't."""
    near: dict[str, list[bool]] = {"learned": [], "unlearned": []}
    for frame in frames.values():
        part = frame[(frame["stage"] == 1) & (frame["target"] == "next")]
        for r, skill in zip(part["r_whole"], part["skill"], strict=True):
            if skill >= 2 or skill < 1:
                near["learned" if skill >= 2 else "unlearned"].append(
                    abs(r - 1) <= lstm_metrics.NEAR
                )
    for kind, words in (("learned", "at least twice as well as"), ("unlearned", "worse than")):
        metrics[f"lstm.search.{kind}_near_one"] = lstm_metrics.wilson(
            sum(near[kind]),
            len(near[kind]),
            "share with |R - 1| <= "
            f"{lstm_metrics.NEAR} among searched networks that predict {words} the better naive "
            "prediction",
        )


def fig2_series(
    networks: Mapping[str, Networks], series: Mapping[str, FloatArray], variants: Mapping[str, str]
) -> dict[str, dict[str, list[float]]]:
    """R_t of the first network's first unseen sequence for each row, over normalised time.

    Steps in which nothing is lost yet (C_0 = 0) have no ratio and are left out.
    """
    curves = {}
    for row in ROWS:
        # a line over all t; runs on data are shown with their start-up
        variant = variants[row.key] if variants[row.key] in ("free", "generated") else "whole"
        trace = read(networks[row.key]["best"][0], series[row.key], variant)
        y = ratio(trace.react, trace.diff)[0]
        keep = np.isfinite(y)
        curves[f"fig2/LSTM/{row.setting}"] = {
            "x": (trace.times[keep] / trace.times[-1]).tolist(),
            "y": y[keep].tolist(),
        }
    return curves


def draw(
    context: Context,
    curves: Mapping[str, Any],
    frames: Mapping[str, Any],
    runs: Mapping[str, Mapping[str, Mapping[str, FloatArray]]],
    variants: Mapping[str, str],
    networks: Mapping[str, Networks],
    skilled: Mapping[str, list[LSTMConfig]],
) -> dict[str, Figure]:
    """The three figures, or none where no folder is given."""
    if context.figures is None:
        return {}
    shown = {}
    for row in ROWS:
        model = networks[row.key]["skilled"][0]
        x = generate(skilled[row.key][0].data, "unseen", UNSEEN)
        shown[row.key] = {
            "true": x[0],
            "one_step": predictions(model, x)[0, :-1],
            "free": free_run(model, as_input(x[:, :WARM_UP], model), x.shape[1] - WARM_UP)[0],
        }
    return {
        "lstm-ratio": ratio_figure(
            {key.removeprefix("fig2/"): curve for key, curve in curves.items()}, context.figures
        ),
        "lstm-curves": curves_figure(shown, WARM_UP, context.figures),
        "lstm-distribution": distribution_figure(
            frames,
            {key: values["r"] for key, values in runs["best"].items()},
            variants,
            context.figures,
        ),
    }


def config_record(
    choice: Mapping[str, Mapping[str, Chosen]], wanted: Mapping[str, Mapping[str, list[LSTMConfig]]]
) -> dict[str, Any]:
    """All settings and seeds of the recorded networks."""
    return {
        "lstm": {
            "readings": dict(VARIANTS),
            "start_up_steps": START_UP,
            "unseen_sequences": UNSEEN,
            "fit_within": ADMISSIBLE,
            "kinds": dict(KINDS),
            "rows": {
                row.setting: {
                    kind: {
                        "reading": choice[kind][row.key].variant,
                        "config": wanted[row.key][kind][0].as_json(),
                        "seeds": [config.seed for config in wanted[row.key][kind]],
                    }
                    for kind in ("best", "common")
                }
                for row in ROWS
            },
        }
    }


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order; the caller's number of threads is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
