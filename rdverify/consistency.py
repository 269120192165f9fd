"""The paper's numbers held against each other, before anything is run.

In the manner of GRIM and statcheck: printed digits leave an interval, and
derived numbers must lie in what the intervals of their sources allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdverify.tolerance import rounding_half_width


def interval_of_ratio(numerator: str, denominator: str) -> tuple[float, float]:
    """All values of a/b that the printed digits of a and b allow.

    >>> low, high = interval_of_ratio("0.3589", "0.3551")
    >>> round(low, 5), round(high, 5)
    (1.01042, 1.01098)
    """
    a, b = float(numerator), float(denominator)
    da, db = rounding_half_width(numerator), rounding_half_width(denominator)
    return (a - da) / (b + db), (a + da) / (b - db)


def self_consistency(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """One record per check: what, printed, what the other numbers allow, whether they meet."""
    records = []
    for row in rows:
        low, high = interval_of_ratio(row["m_react"], row["m_diff"])
        half = rounding_half_width(row["r"])
        printed = float(row["r"])
        records.append(
            {
                "check": f"{row['system']} {row['setting']}: R = M_react / M_diff",
                "printed": row["r"],
                "low": low,
                "high": high,
                "consistent": low <= printed + half and printed - half <= high,
            }
        )
    return records
