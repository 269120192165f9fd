"""Arguments and results in the arrays of the implementation: NumPy's or torch's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from rdverify.conformance.expect import coarsest

Function = Callable[..., Any]

ARRAYS = ("numpy", "torch")
DTYPES = ("float64", "float32")


class NoNumbers(TypeError):
    """A result that is no array of real numbers, or one too coarse to be judged."""


def in_its_arrays(function: Function, arrays: str, dtype: str) -> Function:
    """``function`` for NumPy arguments, of which it gets copies of its own kind.

    Args:
        function: takes arrays, numbers and functions; may change the arrays.
        arrays: ``numpy`` or ``torch``.
        dtype: ``float64`` or ``float32``, of the arrays that it gets.

    Returns:
        A function with results in float64. It notes the coarsest precision of what
        ``function`` answered in ``coarsest``, which widens the tolerance.

    """

    def call(*arguments: Any) -> Any:
        return result(function(*(argument(value, arrays, dtype) for value in arguments)))

    return call


def argument(value: Any, arrays: str, dtype: str) -> Any:
    """A copy of an array; functions and numbers as they are."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        return value
    copy = np.array(value, dtype)
    if arrays == "numpy":
        return copy
    import torch  # slow to import, and not everyone's

    return torch.from_numpy(copy)


def result(value: Any) -> Any:
    """The same in NumPy's doubles; a tuple or a list of arrays entry by entry."""
    if isinstance(value, tuple | list):
        return tuple(result(part) for part in value)
    if "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor):
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        dtype = str(tensor.dtype).removeprefix("torch.")
        numbers = tensor.double().numpy() if not tensor.is_complex() else tensor.numpy()
    else:
        try:
            numbers = np.asarray(value)
        except Exception as error:
            raise NoNumbers(f"a {type(value).__name__}, which is no array of numbers") from error
        dtype = str(numbers.dtype)
    if numbers.dtype.kind not in "fiu":
        raise NoNumbers(f"{dtype}, a {type(value).__name__}: must be real numbers")
    if dtype.startswith(("float", "bfloat")) and dtype not in (*DTYPES, "float128"):
        raise NoNumbers(f"{dtype}: too coarse to be judged, must be {' or '.join(DTYPES)}")
    if dtype == "float32":
        coarsest.set(float(np.finfo(np.float32).eps))
    return numbers.astype(float)
