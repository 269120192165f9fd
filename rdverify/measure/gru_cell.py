"""The GRU's cell and its two terms, derived as the paper derives the LSTM's.

With x_t the input, h_{t-1} the state, sigma the logistic function (torch.nn.GRU):

    r_t = sigma(W_r x_t + b_r + U_r h_{t-1} + c_r)
    z_t = sigma(W_z x_t + b_z + U_z h_{t-1} + c_z)
    n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

so that, as in Eq. (11) with 1 - z_t in the place of both gates,

    h_t - h_{t-1} = (1 - z_t) * (n_t - h_{t-1}) = (1 - z_t) * n_t - (1 - z_t) * h_{t-1}.

What is written into the state, (1 - z_t) * n_t, is the reaction, as i_t * c~_t is; what is
lost of it, (1 - z_t) * h_{t-1}, the diffusion, as (1 - f_t) * C_{t-1} is. An LSTM can write
without forgetting; here one gate does both, so the terms are the closer in size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rdverify.lstm.reading import Reading
from rdverify.lstm.stepwise import CHUNK, full_precision, sums


@dataclass(frozen=True, eq=False)
class GRUCell:
    """The weights of one layer and direction, gates in the order r, z, n.

    Attributes:
        w: shape (3 h, d).
        u: shape (3 h, h).
        bias: b, shape (3 h,).
        bias_u: c, shape (3 h,).
    """

    w: Tensor
    u: Tensor
    bias: Tensor
    bias_u: Tensor

    @property
    def hidden(self) -> int:
        """The number of units, h."""
        return int(self.u.shape[1])


def read_gru(cell: GRUCell, x: Tensor, h_0: Tensor, *, keep: bool = False) -> Reading:
    """Norms of both terms of a GRU at every step, by torch on the weights' device.

    Args:
        cell: float32 or float64, all that follows likewise and on its device.
        x: shape (batch, T, d), finite.
        h_0: shape (batch, h).
        keep: also h_t, which the next layer reads.

    Returns:
        series "react", "diff", "change" (norms over the units) and "inner" = <a - b, a + b>.
    """
    rows: list[tuple[Tensor, ...]] = []
    found: list[Tensor] = []
    states: list[Tensor] = []
    h, size, steps = h_0, cell.hidden, x.shape[1]
    with torch.no_grad(), full_precision():
        for t in range(steps):
            of_x = torch.nn.functional.linear(x[:, t], cell.w, cell.bias)  # (batch, 3 h)
            of_h = torch.nn.functional.linear(h, cell.u, cell.bias_u)
            r = torch.sigmoid(of_x[:, :size] + of_h[:, :size])
            z_z = of_x[:, size : 2 * size] + of_h[:, size : 2 * size]
            n = torch.tanh(of_x[:, 2 * size :] + r * of_h[:, 2 * size :])
            opened = torch.sigmoid(-z_z)  # 1 - z with its digits where z is near 1
            a, b = opened * n, opened * h
            h = a + torch.sigmoid(z_z) * h
            rows.append((a, b))
            if keep:
                states.append(h)
            if len(rows) == CHUNK or t == steps - 1:
                found.append(sums(rows))
                rows = []
    table = torch.cat(found, 2).cpu().numpy().astype(np.float64)
    series = dict(zip(("react", "diff", "change", "inner"), table, strict=True))
    return Reading(series, torch.stack(states, 1) if keep else None)
