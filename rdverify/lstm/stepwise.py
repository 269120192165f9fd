"""The LSTM's cell step by step in torch, on whichever device the weights are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from rdverify.trace import FloatArray

CHUNK = 32  # steps whose terms are kept before their norms are taken together


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Products of float32 without shortened factors (TF32), as it was after the block."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def sums(rows: list[tuple[Tensor, ...]]) -> Tensor:
    """Norms of terms a, b of some steps, each (batch, h): shape (4, batch, steps), float64.

    In order: ||a||, ||b||, ||a - b||, <a - b, a + b>; float32 on a device without float64.
    """
    wide = torch.float32 if rows[0][0].device.type == "mps" else torch.float64
    a, b = (torch.stack(terms, 1).to(wide) for terms in zip(*rows, strict=True))
    norms = [torch.linalg.vector_norm(v, dim=2) for v in (a, b, a - b)]
    return torch.stack([*norms, ((a - b) * (a + b)).sum(2)])


def walk(
    w: Tensor,
    u: Tensor,
    bias: Tensor,
    x: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    series: int,
    keep: bool,
) -> tuple[FloatArray, Tensor | None]:
    """The first ``series`` of the kernel's series, shape (series, batch, T), and h_t if ``keep``.

    Args: as the fields and arguments of :mod:`rdverify.lstm.reading`.
    """
    h, c = h_0, c_0
    rows: list[tuple[Tensor, ...]] = []
    more: list[Tensor] = []
    found: list[Tensor] = []
    states: list[Tensor] = []
    with torch.no_grad(), full_precision():
        for t in range(x.shape[1]):
            z = torch.nn.functional.linear(x[:, t], w, bias) + h @ u.T  # (batch, 4 h)
            z_i, z_f, z_c, z_o = z.chunk(4, dim=1)
            i, kept, lost = torch.sigmoid(z_i), torch.sigmoid(z_f), torch.sigmoid(-z_f)
            a, b, old = i * torch.tanh(z_c), lost * c, c
            c = kept * c + a
            h = torch.sigmoid(z_o) * torch.tanh(c)
            rows.append((a, b))
            extra = [torch.linalg.vector_norm(c.double(), dim=1)]
            if series > 5:
                aligned = (torch.sign(a) * torch.sign(old)).mean(1)
                extra += [i.mean(1), lost.mean(1), c.abs().mean(1), aligned]
            more.append(torch.stack([value.double() for value in extra]))
            if keep:
                states.append(h)
            if len(rows) == CHUNK or t == x.shape[1] - 1:
                # (series, batch, steps of this chunk)
                found.append(torch.cat([sums(rows), torch.stack(more, 2)]))
                rows, more = [], []
    table = torch.cat(found, 2).cpu().numpy().astype(np.float64)
    return table, torch.stack(states, 1) if keep else None
