"""The DDPM of Eqs. (8) to (10): ``sample(denoiser, schedule)`` gives images and their Trace."""

from rdverify.ddpm.expected import ExpectedBalance, expected_balance, final_ratio
from rdverify.ddpm.sampler import reverse_step, sample
from rdverify.ddpm.schedule import Schedule, Variance, forward_step, q_sample

__all__ = [
    "ExpectedBalance",
    "Schedule",
    "Variance",
    "expected_balance",
    "final_ratio",
    "forward_step",
    "q_sample",
    "reverse_step",
    "sample",
]
