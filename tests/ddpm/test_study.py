"""The DDPM study: its helpers by mathematics, and one whole run with untrained weights.

The run needs neither data nor training: three random networks, cards and records
made up here, a chain of 40 steps. What it measures then has no meaning; that every
metric of the ledger is measured, and how, is what these tests hold.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ddpm import cards
from matplotlib.image import imread
from scipy import stats

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.ddpm.denoisers import MixtureDenoiser, TrueNoise, zero
from rdverify.ddpm.study import (
    STUDY,
    exact,
    observables,
    open_facts,
    open_settings,
    record_facts,
    records,
    settings,
)
from rdverify.ddpm.study import facts as facts_module
from rdverify.ddpm.study import runs as runs_module
from rdverify.ddpm.study.cells import LAW_POINTS, law_of_m_diff, part_settings
from rdverify.ddpm.study.choices import architectures
from rdverify.ddpm.study.facts import generates, trained
from rdverify.ddpm.study.open_settings import OBSERVED, SETTINGS
from rdverify.ddpm.study.rows import ROWS, SCHEDULE, load_row
from rdverify.ddpm.study.runs import Runs, run, run_from
from rdverify.ddpm.study.sampled import run_row
from rdverify.ddpm.study.shipped import KEPT, RECORDS
from rdverify.ddpm.unet import build_unet, save_unet
from rdverify.judge.paper import the_paper
from rdverify.study import Context, Measured, NotMeasured
from rdverify.study.frames import read_frame, write_frame
from rdverify.study.intervals import difference
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder
from rdverify.tools.progress import Reporter

PRINTED = {
    name: {q: float(text) for q, text in the_paper().printed()["DDPM", name].items()}
    for name in ROWS
}
SHORT = Schedule.linear(40)
# the random networks of this run make no images on the scale of their data
WAITING = {
    f"ddpm.{row}.{r}_trained" for row in ("mnist", "fashion", "cifar10") for r in ("r", "inverse_r")
}
WAITING |= {"ddpm.r_spread"}
MEAN_SQUARES = {
    "MNIST": {"[-1,1]": 0.943, "[0,1]": 0.0858},
    "FashionMNIST": {"[-1,1]": 0.756, "[0,1]": 0.158},
    "CIFAR10": {"[-1,1]": 0.258, "[0,1]": 0.287},
}


def variants_record() -> pd.DataFrame:
    """A record of the shape that ``search`` writes, with numbers that tell rows apart."""
    jobs = [(row, name, 1000, "endpoints") for row in ROWS for name in settings.VARIANTS]
    jobs += [("MNIST", f"T = {T}, {scaling}", T, scaling) for T, scaling in settings.STEP_VARIANTS]
    jobs += [("CIFAR10", "T = 4000, endpoints", 4000, "endpoints")]
    lines = []
    for k, (row, variant, T, scaling) in enumerate(jobs):
        react, diff, r = PRINTED[row].values()
        off = 1 + 0.001 * k
        lines.append(
            {
                "row": row,
                "variant": variant,
                "T": T,
                "scaling": scaling,
                "n": 4,
                "seed": 10,
                "weights": "",
                "m_react": react * off,
                "m_react_se": 1e-4,
                "m_diff": diff,
                "m_diff_se": 1e-3,
                "r": r * off,
                "r_se": 1e-4,
                "final_ratio": 0.9 + 1e-3 * k,
                "r_t_start": 0.07,
                "r_t_min": 0.06,
                "u_min": 0.45,
                "neighbour_correlation": 0.7,
                "pairwise_correlation": 0.3,
                "image_norm": 30.0,
            }
        )
    return pd.DataFrame(lines)


def final_record() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "row": row,
                "dataset": row,
                "n": 8,
                "error": 0.19,
                "error_se": 0.01,
                "ratio": 0.88,
                "ratio_se": 0.01,
            }
            for row in ROWS
        ]
    )


def quality_record() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "dataset": dataset,
                "images": images,
                "n": 500,
                "real": 500,
                "kernel_distance": distance,
                "error": 0.01,
                "classes_hit": classes,
                "rarest_class": 1,
                "confidence": 0.9,
            }
            for dataset in ("mnist", "fashionmnist")
            for images, distance, classes in (
                ("samples", 0.2, 10),
                ("untrained", 2.0, 1),
                ("real, one half against the other", 0.0, 10),
            )
        ]
    )


def open_record() -> pd.DataFrame:
    """A record of the shape that ``measure_open`` writes, three trajectories of each setting."""
    jobs = [(row, setting) for row in ROWS for setting in SETTINGS] + [("CIFAR10", "more_steps")]
    lines = [
        {"row": row, "setting": setting, "n": 3, "weights": "", "trajectory": k}
        | dict.fromkeys(OBSERVED, 0.5 + 0.1 * job + 0.01 * k)
        for job, (row, setting) in enumerate(jobs)
        for k in range(3)
    ]
    return pd.DataFrame(lines)


def training_record() -> pd.DataFrame:
    lines = [
        {
            "dataset": dataset,
            "step": step,
            "weights": "raw",
            "n": 4,
            "m_react": 0.21,
            "m_react_sd": 1e-3,
            "m_diff": 3.03,
            "m_diff_sd": 1e-3,
            "r": r,
            "r_sd": 1e-3,
            "final_ratio": (0.6 + step / 1e5 if dataset == "mnist" else 0.9),
            "final_ratio_sd": 0.001,
        }
        for dataset in ("mnist", "fashionmnist", "cifar10-first4000")
        for step, r in ((0, 2.5), (1000, 0.070), (2000, 0.071), (5000, 0.0712))
    ]
    return pd.DataFrame(lines)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "weights").mkdir()
    (folder / "search").mkdir()
    shutil.copytree(golden_folder() / "sweep", folder / "sweep")
    for name, row in ROWS.items():
        weights = save_unet(
            build_unet(row.channels, widths=(8, 8), norm_groups=4, seed=row.seed),
            folder / "weights" / f"{row.file}.safetensors",
        )
        cards.written(weights, mean_square=MEAN_SQUARES[name], data=name)
    variants_record().to_csv(folder / "search" / "ddpm.csv", index=False)
    quality_record().to_csv(folder / "search" / "image_quality.csv", index=False)
    final_record().to_csv(folder / "search" / "ddpm_final.csv", index=False)
    open_record().to_csv(folder / "search" / "ddpm_open.csv", index=False)
    training_record().to_csv(folder / "search" / "ddpm_training.csv", index=False)
    for name in KEPT:
        shutil.copy(golden_folder() / "search" / name, folder / "search")
    return folder


def context_of(golden: Path, work: Path) -> Context:
    return Context("quick", golden, None, work, printed=the_paper().printed())


def small_runs(golden: Path, work: Path) -> Runs:
    context = context_of(golden, work)
    return run_from(context, golden, golden / "search", 4, 2, SHORT)


@pytest.fixture(scope="module")
def runs(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return small_runs(golden, tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def facts(runs: Runs) -> dict[str, Measured]:
    return STUDY.facts.measure(runs)


# --- the whole run -------------------------------------------------------------------------


@pytest.mark.once
def test_every_fact_is_measured_and_defined_and_its_interval_holds_its_value(facts):
    assert set(STUDY.facts.names()) - set(facts) == WAITING
    for name, fact in facts.items():
        assert name.startswith("ddpm.")
        assert fact.what
        assert not fact.error, (name, fact.error)
        if fact.low is not None:
            assert fact.low <= fact.value <= fact.high


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.once
def test_a_record_that_is_missing_or_no_table_is_named_before_any_sampling(
    golden, tmp_path, monkeypatch, name
):
    monkeypatch.setattr(runs_module, "run_row", lambda *_: pytest.fail("long work started"))
    shutil.copytree(golden / "search", tmp_path / "search")
    path = tmp_path / "search" / name
    whole = path.read_text()
    for content in (None, "", whole[:-7], whole.replace(".", ",", 1), whole.replace("0.", "O.")):
        path.unlink() if content is None else path.write_text(content)
        with pytest.raises(InputError, match=rf"record = .*{name}"):
            run_from(context_of(tmp_path, tmp_path), golden, tmp_path / "search")


@pytest.mark.once
def test_lines_that_a_record_lacks_are_errors_and_not_left_out(runs):
    record = runs.records["ddpm_open.csv"]
    without = replace(runs, records={**runs.records, "ddpm_open.csv": record.iloc[:0]})
    found = STUDY.facts.measure(without)
    assert set(STUDY.facts.names()) - set(found) == WAITING
    assert "must be a whole record" in found["ddpm.mnist.decreasing.r"].error
    assert not found["ddpm.mnist.r"].error


@pytest.mark.once
def test_cells_are_three_rows_as_corrected_and_what_differs_as_printed(runs):
    cells = STUDY.cells(runs)
    keys = [(cell.row.setting, cell.quantity, cell.form) for cell in cells]
    assert len(set(keys)) == len(keys) == 15
    for cell in cells:
        assert cell.runs.shape == ((LAW_POINTS,) if cell.quantity == "m_diff" else (4,))
        assert cell.fitted == (cell.row.setting == "MNIST" and cell.form == "corrected")
        if cell.form == "corrected":
            assert {part.name for part in cell.parts} == {"platform", "settings"}


@pytest.mark.once
def test_printed_cells_are_the_norm_of_the_networks_output(runs):
    cells = {(c.row.setting, c.quantity, c.form): c.runs for c in STUDY.cells(runs)}
    for row in ROWS:
        react, diff = cells[row, "m_react", "printed"], runs.rows[row].balance.m_diff_runs
        assert cells[row, "r", "printed"] == pytest.approx(react / diff)


@pytest.mark.once
def test_m_diff_stands_on_its_known_law_and_says_from_what_it_follows(runs):
    cells = {(c.row.setting, c.quantity): c for c in STUDY.cells(runs) if c.form == "corrected"}
    for row, sampled in runs.rows.items():
        known, points = sampled.expected, cells[row, "m_diff"].runs
        assert points.mean() == pytest.approx(known.m_diff, rel=1e-12)
        assert points.std(ddof=1) == pytest.approx(known.monte_carlo_error(1)[1], rel=1e-12)
        assert row in cells[row, "r"].follows
        assert bool(cells[row, "m_diff"].follows) == (row != "MNIST")
        assert not cells[row, "m_react"].follows


def test_law_of_m_diff_is_that_of_chains_of_noise():
    """Means of T independent chi variables: centre, scatter and near normality, 4,000 chains."""
    expected = expected_balance(SHORT, 64, 0.0)
    sigma = SHORT.sigma()
    chains = stats.chi.rvs(64, size=(4000, SHORT.T), random_state=1) @ sigma / SHORT.T
    points = law_of_m_diff(expected)
    assert abs(stats.ttest_1samp(chains, points.mean()).statistic) < 3
    assert chains.std() == pytest.approx(points.std(ddof=1), rel=0.05)
    assert stats.kstest(chains, stats.norm(points.mean(), points.std(ddof=1)).cdf).pvalue > 0.01


@pytest.mark.once
def test_curves_are_short_and_on_normalised_time(runs):
    curves = STUDY.curves(runs)
    assert [curve.row for curve in curves] == list(STUDY.rows)
    for curve in curves:
        assert len(curve.x) == len(curve.y) <= 250
        assert 0 < curve.x[0] < curve.x[-1] == 1.0


@pytest.mark.once
def test_figures_are_drawn_described_and_not_blank(runs, tmp_path):
    figures = STUDY.figures(runs, tmp_path)
    assert set(figures) == {
        "ddpm.samples",
        "ddpm.sweep",
        "ddpm.r_t",
        "ddpm.final",
        "ddpm.steps",
        "ddpm.training",
    }
    for figure in figures.values():
        assert figure.caption
        assert figure.alt
        assert imread(tmp_path / figure.file).std() > 0.02


def test_few_steps_miss_the_closed_form_only_where_they_begin_with_pure_noise():
    """With fixed end points 50 steps leave alpha_bar_T = 0.6, which the closed form counts on.

    With an exact denoiser, so that no error of a network can be the reason.
    """
    few = Schedule.linear(50)
    assert few.alpha_bar[-1] > 0.5
    points = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (6, 1, 8, 8)))
    images = points[torch.arange(24) % 6]
    exact_of = MixtureDenoiser(SCHEDULE, points)
    closed = expected_balance(few, 64, 1.0).r
    begun = settings.begun_with(exact_of, images, few).r_runs
    sampled = balance_of(sample(MixtureDenoiser(few, points), few, (1, 8, 8), 24, 1)[1]).r_runs
    assert begun.mean() == pytest.approx(closed, rel=0.07)  # the marginals hold to O(1/T)
    assert sampled.mean() > 1.2 * closed
    assert sampled.min() > begun.max()


@pytest.mark.once
def test_curves_keep_every_step_of_the_end_and_a_band_around_the_middle(runs):
    for curve in STUDY.curves(runs):
        assert len(curve.low) == len(curve.high) == len(curve.x)
        assert np.all(np.array(curve.low) <= np.array(curve.high))
        assert np.allclose(np.diff(curve.x[-20:]), 1 / SHORT.T)


@pytest.mark.once
def test_the_study_gives_the_same_twice(runs, facts, golden, tmp_path):
    again = small_runs(golden, tmp_path)
    assert [cell.runs.tolist() for cell in STUDY.cells(again)] == [
        cell.runs.tolist() for cell in STUDY.cells(runs)
    ]
    assert STUDY.facts.measure(again) == facts
    assert STUDY.tables(again) == STUDY.tables(runs)


@pytest.mark.once
def test_a_network_that_is_not_trained_out_is_warned_of(runs):
    assert STUDY.caveats(runs) == []
    card = {**runs.rows["MNIST"].card, "training": {"steps": 5, "steps_planned": 10}}
    rows = {**runs.rows, "MNIST": replace(runs.rows["MNIST"], card=card)}
    (caveat,) = STUDY.caveats(replace(runs, rows=rows))
    assert "MNIST 5 of 10 steps" in caveat


@pytest.mark.once
def test_a_network_that_saw_a_part_of_its_data_is_warned_of(runs):
    card = {**runs.rows["CIFAR10"].card, "data": "first 4,000 images of CIFAR-10"}
    rows = {**runs.rows, "CIFAR10": replace(runs.rows["CIFAR10"], card=card)}
    (caveat,) = STUDY.caveats(replace(runs, rows=rows))
    assert caveat.startswith("**CIFAR10's network was trained on the first 4,000 images of CIFAR")


def test_missing_weights_or_card_are_named_before_any_sampling(golden, tmp_path):
    shutil.copytree(golden / "search", tmp_path / "search")
    with pytest.raises(InputError, match=r"ddpm-mnist\.json.*there is no such file"):
        run(context_of(tmp_path, tmp_path))
    shutil.copytree(golden / "weights", tmp_path / "weights")
    weights = tmp_path / "weights" / "ddpm-mnist.safetensors"
    save_unet(build_unet(1, widths=(8, 8), norm_groups=4, seed=9), weights)
    with pytest.raises(InputError, match=r"must be of SHA-256 .* as its card says"):
        run(context_of(tmp_path, tmp_path))
    weights.unlink()
    with pytest.raises(InputError, match=r"ddpm-mnist\.safetensors.*there is no such file"):
        run(context_of(tmp_path, tmp_path))
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match=r"ddpm-mnist.json.* must be the JSON card"):
        run(context_of(tmp_path, tmp_path))


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.once
def test_fit_on_mnist_decides_steps_range_and_size_and_leaves_three_choices_open():
    grid = settings.fit(MEAN_SQUARES, PRINTED["MNIST"]["m_react"], PRINTED["MNIST"]["m_diff"])
    fits = grid[grid["miss"] <= 1]
    for name, value in (("T", 1000), ("beta_1", 1e-4), ("beta_T", 0.02), ("size", 32)):
        assert set(fits[name]) == {value}
    for name in ("direction", "pixels", "sigma"):
        assert fits[name].nunique() == 2


def test_trajectories_behind_recovers_the_number_that_made_the_means():
    rng = np.random.default_rng(1)
    for n in (1, 16):
        z = rng.standard_normal(4000) / math.sqrt(n)
        estimate, most = settings.trajectories_behind(z, np.zeros(4000), np.ones(4000))
        assert estimate == pytest.approx(n, rel=0.1)
        assert n <= most + 1 <= 1.2 * n + 1


@pytest.mark.once
def test_variant_as_trained_is_the_plain_chain_and_search_resumes(golden, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "OPEN", ("as trained", "beta decreasing"))
    monkeypatch.setattr(settings, "VARIANTS", {"as trained": {}, "beta decreasing": {}})
    monkeypatch.setattr(settings, "STEP_VARIANTS", ((20, "endpoints"), (50, "1/T")))
    asked = []

    def fake(network, variant, images, seed, T, scaling, progress, name):
        asked.append(name)
        return {"m_react": float(len(asked))}

    monkeypatch.setattr(settings, "sample_variant", fake)
    path = tmp_path / "ddpm.csv"
    first = settings.search(golden, path, Reporter(), images=2)
    assert len(first) == len(asked) == 3 * 2 + 2 + 1
    pd.testing.assert_frame_equal(first.iloc[:4], read_frame(path).iloc[:4])
    write_frame(path, first.iloc[:4])
    asked.clear()
    settings.search(golden, path, Reporter(), images=2)
    assert len(asked) == len(first) - 4
    stale = first.assign(weights="sha256:000000000000")  # of weights that are no longer there
    write_frame(path, stale)
    asked.clear()
    settings.search(golden, path, Reporter(), images=2)
    assert len(asked) == len(first)


@pytest.mark.parametrize("name", list(settings.VARIANTS))
@pytest.mark.once
def test_every_variant_can_be_sampled_and_the_true_noise_finds_its_image(name):
    """The exact predictor of one image survives any schedule, pixel range and sigma."""
    image = torch.linspace(-0.9, 0.9, 64).reshape(1, 8, 8)
    exact = TrueNoise(SCHEDULE, image)

    def network(x, t):
        if not t.is_floating_point():
            return exact(x, t)
        below = t.floor().long().clamp(0, 998)  # between two indices: in between
        share = float((t - below)[0])
        return (1 - share) * exact(x, below) + share * exact(x, below + 1)

    variant = settings.VARIANTS[name] | {"shape": (1, 8, 8)}
    found = settings.sample_variant(network, variant, 2, 0, T=100)
    target = 0.5 * image + 0.5 if "[0,1]" in name else image
    assert found["image_norm"] == pytest.approx(float(target.norm()), rel=0.15)
    assert found["m_diff"] == (0 if name == "no noise" else pytest.approx(found["m_diff"]))


@pytest.mark.once
def test_sample_quality_is_taken_relative_to_the_untrained_network(facts):
    assert facts["ddpm.mnist.kernel_distance_ratio"].value == pytest.approx(0.1)
    assert facts["ddpm.control.untrained.fashion_kernel_distance_ratio"].value == 1
    assert facts["ddpm.mnist.classes_hit"].value == 10


@pytest.mark.once
def test_a_network_that_left_the_datas_scale_is_no_trained_model(runs, facts):
    """Its R waits: nothing is measured, and no interval stands in for it."""
    assert not generates(runs.rows["CIFAR10"])
    with pytest.raises(NotMeasured, match="CIFAR10"):
        trained(runs, "cifar10")
    assert not WAITING & set(facts)
    square = runs.rows["CIFAR10"].images.double().square().mean()
    fitting = replace(runs.rows["CIFAR10"], mean_square=float(square))
    with_it = replace(runs, rows={**runs.rows, "CIFAR10": fitting})
    declared = STUDY.facts.declaration("ddpm.cifar10.r_trained")
    found = declared.measure(with_it, {"row": "cifar10"})
    assert found == replace(Measured.of(fitting.balance.r_runs), what=found.what)


@pytest.mark.once
def test_facts_under_another_setting_are_those_of_its_own_trajectories(facts):
    record = open_record()
    for row, name, setting, fact in (
        ("MNIST", "early_fine", "decreasing", "ddpm.mnist.decreasing.early_fine"),
        ("CIFAR10", "final_ratio", "unit", "ddpm.cifar10.unit.final_ratio"),
        ("FashionMNIST", "r", "posterior", "ddpm.fashion.posterior.r"),
    ):
        own = record[(record["row"] == row) & (record["setting"] == setting)][name]
        assert facts[fact].runs == pytest.approx(tuple(own))
        assert (facts[fact].low, facts[fact].high) == Measured.of(own).ends


@pytest.mark.once
def test_final_ratios_gain_by_training_and_by_steps_is_counted_from_the_shorter_one(runs, facts):
    gained = record_facts.gain_since(runs, "mnist", 1000, "final_ratio")
    assert gained.value == pytest.approx((5000 - 1000) / 1e5)
    assert gained.low < gained.value < gained.high
    assert facts["ddpm.training.cifar10.final_gain_since_1000"].value == pytest.approx(0)
    record = open_record()
    many = record[(record["row"] == "CIFAR10") & (record["setting"] == "more_steps")]["final_ratio"]
    few = runs.rows["CIFAR10"].balance.r_t[:, -1]
    assert facts["ddpm.steps.cifar10.final_gain"].value == pytest.approx(many.mean() - few.mean())


@pytest.mark.once
@pytest.mark.parametrize("scaling", ["endpoints", "1/T"])
def test_both_together_are_the_closed_form_at_more_steps_from_the_network_as_trained(
    scaling, runs, facts
):
    key = scaling.replace("1/T", "inverse_T")
    schedule = Schedule.linear(4000, scaling=scaling)
    mnist, fashion = runs.rows["MNIST"], runs.rows["FashionMNIST"]
    r = expected_balance(schedule, mnist.dimension, mnist.mean_square).r
    gain = facts[f"ddpm.steps.{key}.joint_gain"]
    assert gain.runs == pytest.approx(tuple(r - mnist.balance.r_runs))
    r_t = expected_balance(schedule, fashion.dimension, fashion.mean_square).r_t
    assert facts[f"ddpm.steps.{key}.fashion.final_ratio"].value == pytest.approx(r_t[-1])


@pytest.mark.once
def test_the_heaviest_mode_is_the_one_of_weight_030_and_the_rest_have_less(facts):
    modes = exact.modes(exact.MIXTURE.means[[0, 0, 0, 5]])
    assert modes == pytest.approx([0.75, 0, 0, 0, 0, 0.25, 0, 0])
    assert exact.MIXTURE.weights.argmax() == 0
    for end in ("silent", "reverse"):
        heaviest, largest = (
            facts[f"ddpm.{end}.{name}_mode_share"].value for name in ("heaviest", "largest")
        )
        assert heaviest <= largest


@pytest.mark.once
def test_what_the_network_makes_without_noise_is_read_off_the_record(facts):
    entry = record_facts.entry_of(variants_record(), "MNIST", "no noise")
    for name in ("pairwise_correlation", "neighbour_correlation"):
        assert facts[f"ddpm.mnist.silent.{name}"].value == entry[name]


@pytest.mark.once
def test_the_true_noise_predicts_its_image_from_the_start_while_x_t_hides_it(facts):
    assert facts["ddpm.control.true_noise.early_guess"].value == pytest.approx(1, abs=1e-5)
    assert facts["ddpm.control.true_noise.early_fine_guess"].value == pytest.approx(1, abs=1e-4)
    hidden = facts["ddpm.control.true_noise.early_fine"]
    assert hidden.high < facts["ddpm.control.true_noise.early_fine_guess"].low


@pytest.mark.once
def test_no_interval_reaches_beyond_its_own_runs(facts):
    """Wherever run values are kept the interval is Student's of them: no setting widens it."""
    checked = 0
    for fact in facts.values():
        if fact.how == "student-t":
            assert fact.ends == pytest.approx(Measured.of(fact.runs).ends)
            checked += 1
    assert checked > 50


def test_share_of_a_gap_has_fiellers_interval():
    """By simulation: true share 0.5 of a gap of 1, normal scatter; covered in 95 %."""
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(400):
        many, few, target = (rng.normal(m, 0.2, 8) for m in (0.5, 0.0, 1.0))
        share = open_facts.gap_closed(many, few, target)
        covered += share.low <= 0.5 <= share.high
        assert share.low <= share.value <= share.high
    assert 0.92 <= covered / 400 <= 0.995  # the degrees of freedom are the fewer ones: a bit wide
    with pytest.raises(NotMeasured):
        open_facts.gap_closed(*(rng.normal(0.0, 1.0, 8) for _ in range(3)))


def test_spread_is_the_difference_of_the_extreme_rows():
    values = {"a": np.array([1.0, 1.1]), "b": np.array([3.0, 3.1]), "c": np.array([2.0, 2.5])}
    assert facts_module.spread(values) == difference(values["b"], values["a"])


@pytest.mark.once
@pytest.mark.parametrize("name", OBSERVED)
def test_what_is_recorded_under_a_setting_is_what_the_run_measures(name, runs, facts):
    found = OBSERVED[name](runs.rows["MNIST"])
    assert found.shape == (4,)
    own = facts.get(f"ddpm.mnist.{name}")
    if own is not None:
        assert own.runs == pytest.approx(tuple(found))


@pytest.mark.once
def test_open_settings_are_sampled_with_the_rows_noise_and_resumed(golden, tmp_path, monkeypatch):
    """Under the setting of the training itself the trajectories are the run's own."""
    monkeypatch.setattr(open_settings, "SCHEDULE", SHORT)
    network, _, mean_square = load_row(golden, "MNIST")
    own = run_row(network, "MNIST", "", mean_square, 2, Reporter(), schedule=SHORT)
    same = open_settings.sample_setting(
        network, "MNIST", "as trained", mean_square, 2, Reporter(), SHORT.T
    )
    assert same.balance.r_runs == pytest.approx(own.balance.r_runs, rel=1e-5)
    sampled = []

    def fake(network, row, variant, mean_square, images, progress, T):
        sampled.append((row, variant))
        return own

    monkeypatch.setattr(open_settings, "sample_setting", fake)
    path = tmp_path / "ddpm_open.csv"
    first = open_settings.measure_open(golden, path, Reporter(), images=2)
    assert len(sampled) == 3 * len(SETTINGS) + 1
    assert len(first) == 2 * len(sampled)
    sampled.clear()
    again = open_settings.measure_open(golden, path, Reporter(), images=2)
    assert not sampled
    pd.testing.assert_frame_equal(again, first)
    write_frame(path, first.assign(weights="sha256:000000000000"))
    open_settings.measure_open(golden, path, Reporter(), images=2, only=("MNIST",))
    assert len(sampled) == len(SETTINGS)


@pytest.mark.once
def test_final_ratio_is_predicted_from_the_recorded_error(runs):
    line = STUDY.tables(runs)["ddpm.final"].rows[0]
    assert line["sqrt(1 - error/d) there"] == pytest.approx(0.9)
    assert line["on real images with the last step's noise"] == 0.88


def test_last_step_of_the_true_and_of_the_blind_network():
    """The true noise has error 0 and ratio 1; a network of zeros error 1 and ratio 0."""
    images = torch.rand((40, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    chunks = iter(images.split(32))

    def perfect(x, t):
        return TrueNoise(SCHEDULE, next(chunks))(x, t)

    found = records.last_step(perfect, images)
    assert found["error"] == pytest.approx(0, abs=1e-6)
    assert found["ratio"] == pytest.approx(1, rel=1e-3)
    blind = records.last_step(zero, images)
    assert blind["error"] == pytest.approx(1, rel=0.1)
    assert blind["ratio"] == 0


@pytest.mark.once
def test_settings_part_is_the_largest_gap_to_the_setting_that_was_run(runs):
    variants = variants_record()
    own = variants[(variants["row"] == "CIFAR10") & variants["variant"].isin(settings.OPEN)]
    base = own[own["variant"] == "as trained"]["m_react"].iloc[0]
    parts = part_settings(runs, "CIFAR10", "m_react")
    assert parts[0].half_width == pytest.approx((own["m_react"] - base).abs().max())
    assert part_settings(runs, "MNIST", "r")[1].half_width == pytest.approx(0.0012)


def test_broken_record_is_named(tmp_path):
    path = tmp_path / "ddpm.csv"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"ddpm.csv.* must be a CSV file"):
        read_frame(path)


# --- helpers by mathematics ----------------------------------------------------------------------


def test_time_of_crossing_is_the_last_upward_one():
    times = np.array([0.0, 0.25, 0.5, 0.75])
    curves = np.array([[0.9, 0.1, 0.6], [0.2, 0.2, 0.7], [0.8, 0.3, 0.8], [0.9, 0.4, 0.9]])
    assert observables.time_of_crossing(times, curves, 0.5).tolist() == [0.5, 1.0, 0.0]


def test_bands_add_up_and_separate_wavelengths():
    x = torch.arange(32.0)
    slow, fast = torch.cos(2 * math.pi * x / 8), torch.cos(2 * math.pi * x / 2)
    image = (slow + fast).expand(1, 1, 32, 32)
    coarse, fine = observables.bands(image)
    assert torch.allclose(coarse + fine, image.double(), atol=1e-6)
    assert torch.allclose(coarse[0, 0, 0].float(), slow, atol=1e-5)
    assert torch.allclose(fine[0, 0, 0].float(), fast, atol=1e-5)


def test_neighbour_correlation_of_noise_ramp_and_stripes():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn((200, 1, 32, 32), generator=generator)
    assert abs(observables.neighbour_correlation(noise).mean()) < 0.01
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    assert observables.neighbour_correlation(ramp)[0] == pytest.approx(1)
    stripes = torch.tensor([1.0, -1.0]).repeat(16).expand(1, 1, 32, 32)
    assert observables.neighbour_correlation(stripes)[0] == pytest.approx(-1, abs=0.01)


def test_pairwise_correlation_of_equal_and_of_independent_images():
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn((20, 1, 32, 32), generator=generator)
    assert observables.pairwise_correlation(noise[:1].expand(5, -1, -1, -1)) == pytest.approx(1)
    assert abs(observables.pairwise_correlation(noise).mean()) < 0.02


def test_smooth_is_the_moving_average():
    r_t = np.random.default_rng(1).random((2, 30))
    expected = np.array([[row[k : k + 7].mean() for k in range(24)] for row in r_t])
    assert observables.smooth(r_t, 7) == pytest.approx(expected)


@pytest.mark.once
def test_energy_distance_is_zero_for_equal_laws_and_known_for_a_shift():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 3000, 1))
    assert abs(exact.energy_distance(x, y)) < 0.005
    # 1-D normals a distance m apart: 2E|X-Y| = 2[2 phi(m/r2) r2 + m(2 Phi(m/r2) - 1)], r2 = sqrt 2
    m, r2 = 2.0, math.sqrt(2)
    mean = 2 * r2 * stats.norm.pdf(m / r2) + m * (2 * stats.norm.cdf(m / r2) - 1)
    own = 2 / math.sqrt(math.pi)
    assert exact.energy_distance(x + m, y) == pytest.approx((2 * mean - 2 * own) / own, rel=0.05)


def test_reverse_kernel_distance_agrees_with_monte_carlo():
    """Draw (x_{t-1}, x_t), take one x_t, and histogram: the same total variation."""
    beta, bar, m, v = 0.3, 0.9, 1.0, 1e-3
    rng = np.random.default_rng(4)
    n = 1_000_000
    x = rng.choice([-1.0, 1.0], n) * math.sqrt(bar) * m + math.sqrt(bar * v + 1 - bar) * (
        rng.standard_normal(n)
    )
    x_t = math.sqrt(1 - beta) * x + math.sqrt(beta) * rng.standard_normal(n)
    distances, weights = [], []
    for low in np.arange(-2.4, 2.4, 0.1):
        inside = x[(x_t >= low) & (x_t < low + 0.1)]
        if len(inside) < 5000:
            continue
        edges = np.linspace(-2.5, 2.5, 51)
        found = np.histogram(inside, edges)[0] / len(inside)
        gauss = np.diff(stats.norm.cdf(edges, inside.mean(), inside.std()))
        distances.append(0.5 * np.abs(found - gauss).sum())
        weights.append(len(inside))
    simulated = np.average(distances, weights=weights)
    assert exact.reverse_kernel_distance(beta, bar, m, v) == pytest.approx(simulated, rel=0.15)


@pytest.mark.parametrize(("right", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_direction_that_gives_print_is_nearer_and_the_closed_form_is_asked_alone(right, sign):
    lines = []
    for row, numbers in PRINTED.items():
        react = numbers["m_react"]
        for direction, names in record_facts.DIRECTIONS.items():
            for k, name in enumerate(names.values()):  # the second pixel range never suits better
                off = (1.0 if direction == right else 1.2) + 0.3 * k
                lines.append(
                    {
                        "row": row,
                        "variant": name,
                        "n": 4,
                        "m_react": react * off,
                        "m_react_se": 1e-9,
                    }
                )
    printed = {row: numbers["m_react"] for row, numbers in PRINTED.items()}
    gap, perfect = (
        record_facts.direction_gap(pd.DataFrame(lines), MEAN_SQUARES, printed, sampled, draws=50)
        for sampled in (True, False)
    )
    assert gap.value == pytest.approx(0.2 * sign)
    assert gap.ends == pytest.approx((gap.value, gap.value), abs=1e-6)  # its own runs alone
    closed = []
    for direction in ("decreasing", "increasing"):
        squares = {
            pixels: np.mean(
                [
                    (
                        expected_balance(
                            Schedule.linear(direction=direction),
                            row.dimension,
                            MEAN_SQUARES[name][pixels],
                        ).m_react
                        / printed[name]
                        - 1
                    )
                    ** 2
                    for name, row in ROWS.items()
                ]
            )
            for pixels in ("[-1,1]", "[0,1]")
        }
        closed.append(math.sqrt(min(squares.values())))
    assert perfect.value == pytest.approx(closed[0] - closed[1])


@pytest.mark.once
def test_networks_of_two_shapes_are_compared_on_the_same_noise(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "SCHEDULE", SHORT)
    found = []
    for groups in (1, 4):
        weights = save_unet(
            build_unet(1, widths=(8, 8), norm_groups=groups, seed=5),
            tmp_path / f"groups-{groups}.safetensors",
        )
        found.append(cards.written(weights, architecture={**cards.FORM, "norm_groups": groups}))
    frame = records.compare(found, tmp_path / "record.csv", Reporter())
    assert frame["norm_groups"].tolist() == [1, 4]
    assert frame["m_diff"].nunique() == 1  # equal noise
    assert frame["m_react"].nunique() == 2
    table = architectures(read_frame(tmp_path / "record.csv"))
    assert [line["normalisation groups"] for line in table.rows] == [1, 4]
    shown = float(table.rows[0]["M_react"].split()[0])
    assert shown == pytest.approx(frame["m_react"][0], abs=1e-4)
