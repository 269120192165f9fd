"""What the noise predictor is trained and judged on: noisy images, drawn by seed and step."""

from __future__ import annotations

import torch

from rdverify.ddpm.images import ImageSet, PixelRange, scale_pixels
from rdverify.ddpm.schedule import Schedule, q_sample
from rdverify.tools.torchkit import seeded

VALIDATION_IMAGES = 500
VALIDATION_SEED = 20_260_101  # its own, so that all trainings are judged on the same noise


class Batches:
    """x_t, t and noise of step n, from (seed, n) alone; each image once an epoch.

    Args:
        images: uint8, shape (n, C, 32, 32).
        schedule: beta_t.
        batch: images a step.
        seed: of everything drawn.
        pixel_range: of x_0.
        flip: mirror with probability 1/2.
        device: where the tensors go; they are drawn on the CPU, so that devices agree.

    """

    def __init__(
        self,
        images: torch.Tensor,
        schedule: Schedule,
        *,
        batch: int,
        seed: int,
        pixel_range: PixelRange = "[-1,1]",
        flip: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        self.images, self.batch, self.seed, self.device = images, batch, seed, device
        self.pixel_range, self.flip = pixel_range, flip
        self.schedule = schedule
        self.epoch, self.order = -1, torch.empty(0)

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """x_t, shape (batch, C, 32, 32), t, shape (batch,), and the noise in x_t."""
        n = self.batch
        epoch, place = divmod(step, len(self.images) // n)
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = torch.randperm(len(self.images), generator=seeded(self.seed, 1, epoch))
        generator = seeded(self.seed, 0, step)
        x_0 = scale_pixels(self.images[self.order[place * n : (place + 1) * n]], self.pixel_range)
        if self.flip:
            mirrored = torch.rand(n, generator=generator) < 0.5
            x_0[mirrored] = x_0[mirrored].flip(-1)
        t = torch.randint(self.schedule.T, (n,), generator=generator)
        noise = torch.randn(x_0.shape, generator=generator)
        x_t = q_sample(x_0, t, self.schedule, noise)
        return x_t.to(self.device), t.to(self.device), noise.to(self.device)


class Validation:
    """epsilon-MSE on up to 500 held-out images, always with the same noise and times."""

    def __init__(
        self,
        held_out: ImageSet,
        schedule: Schedule,
        pixel_range: PixelRange = "[-1,1]",
        device: torch.device | str = "cpu",
    ) -> None:
        generator = seeded(VALIDATION_SEED)
        chosen = torch.randperm(len(held_out), generator=generator)[:VALIDATION_IMAGES]
        x_0 = scale_pixels(held_out.images[chosen], pixel_range)
        n = len(x_0)
        # times spread evenly over 0 .. T-1: less scatter than drawn ones
        self.t = ((torch.arange(n) + 0.5) * schedule.T / n).long().to(device)
        noise = torch.randn(x_0.shape, generator=generator)
        self.x_t = q_sample(x_0, self.t.cpu(), schedule, noise).to(device)
        self.noise = noise.to(device)

    @torch.no_grad()
    def __call__(self, unet: torch.nn.Module) -> float:
        """Mean over images, pixels and times of (eps_theta - eps)^2; leaves evaluation mode on."""
        unet.eval()
        total = 0.0
        for x_t, t, noise in zip(
            *(torch.split(values, 50) for values in (self.x_t, self.t, self.noise)), strict=True
        ):
            total += float(((unet(x_t, t, return_dict=False)[0] - noise).double() ** 2).sum())
        return total / self.noise.numel()
