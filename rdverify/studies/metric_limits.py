"""What the metric can't tell: constructive counterexamples, each a small run or a proof."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from rdverify.balance import balance_of
from rdverify.data.sequences import SineConfig, generate
from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.denoisers import MixtureDenoiser
from rdverify.gray_scott import simulate
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, gates, probe
from rdverify.patterns import classify
from rdverify.progress import Task
from rdverify.studies.metric_scaling import NETWORKS
from rdverify.studies.metric_systems import SPOTS, Systems, regime
from rdverify.study import Metric, Metrics, Table
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
WALK_STEPS, WALK_SIZE, WALKS = 1000, 256, 8
MEMORYLESS, INTEGRATING = -20.0, 6.0  # added to the forget gate's bias: f < 1e-8, f = 0.998
RIDGE = 1e-6
NOISELESS_STARTS = 96  # all alike then means more than 96 % with 95 % confidence


def limits(metrics: Metrics, systems: Systems, task: Task) -> Table:
    """All counterexamples, as metrics and as one table."""
    rows: list[dict[str, object]] = []
    for part in (_kinds, _walks, _plate, _regrouped, _unstable, _pictures, _blank, _networks,
                 _bounds, _integrators, _uniform, _noiseless):
        part(metrics, systems, rows)
        task.advance()
    return Table("What R can't tell. Each line is a small run or an exact solution", rows)


def _row(rows: list[dict[str, object]], system: str, r: float | str, shows: str) -> None:
    rows.append({"system": system, "R": r, "what it shows": shows})


def _all(metrics: Metrics, compute: Callable[[], dict[str, Metric]], names: dict[str, str]) -> bool:
    """Several metrics of one computation; True if it worked. A crash is no refutation."""
    try:
        found = compute()
    except Exception as error:
        for name, what in names.items():
            metrics[name] = Metric(None, what, error=f"{type(error).__name__}: {error}")
        return False
    for name in names:
        metrics[name] = found[name]
    return True


Step = Callable[[FloatArray, np.random.Generator], FloatArray]
KINDS: Mapping[str, Step] = {
    "heat": lambda x, rng: (np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1)
                            + np.roll(x, -1, 1)) / 4 - x,
    "decay": lambda x, rng: -0.1 * x,
    "noise": lambda x, rng: 0.1 * rng.standard_normal(x.shape),
}


def shared_with_diffusion(step: Step) -> dict[str, bool]:
    """Which properties of D lap(x) (Eq. 1) a term has, tried on a random field of 16 x 16.

    "state": it is a function of the state. "coupling": what it does to a cell depends on
    other cells. "conserving": it leaves the total alone. "flattening": it points against
    the field's differences from its mean, on average over 200 draws, by 3 standard errors.
    """
    x = np.random.default_rng(1).random((16, 16))

    def at(field: FloatArray, seed: int) -> FloatArray:
        return step(field, np.random.default_rng((2, seed)))

    poked = x.copy()
    poked[8, 8] += 1
    moved = at(poked, 0) - at(x, 0)
    moved[8, 8] = 0
    inner = [float(np.sum((x - x.mean()) * at(x, seed))) for seed in range(200)]
    error = float(np.std(inner)) / math.sqrt(len(inner))
    return {"state": bool(np.array_equal(at(x, 0), at(x, 1))),
            "coupling": bool(np.any(moved != 0)),
            "conserving": bool(abs(at(x, 0).sum()) < 1e-9 * np.abs(at(x, 0)).sum()),
            "flattening": float(np.mean(inner)) < -3 * error}


def _kinds(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    for kind, name in (("noise", "diffusion.noise"), ("decay", "diffusion.control.decay"),
                       ("heat", "diffusion.heat")):
        what = (f"how many of four properties of Eq. (1)'s diffusion a term has: {kind} "
                "(function of the state, couples neighbours, conserves, flattens)")
        metrics.measure(f"metric.{name}.shared", what, partial(_shared, KINDS[kind], what))


def _shared(step: Step, what: str) -> Metric:
    return Metric(float(sum(shared_with_diffusion(step).values())), what)


def random_walk(seed: int) -> tuple[Trace, FloatArray]:
    """Two unrelated random vectors of equal length at every step, and the walk they make.

    a_t and b_t are independent and uniform on the unit sphere; x_t = sum (a - b).

    Returns:
        the trace (react = diff = 1, change = ||a - b||) and ||x_t||^2, shape (WALK_STEPS,).
    """
    rng = np.random.default_rng((17, seed))
    a, b = rng.standard_normal((2, WALK_STEPS, WALK_SIZE))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    path = np.cumsum(a - b, axis=0)
    norms = {name: np.linalg.norm(v, axis=1)[None] for name, v in
             (("a", a), ("b", b), ("change", a - b))}
    return (Trace(norms["a"], norms["b"], system="random vectors",
                  extras={"change": norms["change"]}), (path**2).sum(axis=1))


def _walks(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    r_what = "R of random vectors of equal length, without any dynamics"
    growth = "exponent in time of the squared distance from the start of the walk they make"

    def compute() -> dict[str, Metric]:
        walks = [random_walk(seed) for seed in range(WALKS)]
        times = np.log(np.arange(1.0, WALK_STEPS + 1))
        return {"metric.random.r": Metric.of([balance_of(t).r for t, _ in walks], r_what),
                "metric.random.growth": Metric.of(
                    [np.polyfit(times, np.log(square), 1)[0] for _, square in walks], growth)}

    if _all(metrics, compute, {"metric.random.r": r_what, "metric.random.growth": growth}):
        _row(rows, "Random vectors of equal length", _value(metrics, "metric.random.r"),
             "R = 1 at every step; the state walks away without bound (squared distance ~ time^"
             f"{_value(metrics, 'metric.random.growth'):.2f}): neither pattern nor stability")


def heated_plate(cells: int = 64, times: int = 400) -> tuple[Trace, FloatArray]:
    """A plate under a fixed, drawn heat source S: dv/dt = lap v + S, solved exactly.

    Per Fourier mode of -lap with eigenvalue q: v_q(t) = S_q / q (1 - e^(-q t)), v(0) = 0,
    S without mean. Reaction: S. Nothing feeds back on v.

    Returns:
        the trace over ``times`` equal steps of time, the slowest mode decaying by e^20
        over all, and the final v, shape (cells, cells).
    """
    rng = np.random.default_rng(5)
    k = 2 * np.pi * np.fft.fftfreq(cells)
    q = (2 - 2 * np.cos(k))[:, None] + (2 - 2 * np.cos(k))[None, :]  # of the 5-point Laplacian
    source = np.fft.fft2(rng.standard_normal((cells, cells))) * (q < 0.5)
    source[0, 0] = 0
    slowest = np.sort(q, axis=None)[1]
    t = np.linspace(0, 20 / slowest, times + 1)[1:]
    grown = -np.expm1(-q * t[:, None, None])  # (times, cells, cells)
    diff = np.sqrt((np.abs(source * grown) ** 2).sum(axis=(1, 2))) / cells  # Parseval
    react = np.full(times, np.sqrt((np.abs(source) ** 2).sum()) / cells)
    final = np.divide(source * grown[-1], q, out=np.zeros_like(source), where=q > 0)
    return Trace(react[None], diff[None], t, "heated plate"), np.fft.ifft2(final).real


def _plate(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    what = "R of a plate under a fixed, drawn heat source: no feedback, no instability"
    if _all(metrics, lambda: {"metric.control.plate.r": Metric(
            balance_of(heated_plate()[0]).r, what)}, {"metric.control.plate.r": what}):
        _row(rows, "Plate heated by a fixed picture", _value(metrics, "metric.control.plate.r"),
             "any steady state that isn't uniform has reaction = -diffusion, so R = 1: R does "
             "not tell self-organisation from a picture put in from outside")


def _regrouped(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    """The same run with its terms put into other groups: at a steady state R = 1 for any split."""
    names = {"decay": ("metric.regrouped.decay.r", "R of spots at T when the decay (F + k) v is "
                       "counted as diffusion, as the LSTM's is"),
             "swapped": ("metric.regrouped.swapped.r", "R of spots at T when, in a random half "
                         "of the cells, reaction and diffusion trade places")}
    outside = {f"metric.regrouped.{key}.r_outside": f"whether the R's 95 % interval of \"{key}\" "
               "(above) lies outside 1.00 +- 0.03" for key in names}

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {"decay": [], "swapped": []}
        for run in systems.rd["spots"]:
            reaction, diffusion, product = terms(run.u, run.v)
            found["decay"].append(float(np.linalg.norm(product)
                                        / np.linalg.norm(product - reaction - diffusion)))
            swap = np.random.default_rng(3).random(run.v.shape) < 0.5
            found["swapped"].append(float(
                np.linalg.norm(np.where(swap, diffusion, reaction))
                / np.linalg.norm(np.where(swap, reaction, diffusion))))
        return {names[key][0]: Metric.of(found[key], names[key][1]) for key in names}

    worked = _all(metrics, compute, dict(names.values()))
    for key, (name, _) in names.items():
        one, told = metrics[name], f"metric.regrouped.{key}.r_outside"
        metrics[told] = Metric(None, outside[told], error=one.error) if one.error else Metric(
            bool((one.low or 0.0) > 1.03 or (one.high or 0.0) < 0.97), outside[told])
    if worked:
        _row(rows, "Gray-Scott spots, decay counted as diffusion",
             _value(metrics, "metric.regrouped.decay.r"),
             "the split of the terms, which the paper draws differently for RD and LSTM, "
             "doesn't matter at a steady state")
        _row(rows, "Gray-Scott spots, terms traded at random cells",
             _value(metrics, "metric.regrouped.swapped.r"),
             "a split without meaning gives R near 1 as well")


def terms(u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R_v, D_v lap v, u v^2) of the spot regime at a state, each of shape (rows, cols)."""
    config = regime(SPOTS, 0)
    around = sum(np.roll(v, s, axis) for s in (1, -1) for axis in (0, 1))
    product = u * v**2
    return (product - (config.feed_rate + config.kill_rate) * v,
            config.d_v * (around - 4 * v) / config.dx**2, product)


def unstable_pattern(length: float = 10.0, cells: int = 64) -> tuple[float, float, FloatArray]:
    """A stationary pattern that is unstable: du/dt = u_xx + u - u^3 on a ring.

    Newton's method from a cosine. Every pattern of this equation on a ring is unstable
    (Chafee and Infante 1974): the smallest disturbance ends it in u = 1 or -1.

    Returns:
        R = ||u - u^3|| / ||u_xx||, the largest growth rate (1/time), and u, shape (cells,).
    """
    dx = length / cells
    eye = np.eye(cells)
    lap = (np.roll(eye, 1, 0) + np.roll(eye, -1, 0) - 2 * eye) / dx**2
    x = dx * np.arange(cells)
    u = np.sqrt(4 / 3 * (1 - (2 * np.pi / length) ** 2)) * np.cos(2 * np.pi * x / length)
    for _ in range(30):  # least squares: shifting the pattern is a null direction
        change = np.linalg.lstsq(lap + np.diag(1 - 3 * u**2), -(lap @ u + u - u**3), rcond=1e-10)[0]
        u = u + change
    r = float(np.linalg.norm(u - u**3) / np.linalg.norm(lap @ u))
    return r, float(np.linalg.eigvalsh(lap + np.diag(1 - 3 * u**2)).max()), u


def _unstable(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {"metric.unstable.r": "R of a stationary pattern of du/dt = u_xx + u - u^3",
             "metric.unstable.growth": "its largest growth rate per unit of time; stable if <= 0",
             "metric.control.uniform.growth": "growth rate of u = 0 in the same equation, where "
                                              "R isn't defined"}

    def compute() -> dict[str, Metric]:
        r, growth, _ = unstable_pattern()
        values = (r, growth, 1.0)  # at u = 0 the uniform mode grows at the rate d(u - u^3)/du = 1
        return {name: Metric(value, what)
                for (name, what), value in zip(names.items(), values, strict=True)}

    if _all(metrics, compute, names):
        _row(rows, "Stationary pattern of u_xx + u - u^3", _value(metrics, "metric.unstable.r"),
             f"R = 1 and unstable, growth rate {_value(metrics, 'metric.unstable.growth'):.3f}: "
             "R = 1 says steady, not stable")


def _pictures(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {
        "metric.turing.rd.r": "R of the Gray-Scott runs (spots and stripes) that made a pattern",
        "metric.turing.ddpm.r": "R of a DDPM with the exact denoiser of those patterns",
        "metric.turing.ddpm.error": "root-mean-square distance of its images to the nearest "
                                    "pattern, over the patterns' own root mean square",
        "metric.turing.ddpm.same_label": "share of its images that the pattern classifier labels "
                                         "as it labels the nearest Gray-Scott pattern"}

    def compute() -> dict[str, Metric]:
        data, made = (x.flatten(1) for x in (systems.patterns, systems.images))
        distance = torch.cdist(made, data)  # (images, patterns)
        nearest = distance.argmin(1)
        error = distance.min(1).values / data[nearest].norm(dim=1)
        label = [classify(systems.patterns[k, 0].numpy()).label for k in range(len(data))]
        same = [classify(image.numpy(), 0.1).label == label[k]
                for image, k in zip(systems.images[:, 0], nearest.tolist(), strict=True)]
        runs = [balance_of(run.trace).r for run in (*systems.rd["spots"], *systems.rd["stripes"])]
        values = (runs, balance_of(systems.ddpm).r_runs, error.numpy(), np.array(same, float))
        return {name: Metric.of(value, what)
                for (name, what), value in zip(names.items(), values, strict=True)}

    if _all(metrics, compute, names):
        _row(rows, "Gray-Scott making spots and stripes", _value(metrics, "metric.turing.rd.r"),
             "the reference")
        r = _value(metrics, "metric.turing.ddpm.r")
        error = 100 * _value(metrics, "metric.turing.ddpm.error")
        _row(rows, "DDPM making the same spots and stripes", r,
             f"the same patterns, to {error:.1f} %, at a ratio "
             f"{_value(metrics, 'metric.turing.rd.r') / r:.0f} times smaller: R near 1 is no "
             "requirement")


def _blank(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    what = "R of the DDPM's schedule in closed form for blank images: no data, no network"
    if _all(metrics, lambda: {"metric.blank.r": Metric(
            expected_balance(Schedule.linear(), 1024, 0.0).r, what)}, {"metric.blank.r": what}):
        _row(rows, "DDPM's closed form, blank images, no network",
             _value(metrics, "metric.blank.r"), "the ratio of Table 1 comes from the schedule")


def forgetting(model: SequenceModel, bias: float) -> SequenceModel:
    """``model`` with ``bias`` added to every forget gate's."""
    hidden = model.lstm.hidden_size
    with torch.no_grad():
        model.lstm.get_parameter("bias_ih_l0")[hidden:2 * hidden] += bias
    return model


def _networks(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {"untrained": ("metric.untrained.r", "R of untrained LSTMs (h = 16) on sines"),
             "memoryless": ("metric.memoryless.r", "R of the same with forget gates shut, "
                            "f < 1e-8: nothing of the past is kept")}

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {"untrained": [], "memoryless": []}
        for seed in range(NETWORKS):
            config = LSTMConfig(data=SineConfig(sequences=32, seed=seed), seed=seed)
            model, x = build(config), generate(config.data)
            found["untrained"].append(balance_of(probe(model.lstm, as_input(x, model))).r)
            forgetting(model, MEMORYLESS)
            found["memoryless"].append(balance_of(probe(model.lstm, as_input(x, model))).r)
        return {names[key][0]: Metric.of(found[key], names[key][1]) for key in names}

    if _all(metrics, compute, dict(names.values())):
        _row(rows, "Untrained LSTM on sines", _value(metrics, "metric.untrained.r"),
             "R near 1 needs no learning: the terms' sum is the state, which stays bounded")
        _row(rows, "LSTM that forgets everything at once", _value(metrics, "metric.memoryless.r"),
             "with f = 0 the terms are this step's state and the last one's: R near 1 needs no "
             "memory")


def ratio_of_sums(model: SequenceModel, x: FloatArray) -> FloatArray:
    """R with the 1-norm in place of the 2-norm, one for each sequence, shape (n,).

    From C_t = f C_{t-1} + i c~: |C_t| <= f |C_{t-1}| + |i c~| in every unit, so
    (1 - f)|C_{t-1}| <= |C_{t-1}| - |C_t| + |i c~|. Summed over all steps from C_0 = 0:
    sum (1 - f)|C_{t-1}| <= sum |i c~| - |C_T|. Hence R in the 1-norm is at least 1,
    whatever the weights and the input, and by ||a||_2 <= ||a||_1 <= sqrt(h) ||a||_2 the
    paper's R is at least 1/sqrt(h).
    """
    inside = gates(model.lstm, as_input(x, model))
    react = np.abs(inside.i * inside.c_tilde).sum(axis=(1, 2))
    diff = (inside.one_minus_f * np.abs(inside.c_prev)).sum(axis=(1, 2))
    return np.asarray(react / diff, dtype=float)


def wild_network(seed: int) -> tuple[SequenceModel, FloatArray]:
    """A network with weights of a random size from 0.1 to 30, and noise to read."""
    rng = np.random.default_rng((23, seed))
    model = build(LSTMConfig(seed=seed, dtype="float64"))
    with torch.no_grad():
        for parameter in model.lstm.parameters():
            size = 10 ** rng.uniform(-1, 1.5)
            parameter.copy_(torch.from_numpy(size * rng.standard_normal(parameter.shape)))
    return model, rng.standard_normal((4, 100)) * 10 ** rng.uniform(-1, 1)


def _bounds(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {"metric.lstm.smallest_r": "smallest R of 200 sequences through 50 LSTMs (h = 16) "
                                       "with random weights of all sizes, from C_0 = 0",
             "metric.lstm.smallest_sum_ratio": "smallest R in the 1-norm of the same, proved >= 1"}

    def compute() -> dict[str, Metric]:
        r, sums = [], []
        for seed in range(50):
            model, x = wild_network(seed)
            r.append(balance_of(probe(model.lstm, as_input(x, model))).r_runs.min())
            sums.append(ratio_of_sums(model, x).min())
        return {name: Metric(float(min(values)), what, n=200)
                for (name, what), values in zip(names.items(), (r, sums), strict=True)}

    if _all(metrics, compute, names):
        _row(rows, "50 LSTMs with random weights of all sizes (the smallest R)",
             _value(metrics, "metric.lstm.smallest_r"),
             "from C_0 = 0 no LSTM of h units has R below 1/sqrt(h) (0.25 for h = 16), "
             "and in the 1-norm none below 1: R << 1 can't occur there")


def read_out(model: SequenceModel, x: FloatArray, unseen: FloatArray) -> float:
    """How much better a linear read-out of h_t predicts x_{t+1} than x_t does, on unseen data.

    Ridge regression on h_t, x_t and 1, no training of the network.

    Returns:
        error of the last value over error of the read-out, root mean squares.
    """
    def table(series: FloatArray) -> tuple[FloatArray, FloatArray]:
        states = gates(model.lstm, as_input(series, model)).h[:, 20:-1]  # (n, T - 21, h)
        flat = states.reshape(-1, states.shape[-1])
        now, ahead = series[:, 20:-1].ravel(), series[:, 21:].ravel()
        return np.column_stack([flat, now, np.ones_like(now)]), ahead

    features, ahead = table(x)
    gram = features.T @ features + RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ ahead)
    features, ahead = table(unseen)
    error = np.sqrt(np.mean((features @ weights - ahead) ** 2))
    return float(np.sqrt(np.mean((features[:, -2] - ahead) ** 2)) / error)


def _integrators(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {"metric.integrator.r": "R of LSTMs with f near 1 (6 added to the forget bias)",
             "metric.integrator.skill": "error of repeating the last value over the error of a "
                                        "linear read-out of their state, unseen sines",
             "metric.control.balanced.skill": "the same for LSTMs with R near 1"}

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {name: [] for name in names}
        for seed in range(NETWORKS):
            config = LSTMConfig(data=SineConfig(sequences=32, seed=seed), seed=seed)
            model = build(config)
            x, unseen = generate(config.data), generate(config.data, "unseen", 32)
            found["metric.control.balanced.skill"].append(read_out(model, x, unseen))
            forgetting(model, INTEGRATING)
            found["metric.integrator.r"].append(balance_of(
                probe(model.lstm, as_input(x, model))).r)
            found["metric.integrator.skill"].append(read_out(model, x, unseen))
        return {name: Metric.of(found[name], what) for name, what in names.items()}

    if _all(metrics, compute, names):
        _row(rows, "LSTM that forgets almost nothing, linear read-out",
             _value(metrics, "metric.integrator.r"),
             f"R >> 1, yet {_value(metrics, 'metric.integrator.skill'):.1f} times better than "
             "the last value on sines it has not seen")


def _uniform(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    names = {"metric.range.never_negative": "whether every R of the systems of this study is >= 0",
             "metric.range.control.inner": "whether every <a - b, a + b>, the signed quantity "
                                           "behind R - 1, is >= 0",
             "metric.range.steady_state": "whether R is a number at Gray-Scott's uniform steady "
                                          "state (1, 0)",
             "metric.range.uniform": "whether R is a finite number in a uniform state that is "
                                     "not steady",
             "metric.range.patterns": "whether R is a finite number in all runs with a pattern"}

    def compute() -> dict[str, Metric]:
        runs = [run.trace for kind in ("spots", "stripes") for run in systems.rd[kind]]
        values = [balance_of(trace).r for trace in (*runs, systems.ddpm)]
        flat: dict[str, Any] = {"square": 0, "noise": 0.0, "steps": 50}
        steady = balance_of(simulate(regime(SPOTS, 0, **flat)).trace).r
        moving = balance_of(simulate(regime(SPOTS, 0, background_u=0.5, background_v=0.25,
                                            **flat)).trace).r
        inner = [float(trace.extras["inner"].min()) for trace in runs]
        truths = (min(values) >= 0, min(inner) >= 0, not math.isnan(steady),
                  math.isfinite(moving), all(map(math.isfinite, values)))
        return {name: Metric(bool(truth), what)
                for (name, what), truth in zip(names.items(), truths, strict=True)}

    if _all(metrics, compute, names):
        _row(rows, "Gray-Scott, uniform steady state", "0/0", "R isn't defined at homogeneity")
        _row(rows, "Gray-Scott, uniform, not steady", "infinite",
             "homogeneity goes with R infinite here, not with R << 1")


def _noiseless(metrics: Metrics, systems: Systems, rows: list[dict[str, object]]) -> None:
    """R infinite in two ways, the sampler without its noise, and the deterministic sampler."""
    names = {"silent": ("metric.noiseless.silent.largest_share", "share of the most frequent "
                        "end when the sampler's noise is left out (R infinite), eight equally "
                        "likely pictures"),
             "flow": ("metric.noiseless.flow.largest_share", "the same for the deterministic "
                      "sampler (DDIM, the probability flow), which has no noise term either"),
             "noise": ("metric.control.noise.largest_share", "the same with noise, R = 0.07")}

    def compute() -> dict[str, Metric]:
        small = torch.nn.functional.avg_pool2d(systems.patterns, 4)  # (8, 1, 16, 16)
        schedule = Schedule.linear()
        denoiser = MixtureDenoiser(schedule, small)
        shape, n = tuple(small.shape[1:]), NOISELESS_STARTS
        silent, _ = sample(denoiser, schedule, shape, n, 1, variance="none", dtype=torch.float64)
        noisy, _ = sample(denoiser, schedule, shape, n, 1, dtype=torch.float64)
        x = torch.from_numpy(np.random.default_rng(8).standard_normal((n, *shape)))
        bar = schedule.alpha_bar
        for t in range(schedule.T - 1, -1, -1):
            eps = denoiser(x, torch.full((n,), t))
            clean = (x - math.sqrt(1 - bar[t]) * eps) / math.sqrt(bar[t])
            x = (math.sqrt(schedule.alpha_bar_before[t]) * clean
                 + math.sqrt(1 - schedule.alpha_bar_before[t]) * eps)
        found = {}
        for key, made in (("silent", silent), ("flow", x), ("noise", noisy)):
            nearest = torch.cdist(made.flatten(1), small.flatten(1)).argmin(1)
            count = np.bincount(nearest.numpy(), minlength=len(small))
            top = int(count.max())
            low, high = (float(np.nan_to_num(end, nan=fallback)) for end, fallback in (
                (stats.beta.ppf(0.025, top, n - top + 1), 0.0),
                (stats.beta.ppf(0.975, top + 1, n - top), 1.0)))  # Clopper and Pearson
            found[names[key][0]] = Metric(top / n, names[key][1], low, high, n)
        return found

    if _all(metrics, compute, dict(names.values())):
        for key, label in (("silent", "DDPM without its noise"), ("flow", "Deterministic sampler")):
            _row(rows, label, "infinite", "most frequent of eight pictures gets "
                 f"{100 * _value(metrics, names[key][0]):.0f} % of the ends")


def _value(metrics: Metrics, name: str) -> float:
    value = metrics[name].value
    return float(value) if value is not None else math.nan
