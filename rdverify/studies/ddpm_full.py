"""The full profile: train the three networks anew, and sample every variant again."""

from __future__ import annotations

from pathlib import Path

from rdverify.errors import InputError
from rdverify.study import Context


def retrain(context: Context) -> tuple[Path, Path]:
    """Train into ``context.work``, resuming, and return the folders of weights and records.

    Raises:
        InputError: where there is no data.
    """
    raise InputError("profile = 'full' is not allowed for ddpm: must be 'quick'")
