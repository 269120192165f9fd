"""NumPy arrays in one .npz file: equal arrays give equal bytes, and no pickle is ever read."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.tools.errors import InputError, one_line
from rdverify.tools.files import write_atomically


def write_arrays(path: Path | str, arrays: Mapping[str, npt.NDArray[Any]]) -> Path:
    """Write ``arrays`` compressed, atomically, ordered by name."""
    ordered: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    return write_atomically(path, lambda stream: np.savez_compressed(stream, **ordered))


def read_arrays(path: Path | str, argument: str = "arrays") -> dict[str, npt.NDArray[Any]]:
    """Read what :func:`write_arrays` wrote.

    Raises:
        InputError: naming ``argument``, if the file is missing, damaged or holds a pickle.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{argument} = {str(path)!r} is not allowed ({one_line(error)}): must be a whole "
            ".npz file without pickles"
        ) from error
