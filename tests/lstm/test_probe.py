"""The probe against the spec, torch.nn.LSTM and torch.nn.LSTMCell.

"Relative" means relative to the norm of the thing compared, times max(1, A), A being
the largest sum of |terms| of any pre-activation: rounding the terms of z by eps moves
sigma(z) by up to A eps of itself, in any implementation. Where the terms of the
candidate's z cancel, tanh(z) is only as good as its terms: in place of c~ stands then
min(1, sum of |terms|), which is at least |c~| and equals it up to signs if weights are tiny.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rdverify.balance import balance_of
from rdverify.lstm import Gates, gates, probe, reading
from rdverify.tools.errors import InputError
from spec import EQUATIONS

Array = NDArray[Any]
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
# a gate below e^-59 is cut off there by the kernels in float32
SMALLEST = {"float32": 1e-19, "float64": 1e-25}
TORCH = {"float32": torch.float32, "float64": torch.float64}
# where 1 - f itself falls below this, the spec's 1 - f has no digits left
LOST = 8 * float(np.finfo(np.longdouble).eps)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module", autouse=True, params=["sequences", "units", "steps"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test for each way of reading: both kernels, and torch step by step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "way_for", lambda *_: request.param)
        yield request.param


def same(found: Array, expected: Array, way: str) -> bool:
    """Equal; to the bit where sums don't depend on how many sequences there are."""
    if way == "sequences":
        return np.array_equal(found, expected)
    return np.allclose(found, expected, rtol=1e-6, atol=0)


@dataclass
class Case:
    """A module, its input and its state: all that one run needs."""

    lstm: torch.nn.LSTM
    x: torch.Tensor  # (batch, T, d)
    h: torch.Tensor  # (batch, h)
    c: torch.Tensor

    @property
    def state(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.h[None], self.c[None]

    @property
    def dtype(self) -> str:
        return str(self.x.dtype).removeprefix("torch.")

    def weights(self) -> dict[str, tuple[Array, Array, Array]]:
        """(W, U, b) of each gate in extended precision."""
        value = {
            name: parameter.detach().numpy().astype(np.longdouble)
            for name, parameter in self.lstm.named_parameters()
        }
        size = self.lstm.hidden_size
        bias = value.get("bias_ih_l0", np.zeros(4 * size)) + value.get("bias_hh_l0", 0)
        return {
            gate: (
                value["weight_ih_l0"][at * size : (at + 1) * size],
                value["weight_hh_l0"][at * size : (at + 1) * size],
                bias[at * size : (at + 1) * size],
            )
            for at, gate in enumerate("ifco")
        }


def make(
    seed: int,
    batch: int,
    steps: int,
    inputs: int,
    hidden: int,
    scale: float,
    dtype: str = "float64",
    bias: bool = True,
    batch_first: bool = True,
) -> Case:
    """A module with normal weights of size ``scale`` and states of order one."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=TORCH[dtype])

    lstm = torch.nn.LSTM(inputs, hidden, bias=bias, batch_first=batch_first, dtype=TORCH[dtype])
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.copy_(scale * normal(*parameter.shape))
    x = normal(batch, steps, inputs)
    return Case(lstm, x, torch.tanh(normal(batch, hidden)), normal(batch, hidden))


@st.composite
def cases(draw: st.DrawFn, dtype: str, steps: int = 2, largest: float = 1.5) -> Case:
    """Random sizes; weights from 1e-4 (nothing moves) to 10^1.5 (every gate saturated)."""
    return make(
        seed=draw(st.integers(0, 2**31)),
        batch=draw(st.integers(1, 5)),
        steps=steps,
        inputs=draw(st.integers(1, 4)),
        hidden=draw(st.integers(1, 20)),
        scale=10 ** draw(st.floats(-4, largest)),
        dtype=dtype,
        bias=draw(st.booleans()),
    )


def spec_step(case: Case, t: int, h: Array, c: Array) -> dict[str, Array]:
    """One step of every sequence by Eqs. (2) to (7); each value of shape (batch, h)."""
    eq = {number: EQUATIONS[number].corrected for number in range(2, 8)}
    weights = case.weights()
    x = case.x[:, t].numpy().astype(np.longdouble)
    rows: dict[str, list[Array]] = {name: [] for name in ("f", "i", "c~", "o", "c", "h")}
    for x_t, h_prev, c_prev in zip(x, h, c, strict=True):
        f = eq[2](x_t, h_prev, *weights["f"])
        i = eq[3](x_t, h_prev, *weights["i"])
        c_tilde = eq[4](x_t, h_prev, *weights["c"])
        c_t = eq[5](f, c_prev, i, c_tilde)
        o = eq[6](x_t, h_prev, *weights["o"])
        for name, value in zip(rows, (f, i, c_tilde, o, c_t, eq[7](o, c_t)), strict=True):
            rows[name].append(value)
    return {name: np.array(values) for name, values in rows.items()}


def spec_run(case: Case) -> dict[str, Array]:
    """All steps; each value of shape (batch, T, h), ``c_prev`` among them."""
    h, c = (value.numpy().astype(np.longdouble) for value in (case.h, case.c))
    steps = []
    for t in range(case.x.shape[1]):
        found = spec_step(case, t, h, c)
        steps.append({**found, "c_prev": c})
        h, c = found["h"], found["c"]
    return {name: np.stack([step[name] for step in steps], 1) for name in steps[0]}


def reach(case: Case, h: Array, t: int = 0) -> Array:
    """min(1, sum of |terms| of the candidate's pre-activation), >= |c~|, (batch, h)."""
    w, u, b = case.weights()["c"]
    x = np.abs(case.x[:, t].numpy())
    return np.minimum(1, x @ np.abs(w).T + np.abs(h) @ np.abs(u).T + np.abs(b))


def amplification(case: Case, h: Array) -> float:
    """max(1, A) at the first step."""
    x = np.abs(case.x[:, 0].numpy())
    largest = max(
        float((x @ np.abs(w).T + np.abs(h) @ np.abs(u).T + np.abs(b)).max())
        for w, u, b in case.weights().values()
    )
    return max(1.0, largest)


def norm(values: Array) -> Array:
    return np.sqrt(np.sum(np.square(values), axis=-1))


def close(found: Array, expected: Array, scale: Array | float, tolerance: float) -> None:
    """Elementwise |found - expected| <= tolerance * scale, with the worst shown."""
    excess = np.abs(np.asarray(found) - expected) - tolerance * scale
    assert np.all(excess <= 0), f"beyond the tolerance by {float(excess.max()):.3g}"


def check_one_step(case: Case) -> None:
    """Spec, gates, probe, nn.LSTM and nn.LSTMCell from equal states."""
    tolerance = TOLERANCE[case.dtype] * amplification(case, case.h.numpy())
    small = SMALLEST[case.dtype]
    h, c = (value.numpy().astype(np.longdouble) for value in (case.h, case.c))
    expected = spec_step(case, 0, h, c)
    react = norm(expected["i"] * expected["c~"])
    diff = norm((1 - expected["f"]) * c)
    candidate = reach(case, case.h.numpy())
    gain = norm(expected["i"] * candidate)  # >= react
    trace = probe(case.lstm, case.x, case.state)
    close(trace.react[:, 0], react, gain + small, tolerance)
    close(trace.diff[:, 0], diff, diff + LOST * norm(c) / tolerance, tolerance)
    # what the terms add up to is only as good as the greater of them, and the spec's as its C
    change, lost = norm(expected["c"] - c), LOST * norm(c) / tolerance
    close(trace.extras["change"][:, 0], change, gain + diff + lost, tolerance)
    close(trace.extras["cell"][:, 0], norm(expected["c"]), gain + norm(c), tolerance)
    # Eq. (13) and (16) for a sequence of this one step
    for row in range(len(h)):
        i, c_tilde, f, c_prev = (
            value[row : row + 1] for value in (expected["i"], expected["c~"], expected["f"], c)
        )
        m_react, m_diff = EQUATIONS[13].corrected(i, c_tilde), EQUATIONS[16].corrected(f, c_prev)
        close(trace.react[row, 0], m_react, gain[row] + small, tolerance)
        close(trace.diff[row, 0], m_diff, m_diff + LOST * norm(c)[row] / tolerance, tolerance)

    scales = {name: norm(expected[name]) + 1e-25 for name in ("f", "i", "o")}
    scales |= {"c~": norm(candidate), "c": gain + norm(c)}
    scales["h"] = norm(expected["o"] * np.minimum(1, expected["i"] * candidate + np.abs(c)))
    inside = gates(case.lstm, case.x, case.state)
    for name, value in (
        ("f", inside.f),
        ("i", inside.i),
        ("c~", inside.c_tilde),
        ("o", inside.o),
        ("c", inside.c),
        ("h", inside.h),
    ):
        close(norm(value[:, 0] - expected[name]), 0, scales[name] + small, tolerance)

    cell = torch.nn.LSTMCell(
        case.lstm.input_size, case.lstm.hidden_size, case.lstm.bias, dtype=case.x.dtype
    )
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in case.lstm.state_dict().items()}
    )
    with torch.no_grad():
        _, (h_module, c_module) = case.lstm(case.x[:, :1], case.state)
        h_cell, c_cell = cell(case.x[:, 0], (case.h, case.c))
    for found, name in ((h_module[0], "h"), (h_cell, "h"), (c_module[0], "c"), (c_cell, "c")):
        close(norm(found.numpy() - expected[name]), 0, scales[name] + small, tolerance)


@given(cases("float32"))
@settings(max_examples=30)
def test_eq02_eq03_eq04_eq05_eq06_eq07_one_step_float32(case: Case) -> None:
    check_one_step(case)


@given(cases("float64"))
@settings(max_examples=30)
def test_eq02_eq03_eq04_eq05_eq06_eq07_one_step_float64(case: Case) -> None:
    check_one_step(case)


@dtypes
@given(data=st.data())
@settings(max_examples=25)
@pytest.mark.once
def test_eq13_eq16_whole_sequences_where_the_map_is_contractive(
    dtype: str, data: st.DataObject
) -> None:
    """60 steps agree while two runs of the spec from neighbouring states approach.

    The test decides by running the spec twice, from states 1e-6 apart: where the
    distance is below 1e-6 at every later step, errors of single steps can only add
    up, hence the factor T. Saturating weights, where runs part, are left out.
    """
    case = data.draw(cases(dtype, steps=60, largest=0.0))
    expected = spec_run(case)
    moved = spec_run(Case(case.lstm, case.x, case.h, case.c + 1e-6))
    gap = np.hypot(norm(expected["c"] - moved["c"]), norm(expected["h"] - moved["h"]))  # (batch, T)
    assume(bool(np.all(gap < 1e-6 * np.sqrt(case.lstm.hidden_size))))
    tolerance = 60 * TOLERANCE[dtype] * amplification(case, case.h.numpy())
    react = norm(expected["i"] * expected["c~"])
    diff = norm((1 - expected["f"]) * expected["c_prev"])
    trace = probe(case.lstm, case.x, case.state)
    size = norm(expected["c_prev"]) + react
    h_prev = np.concatenate([case.h.numpy()[:, None], expected["h"][:, :-1]], axis=1)
    terms = np.stack([reach(case, h_prev[:, t], t) for t in range(60)], axis=1)
    close(trace.react, react, norm(expected["i"] * terms), tolerance)  # >= react
    close(trace.diff, diff, size, tolerance)
    close(trace.extras["cell"], norm(expected["c"]), size, tolerance)
    balance = balance_of(trace)
    for row in range(len(react)):
        m_react = EQUATIONS[13].corrected(expected["i"][row], expected["c~"][row])
        m_diff = EQUATIONS[16].corrected(expected["f"][row], expected["c_prev"][row])
        assert balance.m_react_runs[row] == pytest.approx(float(m_react), rel=tolerance)
        assert balance.m_diff_runs[row] == pytest.approx(float(m_diff), rel=tolerance)
    with torch.no_grad():
        outputs, (h_last, c_last) = case.lstm(case.x, case.state)
    close(outputs.numpy(), expected["h"], 1.0, tolerance)
    close(c_last[0].numpy(), expected["c"][:, -1], size[:, -1, None], tolerance)
    assert torch.equal(h_last[0], outputs[:, -1])


@dtypes
@pytest.mark.twice
def test_whole_sequences_at_torchs_own_initial_weights(dtype: str) -> None:
    """The case of the paper, d = 1 and h = 16 over 200 steps, from the zero state."""
    torch.manual_seed(3)
    lstm = torch.nn.LSTM(1, 16, batch_first=True, dtype=TORCH[dtype])
    x = torch.sin(torch.linspace(0, 40, 200, dtype=TORCH[dtype])).reshape(1, 200, 1)
    zero = torch.zeros(1, 16, dtype=TORCH[dtype])
    expected = spec_run(Case(lstm, x, zero, zero))
    trace = probe(lstm, x)
    tolerance = 20 * TOLERANCE[dtype]
    react = norm(expected["i"] * expected["c~"])
    diff = norm((1 - expected["f"]) * expected["c_prev"])
    assert trace.react == pytest.approx(react.astype(float), rel=tolerance)
    assert trace.diff[:, 1:] == pytest.approx(diff[:, 1:].astype(float), rel=tolerance)
    assert trace.diff[0, 0] == 0  # C_0 = 0: nothing to forget


@given(cases("float64", steps=8))
@settings(max_examples=40)
def test_eq11_identity_and_bounds(case: Case) -> None:
    """||a||^2 - ||b||^2 = <a - b, a + b>, |R_t - 1| <= ||change||/||b||, M_react <= sqrt(h)."""
    trace = probe(case.lstm, case.x, case.state)
    react, diff, change = trace.react, trace.diff, trace.extras["change"]
    slack = 1e-13 * (react + diff) ** 2 * np.sqrt(case.lstm.hidden_size) + 1e-300
    assert np.all(np.abs(react**2 - diff**2 - trace.extras["inner"]) <= slack)
    assert np.all(np.abs(react - diff) <= change * (1 + 1e-12) + 1e-12 * react)
    assert np.all(react <= np.sqrt(case.lstm.hidden_size) * (1 + 1e-14))
    # eq11: the change is the difference of the cell states that gates() reports
    inside = gates(case.lstm, case.x, case.state)
    moved = norm(inside.c - inside.c_prev)
    assert np.all(np.abs(change - moved) <= 1e-10 * (norm(inside.c_prev) + react))


@given(cases("float64", steps=5))
@settings(max_examples=25)
@pytest.mark.once
def test_detail_is_what_its_definition_says(case: Case) -> None:
    trace = probe(case.lstm, case.x, case.state, detail=True)
    inside: Gates = gates(case.lstm, case.x, case.state)
    a = inside.i * inside.c_tilde
    expected = {
        "i": inside.i.mean(axis=2),
        "one_minus_f": inside.one_minus_f.mean(axis=2),
        "abs_cell": np.abs(inside.c).mean(axis=2),
        "aligned": np.sign(a * inside.c_prev).mean(axis=2),
    }
    tolerance = 1e-11 * amplification(case, case.h.numpy()) ** 2
    for name, values in expected.items():
        if name == "aligned":  # a sign flips where a term is rounding noise
            continue
        assert trace.extras[name] == pytest.approx(values, rel=tolerance, abs=tolerance), name
    assert np.all(np.abs(trace.extras["aligned"]) <= 1)
    assert set(probe(case.lstm, case.x).extras) == {"change", "inner", "cell"}


def test_aligned_is_one_where_the_reaction_enlarges_the_cell() -> None:
    case = make(1, 3, 4, 1, 5, 0.0)
    with torch.no_grad():
        case.lstm.bias_ih_l0[10:15] = 1.0  # c~ > 0 in every unit
    case.c.abs_()
    assert np.all(probe(case.lstm, case.x, case.state, detail=True).extras["aligned"] == 1)
    with torch.no_grad():
        case.lstm.bias_ih_l0[10:12] = -1.0  # two of five now shrink it, at the first step
    first = probe(case.lstm, case.x, case.state, detail=True).extras["aligned"][:, 0]
    assert first == pytest.approx((3 - 2) / 5)


@dtypes
def test_eq16_nothing_is_forgotten_at_f_1_and_all_at_f_0(dtype: str) -> None:
    case = make(2, 4, 6, 2, 7, 0.5, dtype)
    with torch.no_grad():
        case.lstm.bias_ih_l0[7:14] = 1e4
    assert np.all(probe(case.lstm, case.x, case.state).diff < 1e-30)
    with torch.no_grad():
        case.lstm.bias_ih_l0[7:14] = -1e4
    trace = probe(case.lstm, case.x, case.state)
    before = np.concatenate([norm(case.c.numpy())[:, None], trace.extras["cell"][:, :-1]], axis=1)
    assert trace.diff == pytest.approx(before, rel=TOLERANCE[dtype])


@dtypes
def test_eq13_nothing_reacts_at_i_0_and_the_cell_then_decays(dtype: str) -> None:
    case = make(2, 4, 6, 2, 7, 0.5, dtype)
    with torch.no_grad():
        case.lstm.bias_ih_l0[:7] = -1e4
    trace = probe(case.lstm, case.x, case.state)
    assert np.all(trace.react < 1e-20)
    assert np.all(np.diff(trace.extras["cell"], axis=1) < 0)


@dtypes
@pytest.mark.parametrize("bias", [True, False])
def test_layouts_give_one_trace(dtype: str, bias: bool, way: str) -> None:
    """Batch first, time first and one sequence without a batch."""
    case = make(4, 5, 9, 3, 6, 1.0, dtype, bias)
    turned = torch.nn.LSTM(3, 6, bias=bias, dtype=case.x.dtype)
    turned.load_state_dict(case.lstm.state_dict())
    first, second = (
        probe(case.lstm, case.x, case.state),
        probe(turned, case.x.transpose(0, 1), case.state),
    )
    assert same(first.react, second.react, way)
    assert same(first.diff, second.diff, way)
    for module in (case.lstm, turned):
        alone = probe(module, case.x[2], (case.h[2:3], case.c[2:3]))
        assert same(alone.react, first.react[2:3], way)
        assert same(alone.diff, first.diff[2:3], way)


@dtypes
def test_sequences_do_not_touch_each_other(dtype: str, way: str) -> None:
    """More sequences than lanes: each as if alone; the default state is zero."""
    case = make(5, 150, 4, 1, 16, 1.0, dtype)
    whole = probe(case.lstm, case.x)
    zero = torch.zeros(1, 3, 16, dtype=case.x.dtype)
    for start in (0, 62, 127, 147):
        part = probe(case.lstm, case.x[start : start + 3], (zero, zero))
        assert same(part.react, whole.react[start : start + 3], way)
        assert same(part.diff, whole.diff[start : start + 3], way)


def test_a_run_goes_on_from_its_state() -> None:
    case = make(6, 3, 20, 2, 8, 0.5)
    whole = probe(case.lstm, case.x, case.state)
    with torch.no_grad():
        _, state = case.lstm(case.x[:, :12], case.state)
    rest = probe(case.lstm, case.x[:, 12:], state)
    assert rest.react == pytest.approx(whole.react[:, 12:], rel=1e-11)
    assert rest.diff == pytest.approx(whole.diff[:, 12:], rel=1e-11)


def test_the_module_is_left_alone() -> None:
    case = make(7, 3, 5, 1, 4, 1.0, "float32")
    case.lstm.train()
    called: list[Any] = []
    case.lstm.register_forward_hook(lambda *_: called.append(1))
    before = {name: value.clone() for name, value in case.lstm.state_dict().items()}
    x = case.x.clone().requires_grad_()
    probe(case.lstm, x, case.state, detail=True)
    assert not called
    assert case.lstm.training
    assert torch.equal(x, case.x)
    for name, value in case.lstm.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in case.lstm.parameters())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_layers": 2}, "lstm.num_layers = 2"),
        ({"bidirectional": True}, "lstm.bidirectional = True"),
        ({"proj_size": 2}, "lstm.proj_size = 2"),
    ],
)
def test_other_architectures_are_refused_in_words(options: dict[str, Any], named: str) -> None:
    lstm = torch.nn.LSTM(1, 4, batch_first=True, **options)
    with pytest.raises(InputError, match=named):
        probe(lstm, torch.zeros(1, 5, 1))


def test_a_reading_leaves_module_and_state_as_they_were(way: str) -> None:
    case = make(3, 3, 5, 2, 4, 1.0)
    before = [value.clone() for value in (*case.lstm.parameters(), case.x, case.h, case.c)]
    case.lstm.train()
    probe(case.lstm, case.x, case.state, detail=True)
    assert case.lstm.training
    for value, kept in zip((*case.lstm.parameters(), case.x, case.h, case.c), before, strict=True):
        assert torch.equal(value, kept)


def test_parametrised_weights_are_those_the_module_computes_with(way: str) -> None:
    """Weight and spectral norm; the latter counts its calls in buffers, which stay."""
    torch.manual_seed(0)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    lstm = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
    torch.nn.utils.parametrizations.weight_norm(lstm, "weight_hh_l0")
    torch.nn.utils.parametrizations.spectral_norm(lstm, "weight_ih_l0")
    with torch.no_grad():
        lstm.parametrizations.weight_hh_l0.original0.mul_(3)
    buffers = [value.clone() for value in lstm.buffers()]
    trace = probe(lstm, x)
    assert all(map(torch.equal, lstm.buffers(), buffers))
    lstm.eval()
    plain = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(getattr(lstm, name))
    assert trace.react == pytest.approx(probe(plain, x).react, rel=1e-14)
    assert trace.diff == pytest.approx(probe(plain, x).diff, rel=1e-14)


def test_a_default_device_does_not_matter(way: str) -> None:
    case = make(3, 3, 5, 2, 4, 1.0)
    expected = probe(case.lstm, case.x)
    with torch.device("meta"):
        found = probe(case.lstm, case.x)
    assert np.array_equal(found.react, expected.react)


def test_weights_that_are_not_finite_are_refused_by_name() -> None:
    case = make(3, 3, 5, 2, 4, 1.0)
    with torch.no_grad():
        case.lstm.bias_hh_l0[3] = float("nan")
    with pytest.raises(InputError, match="lstm's bias_hh_l0 = 'with NaN"):
        probe(case.lstm, case.x)
