"""Recurrent networks against plain loops over torch's own cells, layer by layer and packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rdverify import InputError, balance_of
from rdverify.lstm import probe
from rdverify.measure.network import network_of
from rdverify.measure.recurrent import held_constant, measure_network, untrained

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def plain_lstm(module, layer, suffix, x):
    """One layer and direction of one sequence by nn.LSTMCell; x of shape (T, d)."""
    cell = nn.LSTMCell(x.shape[1], module.hidden_size, module.bias, dtype=x.dtype)
    cell.load_state_dict(
        {name: getattr(module, f"{name}_l{layer}{suffix}") for name in cell.state_dict()}
    )
    h = c = torch.zeros(1, module.hidden_size, dtype=x.dtype)
    terms, states = [], []
    for x_t in x:
        z = cell.weight_ih @ x_t + cell.weight_hh @ h[0]
        if module.bias:
            z = z + cell.bias_ih + cell.bias_hh
        i, f, g, _ = z.chunk(4)
        old = c
        h, c = cell(x_t[None], (h, c))
        terms.append((torch.sigmoid(i) * torch.tanh(g), torch.sigmoid(-f) * old[0], (c - old)[0]))
        states.append(h[0])
    return terms, torch.stack(states)


def plain_gru(module, layer, suffix, x):
    """The same by nn.GRUCell: its h_t alone gives the change, and z_t both terms."""
    cell = nn.GRUCell(x.shape[1], module.hidden_size, module.bias, dtype=x.dtype)
    cell.load_state_dict(
        {name: getattr(module, f"{name}_l{layer}{suffix}") for name in cell.state_dict()}
    )
    size = module.hidden_size
    h = torch.zeros(1, size, dtype=x.dtype)
    terms, states = [], []
    for x_t in x:
        rows = slice(size, 2 * size)
        z = cell.weight_ih[rows] @ x_t + cell.weight_hh[rows] @ h[0]
        if module.bias:
            z = z + cell.bias_ih[rows] + cell.bias_hh[rows]
        old = h
        h = cell(x_t[None], h)
        opened = torch.sigmoid(-z)
        # h_t = (1 - z) n + z h_{t-1}, so that (1 - z) n = h_t - z h_{t-1}
        terms.append((h[0] - torch.sigmoid(z) * old[0], opened * old[0], (h - old)[0]))
        states.append(h[0])
    return terms, torch.stack(states)


def expected(module, x, lengths):
    """Norms by (layer, direction), then of all units together: (3, n, T), NaN beyond the end."""
    plain = plain_lstm if isinstance(module, nn.LSTM) else plain_gru
    directions = 2 if module.bidirectional else 1
    rows = module.num_layers * directions
    norms = np.full((rows, 3, len(x), x.shape[1]), np.nan)
    with torch.no_grad():
        for n, (values, length) in enumerate(zip(x, lengths, strict=True)):
            values = values[:length]
            for layer in range(module.num_layers):
                outputs = []
                for direction in range(directions):
                    given = values.flip(0) if direction else values
                    terms, states = plain(module, layer, "_reverse" * direction, given)
                    found = np.array([[float(t.double().norm()) for t in step] for step in terms])
                    found = found[::-1] if direction else found
                    norms[layer * directions + direction, :, n, :length] = found.T
                    outputs.append(states.flip(0) if direction else states)
                values = torch.cat(outputs, 1)
            outputs, _ = module(x[n : n + 1, :length])
            torch.testing.assert_close(values, outputs[0])  # the loop computes what torch does
    return norms, np.sqrt((norms**2).sum(axis=0))


@dataclass
class Case:
    module: Any
    x: torch.Tensor
    lengths: list[int]


@st.composite
def cases(draw):
    kind = draw(st.sampled_from([nn.LSTM, nn.GRU]))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    sizes = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    module = kind(
        *sizes,
        draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        batch_first=True,
        dtype=dtype,
    )
    lengths = draw(st.lists(st.integers(2, 9), min_size=1, max_size=4))
    return Case(module, torch.randn(len(lengths), max(lengths), sizes[0], dtype=dtype), lengths)


@given(cases())
@settings(max_examples=60)
@pytest.mark.twice
def test_every_layer_and_direction_is_what_torchs_own_cells_do(case):
    parts, whole = expected(case.module, case.x, case.lengths)
    found = measure_network(case.module, case.x, case.lengths)
    tolerance = TOLERANCE[case.x.dtype]
    assert len(found.parts) == len(parts)
    for trace, norms in zip([*found.parts.values(), found.whole], [*parts, whole], strict=True):
        react, diff, change = norms
        # a GRU's reaction is read off as a difference here, and tanh(z) is as good as z's terms
        scale = 3 * (1 + np.nan_to_num(react))
        for one, other in (
            (trace.react, react),
            (trace.diff, diff),
            (trace.extras["change"], change),
        ):
            assert np.array_equal(np.isnan(one), np.isnan(other))
            assert np.all(np.nan_to_num(np.abs(one - other)) <= tolerance * scale)
    # from the zero state nothing can lose more than was written into it
    units = network_of(case.module).units
    assert np.all(balance_of(found.whole).r_runs >= (1 - 1e-6) / np.sqrt(units))


@given(cases())
@settings(max_examples=30)
def test_packed_padded_and_single_sequences_agree(case):
    """What lies beyond a sequence's end, and its neighbours, don't matter."""
    case.x = case.x.double()
    case.module.double()
    whole = measure_network(case.module, case.x, case.lengths).whole
    packed = pack_padded_sequence(case.x, case.lengths, batch_first=True, enforce_sorted=False)
    again = measure_network(case.module, packed).whole
    np.testing.assert_allclose(again.react, whole.react, rtol=1e-12)
    balance = balance_of(whole)
    for n, length in enumerate(case.lengths):
        alone = balance_of(measure_network(case.module, case.x[n, :length][None]).whole)
        assert balance.r_runs[n] == pytest.approx(alone.r, rel=1e-12)
        padded = case.x.clone()
        padded[n, length:] = float("nan")
        found = measure_network(case.module, padded, case.lengths).whole
        np.testing.assert_allclose(found.react, whole.react, rtol=1e-12)


def test_padding_that_is_read_gives_another_r():
    torch.manual_seed(0)
    module = nn.LSTM(1, 4, batch_first=True)
    x = torch.randn(2, 60, 1)
    x[1, 10:] = 0
    right = balance_of(measure_network(module, x, [60, 10]).whole).r_runs[1]
    wrong = balance_of(measure_network(module, x).whole).r_runs[1]
    assert abs(right - wrong) > 0.05


def test_one_layer_is_what_the_probe_reads_and_cells_and_layouts_agree():
    torch.manual_seed(1)
    lstm = nn.LSTM(2, 5)
    x, state = torch.randn(7, 3, 2), (torch.randn(1, 3, 5), torch.randn(1, 3, 5))
    found = measure_network(lstm, x, state=state).whole
    assert np.array_equal(found.react, probe(lstm, x, state).react)
    cell = nn.LSTMCell(2, 5)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in lstm.state_dict().items()})
    batch_first = x.transpose(0, 1)
    np.testing.assert_allclose(
        measure_network(cell, batch_first, state=state).whole.react, found.react
    )
    alone = measure_network(lstm, x[:, 1], state=[s[:, 1] for s in state]).whole
    np.testing.assert_allclose(alone.react[0], found.react[1], rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_half_precision_is_computed_in_float32(kind, dtype):
    torch.manual_seed(2)
    module = kind(2, 5, 2, batch_first=True).to(dtype)
    x = torch.randn(3, 12, 2)
    found = measure_network(module, x).whole
    exact = measure_network(module.float(), x).whole
    assert np.array_equal(found.react, exact.react)
    assert network_of(module.to(dtype)).stored is dtype


@pytest.mark.parametrize("sequences", [3, 40])
def test_weights_of_which_some_are_wider_are_all_computed_in_the_widest(sequences):
    module = nn.LSTM(2, 3, 2, batch_first=True)
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if name.endswith("_l1"):
                setattr(module, name, nn.Parameter(weights.double()))
    x = torch.randn(sequences, 5, 2, generator=torch.Generator().manual_seed(1)).double()
    mixed = measure_network(network_of(module), x)
    wide = measure_network(network_of(module.double()), x)
    np.testing.assert_array_equal(mixed.whole.react, wide.whole.react)


def test_a_measured_module_is_left_as_it_was():
    torch.manual_seed(3)
    module = nn.GRU(2, 4, 2, bidirectional=True, dropout=0.5)
    nn.utils.parametrizations.spectral_norm(module, "weight_hh_l1")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    measure_network(module, torch.randn(5, 2, 2))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_the_older_weight_norm_is_read_fresh():
    torch.manual_seed(4)
    module = nn.utils.weight_norm(nn.GRU(2, 4, batch_first=True), "weight_hh_l0")
    x = torch.randn(2, 6, 2)
    with torch.no_grad():
        module.weight_hh_l0_g.mul_(3)  # the attribute is stale now
    found = measure_network(module, x).whole
    with torch.no_grad():
        module(x)  # and fresh again
    plain = nn.GRU(2, 4, batch_first=True)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(getattr(module, name))
    np.testing.assert_allclose(found.react, measure_network(plain, x).whole.react, rtol=1e-6)


def test_untrained_twins_are_torchs_own_and_repeat():
    torch.manual_seed(5)
    network = network_of(nn.GRU(2, 4, 2, bidirectional=True, bias=False))
    twin, again, other = (untrained(network, seed) for seed in (0, 0, 1))
    assert twin.described() == network.described()
    assert torch.equal(twin.layers[1][1].u, again.layers[1][1].u)
    assert not torch.equal(twin.first.w, other.first.w)
    assert twin.first.w.abs().max() <= 0.5  # 1 / sqrt(h), nn.GRU's documented bound


def test_a_held_input_is_each_sequences_own_mean():
    values = np.array([[[1.0], [3.0], [0.0]], [[1.0], [2.0], [6.0]]])
    held = held_constant(values, [2, 3])
    assert held[..., 0].tolist() == [[2, 2, 0], [3, 3, 3]]


BAD = [
    (lambda: measure_network(nn.LSTM(2, 4, proj_size=2), torch.zeros(5, 1, 2)), "proj_size = 2"),
    (lambda: measure_network(nn.RNN(2, 4), torch.zeros(5, 1, 2)), "module = 'RNN'"),
    (lambda: measure_network(nn.LSTM(2, 4), torch.zeros(5, 1, 3)), "x's features = 3"),
    (lambda: measure_network(nn.LSTM(2, 4), torch.zeros(1, 1, 2)), "lengths"),
    (lambda: measure_network(nn.LSTM(2, 4), torch.zeros(5, 2, 2), [5]), "lengths"),
    (lambda: measure_network(nn.LSTM(2, 4), torch.zeros(5, 2, 2), [5, 6]), "lengths"),
    (lambda: measure_network(nn.LSTM(2, 4), torch.zeros(5, 1, 2) / 0), "x = 'with NaN"),
    (lambda: measure_network(nn.LSTM(2, 4), np.zeros((5, 1, 2))), "x = 'ndarray'"),
    (
        lambda: measure_network(nn.LSTM(2, 4), torch.zeros(5, 1, 2), state=torch.zeros(1, 1, 4)),
        "state = 'Tensor'",
    ),
    (
        lambda: measure_network(nn.GRU(2, 4), torch.zeros(5, 1, 2), state=torch.zeros(2, 1, 4)),
        "state's shape",
    ),
    (lambda: measure_network(nn.LSTM(2, 4, device="meta"), torch.zeros(5, 1, 2)), "on meta"),
]


@pytest.mark.parametrize(("act", "message"), BAD)
def test_what_does_not_fit_is_named(act, message):
    with pytest.raises(InputError, match=message) as caught:
        act()
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused_by_name():
    module = nn.LSTM(2, 4, 2, bidirectional=True)
    with torch.no_grad():
        module.bias_hh_l1_reverse[2] = float("inf")
    with pytest.raises(InputError, match="bias_hh_l1_reverse = 'with NaN"):
        measure_network(module, torch.zeros(5, 1, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_module_on_a_gpu_is_computed_there(kind):
    torch.manual_seed(6)
    module = kind(3, 32, 2, bidirectional=True, batch_first=True)
    x = torch.randn(4, 50, 3)
    expected = measure_network(module, x).whole
    found = measure_network(module.cuda(), x).whole
    np.testing.assert_allclose(found.react, expected.react, rtol=2e-6)
    np.testing.assert_allclose(found.diff, expected.diff, rtol=2e-6, atol=1e-7)
