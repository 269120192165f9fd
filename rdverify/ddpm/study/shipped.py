"""The records that the study reads, each with the columns that it must have."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rdverify.ddpm.study.open_settings import OBSERVED
from rdverify.ddpm.study.rows import (
    ARCHITECTURE_RECORD,
    FINAL_RECORD,
    NOISE_RECORD,
    OPEN_RECORD,
    QUALITY_RECORD,
    RECORD,
    TRAINING_RECORD,
)
from rdverify.study.frames import read_frame

BALANCE = ("n", "m_react", "m_diff", "r")
# file -> columns of text, columns of numbers
RECORDS = {
    RECORD: (
        ("row", "variant", "scaling", "weights"),
        ("T", *BALANCE, "r_se", "final_ratio", "neighbour_correlation", "pairwise_correlation"),
    ),
    TRAINING_RECORD: (
        ("dataset", "weights"),
        ("step", *BALANCE, "m_react_sd", "m_diff_sd", "r_sd", "final_ratio", "final_ratio_sd"),
    ),
    FINAL_RECORD: (("row", "dataset"), ("n", "error", "ratio")),
    QUALITY_RECORD: (("dataset", "images"), ("n", "kernel_distance", "error", "classes_hit")),
    ARCHITECTURE_RECORD: (
        ("data",),
        ("norm_groups", "training_steps", *BALANCE, "m_react_sd", "final_ratio"),
    ),
    OPEN_RECORD: (("row", "setting", "weights"), ("n", "trajectory", *OBSERVED)),
    NOISE_RECORD: ((), ("seed", "n", "m_diff", "m_diff_sd")),
}
# of networks that the full profile doesn't train, and of none
KEPT = (ARCHITECTURE_RECORD, NOISE_RECORD)


def read_records(records: Path, shipped: Path) -> dict[str, pd.DataFrame]:
    """Every record by its file's name.

    Args:
        records: folder of those that hang on the networks.
        shipped: folder of those that don't.

    Raises:
        InputError: if one is missing or no such table: claims rest on each.
    """
    return {
        name: read_frame((shipped if name in KEPT else records) / name, (*text, *numbers), text)
        for name, (text, numbers) in RECORDS.items()
    }
