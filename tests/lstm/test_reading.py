"""A layer that is read for the next one gives the states of torch's own."""

from __future__ import annotations

import pytest
import torch

from rdverify.lstm.probing import cell_of
from rdverify.lstm.reading import read


@pytest.mark.parametrize("hidden", [1, 5, 40])
@pytest.mark.parametrize("batch", [3, 40])
def test_the_states_that_are_kept_are_those_of_torch(hidden: int, batch: int) -> None:
    torch.manual_seed(hidden)
    lstm = torch.nn.LSTM(2, hidden, batch_first=True, dtype=torch.float64)
    x = torch.randn(batch, 7, 2, dtype=torch.float64)
    h_0, c_0 = torch.randn(2, batch, hidden, dtype=torch.float64)
    with torch.no_grad():
        expected = lstm(x, (h_0[None], c_0[None]))[0]
    cell = cell_of(lstm)
    assert cell.hidden == hidden
    kept = read(cell, x, h_0, c_0, keep=True)
    assert kept.states is not None
    torch.testing.assert_close(kept.states, expected, rtol=1e-12, atol=1e-14)
    assert read(cell, x, h_0, c_0).states is None
