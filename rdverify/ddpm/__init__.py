"""The DDPM of Eqs. (8) to (10): ``sample(denoiser, schedule)`` gives images and their Trace.

``sample(pipeline)`` does so for a diffusers pipeline, with the numbers of its own scheduler.
"""

from rdverify.ddpm.expected import ExpectedBalance, expected_balance, expected_of, final_ratio
from rdverify.ddpm.network import ForClass
from rdverify.ddpm.pipeline import load_pipeline
from rdverify.ddpm.reverse import ReverseProcess, reverse_step
from rdverify.ddpm.sampler import sample
from rdverify.ddpm.schedule import Schedule, Variance, forward_step, q_sample
from rdverify.ddpm.schedulers import of_scheduler

__all__ = [
    "ExpectedBalance",
    "ForClass",
    "ReverseProcess",
    "Schedule",
    "Variance",
    "expected_balance",
    "expected_of",
    "final_ratio",
    "forward_step",
    "load_pipeline",
    "of_scheduler",
    "q_sample",
    "reverse_step",
    "sample",
]
