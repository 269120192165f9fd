"""Verify a paper on the balance of reaction and diffusion in three kinds of model.

``Trace`` and ``balance_of`` are the two names that measure any model; the models
are ``rdverify.gray_scott.model``, ``rdverify.lstm.model`` and ``rdverify.ddpm.sampler``.
"""

from rdverify.balance import Balance, balance_of
from rdverify.tools.errors import InputError
from rdverify.trace import Trace

__version__ = "0.1.0"
__all__ = ["Balance", "InputError", "Trace", "__version__", "balance_of"]
