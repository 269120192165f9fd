"""Diffusers' DDPMScheduler. It counts steps from 0, so that its betas[t] is beta_{t+1}.

It keeps its schedule in single precision, whatever the images are in.
"""

import torch
from diffusers import DDPMScheduler

ARRAYS = "torch"
DTYPE = "float32"


def scheduler_of(betas):
    """The scheduler with these betas, without clipping, sigma_t^2 = beta_t."""
    return DDPMScheduler(
        len(betas),
        trained_betas=[float(beta) for beta in betas],
        clip_sample=False,
        variance_type="fixed_large",
    )


def forward_step(x_t, beta, t, epsilon_t):
    scheduler = scheduler_of(beta[1:])
    alpha = scheduler.alphas[t]
    return torch.sqrt(alpha) * x_t + torch.sqrt(1 - alpha) * epsilon_t


def reverse_mean(x, epsilon, beta_t, alpha_bar_t):
    """The second step of a chain with the given numbers, from which its noise is taken away."""
    scheduler = scheduler_of([1 - alpha_bar_t / (1 - beta_t), beta_t])
    seeded = torch.Generator().manual_seed(0)
    noise = torch.randn(x.shape, generator=seeded)
    step = scheduler.step(epsilon, 1, x, generator=seeded.manual_seed(0))
    return step.prev_sample - torch.sqrt(beta_t) * noise


def reaction(x, epsilon_theta, beta_t, alpha_bar_t):
    steps = zip(x, epsilon_theta, beta_t, alpha_bar_t, strict=True)
    drifts = [reverse_mean(*step) - step[0] for step in steps]
    return torch.stack([drift.norm() for drift in drifts]).mean()


def diffusion(sigma_t, z):
    variances = [scheduler_of([0.5, sigma**2])._get_variance(1) for sigma in sigma_t]
    kicks = [torch.sqrt(variance) * z_s for variance, z_s in zip(variances, z, strict=True)]
    return torch.stack([kick.norm() for kick in kicks]).mean()


EQUATIONS = {"eq08": forward_step, "eq14": reaction, "eq17": diffusion}
