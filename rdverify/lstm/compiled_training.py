"""Compiled training of one LSTM on the CPU, for a search that trains a thousand networks.

The same forward pass, gradient, clipping and optimisers as
:func:`rdverify.lstm.training.train` with the same initial weights and order of
batches; it differs by rounding alone (a test holds both together) and takes a
third of the time. Recorded networks are trained by ``torch.nn.LSTM`` all the same.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import torch

from rdverify.lstm.kernel import FLAGS, _split32
from rdverify.lstm.model import LSTMConfig, SequenceModel, build
from rdverify.lstm.sequences import generate
from rdverify.lstm.training import batches, rate
from rdverify.tools.errors import require

ADAM, RMSPROP, SGD = 0, 1, 2
KINDS = {"adam": ADAM, "rmsprop": RMSPROP, "sgd": SGD}


@numba.njit(fastmath=FLAGS, inline="always")
def _sigmoid(z):  # type: ignore[no-untyped-def]  # numba infers the types
    s, p = _split32(-min(max(z, np.float32(-60)), np.float32(60)))
    return np.float32(1) / (np.float32(1) + s * p + s)


@numba.njit(fastmath=FLAGS, inline="always")
def _tanh(z):  # type: ignore[no-untyped-def]
    return np.float32(2) * _sigmoid(np.float32(2) * z) - np.float32(1)


@numba.njit(fastmath=FLAGS, nogil=True, error_model="numpy", cache=True)
def loss_and_gradient(theta, x, same, gradient):  # type: ignore[no-untyped-def]
    """Mean-squared error of h = 16 weights ``theta`` on x (batch, T); fills ``gradient``.

    theta: W (64), U (64 * 16), both biases (64 each), head (16), shift (1).
    """
    batch, length = x.shape
    steps = length if same else length - 1
    shift_target = 0 if same else 1
    w, u = theta[:64], theta[64:1088].reshape(64, 16)
    bias = theta[1088:1152] + theta[1152:1216]
    head, shift = theta[1216:1232], theta[1232]
    u_t = np.ascontiguousarray(u.T)
    z = np.empty((steps, batch, 64), np.float32)
    c = np.zeros((steps + 1, batch, 16), np.float32)
    h = np.zeros((steps + 1, batch, 16), np.float32)
    root = np.empty((steps, batch, 16), np.float32)
    error = np.empty((steps, batch), np.float32)
    loss = 0.0
    for t in range(steps):
        np.dot(h[t], u_t, z[t])
        for b in range(batch):
            row, value = z[t, b], x[b, t]
            for j in range(64):
                row[j] += bias[j] + w[j] * value
            for j in range(32):
                row[j] = _sigmoid(row[j])  # eq03 i, eq02 f
            for j in range(32, 48):
                row[j] = _tanh(row[j])  # eq04
            for j in range(48, 64):
                row[j] = _sigmoid(row[j])  # eq06
            old, new, out, bent = c[t, b], c[t + 1, b], h[t + 1, b], root[t, b]
            for j in range(16):
                new[j] = row[16 + j] * old[j] + row[j] * row[32 + j]  # eq05
            for j in range(16):
                bent[j] = _tanh(new[j])
            total = shift
            for j in range(16):
                out[j] = row[48 + j] * bent[j]  # eq07
                total += out[j] * head[j]
            error[t, b] = total - x[b, t + shift_target]
            loss += error[t, b] ** 2
    gradient[:] = np.float32(0)
    scale = np.float32(2.0 / (batch * steps))
    d_h = np.zeros((batch, 16), np.float32)
    d_c = np.zeros((batch, 16), np.float32)
    d_z = np.empty((steps, batch, 64), np.float32)
    one = np.float32(1)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            e = error[t, b] * scale
            row, old, bent, d_row = z[t, b], c[t, b], root[t, b], d_z[t, b]
            out, flow, back = h[t + 1, b], d_c[b], d_h[b]
            gradient[1232] += e
            for j in range(16):
                gradient[1216 + j] += e * out[j]
            for j in range(16):
                i, f, g, o = row[j], row[16 + j], row[32 + j], row[48 + j]
                dh = back[j] + e * head[j]
                dc = flow[j] + dh * o * (one - bent[j] * bent[j])
                d_row[j] = dc * g * i * (one - i)
                d_row[16 + j] = dc * old[j] * f * (one - f)
                d_row[32 + j] = dc * i * (one - g * g)
                d_row[48 + j] = dh * bent[j] * o * (one - o)
                flow[j] = dc * f
            value = x[b, t]
            for j in range(64):
                gradient[j] += d_row[j] * value
                gradient[1088 + j] += d_row[j]
        np.dot(d_z[t], u, d_h)
    flat = np.ascontiguousarray(d_z.reshape(steps * batch, 64).T)
    gradient[64:1088] = np.dot(flat, h[:steps].reshape(steps * batch, 16)).ravel()
    gradient[1152:1216] = gradient[1088:1152]
    return loss / (batch * steps)


@numba.njit(fastmath=FLAGS, nogil=True, error_model="numpy", cache=True)
def _epoch(theta, x, order, size, same, kind, lr, limit, first, second, done):  # type: ignore[no-untyped-def]
    """One pass over ``x`` in ``order``; returns the mean loss and the steps done so far."""
    gradient = np.empty(theta.size, np.float32)
    total = 0.0
    for start in range(0, order.size, size):
        rows = order[start : start + size]
        total += loss_and_gradient(theta, x[rows], same, gradient) * rows.size
        square = 0.0
        for k in range(theta.size):
            square += gradient[k] * gradient[k]
        shrink = np.float32(min(1.0, limit / (np.sqrt(square) + 1e-6)))
        done += 1
        rise, fall = 1 - 0.9**done, np.sqrt(1 - 0.999**done)
        for k in range(theta.size):
            g = gradient[k] * shrink
            if kind == 0:
                first[k] += np.float32(0.1) * (g - first[k])
                second[k] = np.float32(0.999) * second[k] + np.float32(0.001) * g * g
                theta[k] -= (
                    np.float32(lr / rise)
                    * first[k]
                    / (np.sqrt(second[k]) / np.float32(fall) + np.float32(1e-8))
                )
            elif kind == 1:
                second[k] = np.float32(0.99) * second[k] + np.float32(0.01) * g * g
                theta[k] -= np.float32(lr) * g / (np.sqrt(second[k]) + np.float32(1e-8))
            else:
                first[k] = np.float32(0.9) * first[k] + g
                theta[k] -= np.float32(lr) * first[k]
    return total / order.size, done


def flatten(model: SequenceModel) -> npt.NDArray[np.float32]:
    """All weights in the order of :func:`loss_and_gradient`'s ``theta``, shape (1233,)."""
    return torch.cat([value.flatten() for value in model.state_dict().values()]).numpy()


def train_fast(
    config: LSTMConfig, data: npt.ArrayLike | None = None
) -> tuple[SequenceModel, npt.NDArray[np.float64]]:
    """As :func:`rdverify.lstm.training.train`, compiled: the network and its losses.

    Args:
        config: with hidden = 16, float32, without input noise.
        data: sequences of shape (n, length) instead of ``config.data``'s.
    """
    require(config.hidden == 16, "hidden", config.hidden, "16 for the compiled training")
    require(config.dtype == "float32", "dtype", config.dtype, "float32")
    require(config.input_noise == 0, "input_noise", config.input_noise, "0")
    x = np.ascontiguousarray(generate(config.data) if data is None else data, dtype=np.float32)
    model = build(config)
    theta = flatten(model)
    first, second, done = np.zeros_like(theta), np.zeros_like(theta), 0
    size = min(config.batch_size or len(x), len(x))
    limit = np.inf if config.clip_norm is None else config.clip_norm
    losses = np.zeros(config.epochs)
    for epoch in range(config.epochs):
        order = np.concatenate([rows.numpy() for rows in batches(config, epoch, len(x))])
        losses[epoch], done = _epoch(
            theta,
            x,
            order,
            size,
            config.target == "same",
            KINDS[config.optimiser],
            rate(config, epoch),
            limit,
            first,
            second,
            done,
        )
    torch.nn.utils.vector_to_parameters(torch.from_numpy(theta), model.parameters())
    return model.eval(), losses
