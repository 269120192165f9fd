"""Networks of equal shape trained as one stack, on a CPU or a GPU."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rdverify.lstm.model import LSTMConfig, SequenceModel
from rdverify.tools.progress import Reporter

# per network: W (4 h, 1), U (4 h, h), two biases (4 h), head (1, h) and (1)
NAMES = (
    "lstm.weight_ih_l0",
    "lstm.weight_hh_l0",
    "lstm.bias_ih_l0",
    "lstm.bias_hh_l0",
    "head.weight",
    "head.bias",
)


def rate(config: LSTMConfig, epoch: int) -> float:
    """The learning rate of an epoch (0-based)."""
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))


def batches(config: LSTMConfig, epoch: int, count: int) -> list[Tensor]:
    """Row numbers of each step of an epoch; they depend on seed and epoch alone."""
    if config.batch_size is None or config.batch_size >= count:
        return [torch.arange(count)]
    order = np.random.default_rng([config.seed, epoch]).permutation(count)
    return list(torch.split(torch.from_numpy(order), config.batch_size))


def train_group(
    configs: Sequence[LSTMConfig],
    models: Sequence[SequenceModel],
    x: Tensor,
    device: str,
    progress: Reporter,
) -> list[npt.NDArray[np.float64]]:
    """Train ``models`` in place, all steps side by side.

    Args:
        configs: one per network, equal in hidden, dtype, batch_size, target,
            feedback and optimiser; free in rate, schedule, epochs,
            clip_norm, seed.
        models: freshly built, on the CPU.
        x: data, shape (networks, sequences, length).
        device: where to compute.
        progress: where progress is told.

    Returns:
        The losses of each network, shape (its epochs,).
    """
    states = [model.state_dict() for model in models]
    stack = [
        torch.stack([state[name] for state in states]).to(device).requires_grad_() for name in NAMES
    ]  # each (networks, ...)
    x = x.to(device)
    optimiser = _Optimiser(configs, stack)
    epochs = max((config.epochs for config in configs), default=0)
    history = []
    networks = torch.arange(len(configs), device=device)[:, None]  # (networks, 1)
    with progress.task(f"train {len(configs)} networks", epochs) as task:
        for epoch in range(epochs):
            active = torch.tensor([epoch < config.epochs for config in configs], device=device)
            rates = torch.tensor(
                [rate(config, epoch) if epoch < config.epochs else 0.0 for config in configs],
                dtype=torch.float64,
            )
            order = [batches(config, epoch, x.shape[1]) for config in configs]
            noise = torch.stack(
                [
                    input_noise(config, epoch, series)
                    for config, series in zip(configs, x, strict=True)
                ]
            ).to(device)
            total = torch.zeros(len(configs), dtype=torch.float64, device=device)
            for rows in zip(*order, strict=True):
                chosen = torch.stack(rows).to(device)  # (networks, batch)
                losses = stacked_losses(
                    configs[0], stack, x[networks, chosen], noise[networks, chosen], epoch
                )
                gradients = torch.autograd.grad(losses.sum(), stack)
                optimiser.step(gradients, rates, active)
                total += losses.detach().double() * chosen.shape[1]
            history.append(total / x.shape[1])
            task.advance()
    kept = torch.stack(history).cpu().numpy() if history else np.zeros((0, len(configs)))
    for index, model in enumerate(models):
        model.load_state_dict(
            {name: values[index].detach().cpu() for name, values in zip(NAMES, stack, strict=True)}
        )
    return [kept[: config.epochs, index] for index, config in enumerate(configs)]


def input_noise(config: LSTMConfig, epoch: int, x: Tensor) -> Tensor:
    """Noise of an epoch, shape (sequences, length); it depends on seed and epoch alone."""
    if config.input_noise == 0:
        return torch.zeros_like(x)
    drawn = np.random.default_rng([config.seed, epoch, 1]).normal(0, config.input_noise, x.shape)
    return torch.from_numpy(drawn).to(x)


def feedback_start(config: LSTMConfig, epoch: int) -> int | None:
    """The step from which the network reads its own output in an epoch, or None."""
    return config.feedback_from if epoch >= config.feedback_after else None


def stacked_losses(
    config: LSTMConfig, stack: Sequence[Tensor], x: Tensor, noise: Tensor, epoch: int
) -> Tensor:
    """Mean-squared error of each network, shape (networks,), by a loop over the steps.

    Args:
        config: target and feedback.
        stack: the parameters in the order of ``NAMES``, each of shape (networks, ...).
        x: shape (networks, batch, length).
        noise: added to what is read, same shape.
        epoch: 0-based; feedback may begin later than the first.
    """
    w, u, b_ih, b_hh, head, shift = stack
    w_row, u_t = w.transpose(1, 2), u.transpose(1, 2)  # (networks, 1, 4 h), (networks, h, 4 h)
    bias = (b_ih + b_hh)[:, None]  # (networks, 1, 4 h)
    h = x.new_zeros(x.shape[0], x.shape[1], u.shape[2])  # (networks, batch, h)
    c = h
    steps = x.shape[2] if config.target == "same" else x.shape[2] - 1
    start = feedback_start(config, epoch)
    feedback = steps if start is None else start
    read = x + noise
    hidden: list[Tensor] = []
    outputs: list[Tensor] = []
    for t in range(steps):
        # what the network reads: data, or from ``feedback`` on its own last output
        value = read[:, :, t, None] if t < feedback else outputs[-1]
        z = torch.baddbmm(value * w_row + bias, h, u_t)  # (networks, batch, 4 h)
        i, f, c_tilde, o = z.chunk(4, dim=2)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(c_tilde)  # eq05
        h = torch.sigmoid(o) * torch.tanh(c)  # eq07
        if feedback < steps:
            outputs.append(torch.baddbmm(shift[:, None], h, head.transpose(1, 2)))
        else:
            hidden.append(h)
    if hidden:
        whole = torch.stack(hidden, 2)  # (networks, batch, steps, h)
        y = (whole * head[:, None]).sum(-1) + shift[:, None]  # (networks, batch, steps)
    else:
        y = torch.cat(outputs, 2)
    target = x if config.target == "same" else x[:, :, 1:]
    return (y - target).square().mean(dim=(1, 2))


class _Optimiser:
    """torch.optim's Adam, RMSprop and SGD with momentum 0.9, one rate per network."""

    def __init__(self, configs: Sequence[LSTMConfig], stack: Sequence[Tensor]) -> None:
        self.kind, self.stack = configs[0].optimiser, stack
        self.first = [torch.zeros_like(values) for values in stack]
        self.second = [torch.zeros_like(values) for values in stack]
        self.steps = 0
        limits = [
            float("inf") if config.clip_norm is None else config.clip_norm for config in configs
        ]
        self.limits = torch.tensor(limits, dtype=stack[0].dtype, device=stack[0].device)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rates: Tensor, active: Tensor) -> None:
        """One update; networks that are not ``active`` keep their weights."""
        self.steps += 1
        squares = sum((g.square().flatten(1).sum(1) for g in gradients), self.limits.new_zeros(1))
        shrink = (self.limits / (squares.sqrt() + 1e-6)).clamp(max=1.0)  # as clip_grad_norm_
        for values, gradient, first, second in zip(
            self.stack, gradients, self.first, self.second, strict=True
        ):
            shape = (-1,) + (1,) * (values.ndim - 1)
            g = gradient * shrink.view(shape)
            if self.kind == "adam":
                first.lerp_(g, 1 - 0.9)
                second.mul_(0.999).addcmul_(g, g, value=1 - 0.999)
                size = rates / (1 - 0.9**self.steps)
                root = second.sqrt() / (1 - 0.999**self.steps) ** 0.5 + 1e-8
                update = first / root
            elif self.kind == "rmsprop":
                second.mul_(0.99).addcmul_(g, g, value=1 - 0.99)
                size, update = rates, g / (second.sqrt() + 1e-8)
            else:
                first.mul_(0.9).add_(g)
                size, update = rates, first
            change = size.to(values).view(shape) * update
            values -= torch.where(active.view(shape), change, torch.zeros_like(change))
