"""Gray-Scott: ``run(GrayScottConfig(feed_rate=0.029))`` gives the Trace of one run."""

from rdverify.gray_scott.config import GrayScottConfig, initial_state, largest_dt
from rdverify.gray_scott.model import Simulation, run, run_many, simulate, step
from rdverify.gray_scott.patterns import Pattern, classify
from rdverify.gray_scott.stability import StateStability, all_states, steady_states

__all__ = [
    "GrayScottConfig",
    "Pattern",
    "Simulation",
    "StateStability",
    "all_states",
    "classify",
    "initial_state",
    "largest_dt",
    "run",
    "run_many",
    "simulate",
    "steady_states",
    "step",
]
