"""Whose weights are read: the module's own, as it would compute with them next."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

from rdverify.lstm import SequenceModel, probe, probe_free_run
from rdverify.lstm.probing import cell_of


def module(**options: Any) -> torch.nn.LSTM:
    torch.manual_seed(3)
    return torch.nn.LSTM(3, 4, **options)


@pytest.mark.parametrize("bias", [True, False])
def test_both_biases_are_added_up_or_zero(bias: bool) -> None:
    lstm = module(bias=bias)
    cell = cell_of(lstm)
    expected = lstm.bias_ih_l0 + lstm.bias_hh_l0 if bias else torch.zeros(16)
    assert torch.equal(cell.bias, expected)
    assert torch.equal(cell.w, lstm.weight_ih_l0)
    assert torch.equal(cell.u, lstm.weight_hh_l0)


def test_a_weight_norm_is_computed_anew_where_the_module_would() -> None:
    lstm = module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has a newer one, and keeps this
        torch.nn.utils.weight_norm(lstm, "weight_hh_l0")
    with torch.no_grad():
        lstm.weight_hh_l0_g.mul_(3)
    v = lstm.weight_hh_l0_v
    expected = lstm.weight_hh_l0_g * v / v.norm(dim=1, keepdim=True)
    torch.testing.assert_close(cell_of(lstm).u, expected)
    torch.testing.assert_close(cell_of(lstm).w, lstm.weight_ih_l0)


@pytest.mark.parametrize("trained", [True, False])
def test_a_spectral_norm_is_computed_anew_where_the_module_would(trained: bool) -> None:
    lstm = module().train(trained)
    torch.nn.utils.spectral_norm(lstm, "weight_ih_l0")
    for _ in range(2):  # before the first call, and after weights have changed since the last
        with torch.no_grad():
            lstm.weight_ih_l0_orig.mul_(2)
        before = {name: value.clone() for name, value in lstm.state_dict().items()}
        found = cell_of(lstm).w
        assert lstm.training == trained
        assert all(torch.equal(value, before[name]) for name, value in lstm.state_dict().items())
        lstm.eval()
        lstm(torch.zeros(2, 1, 3))
        torch.testing.assert_close(found, lstm.weight_ih_l0.detach())
        lstm.train(trained)


def test_whoever_else_listens_to_a_module_changes_nothing() -> None:
    class Listener:
        def __call__(self, *_: Any) -> None:
            raise AssertionError("the module is never called")

    lstm = module()
    expected = cell_of(lstm)
    lstm.register_forward_pre_hook(Listener())
    lstm.register_forward_hook(Listener())
    assert torch.equal(cell_of(lstm).u, expected.u)


def test_what_only_correlations_need_is_given_where_it_is_asked_for_alone() -> None:
    model, x = SequenceModel(4), torch.zeros(2, 5, 1)
    always, more = {"change", "inner", "cell"}, {"i", "one_minus_f", "abs_cell", "aligned"}
    reads = (
        lambda **asked: probe(model.lstm, x, **asked),
        lambda **asked: probe_free_run(model, x, 3, **asked),
    )
    for read in reads:
        assert set(read().extras) == set(read(detail=False).extras) == always
        assert set(read(detail=True).extras) == always | more
