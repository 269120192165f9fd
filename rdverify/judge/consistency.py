"""The paper's numbers held against each other, before anything is run.

In the manner of GRIM and statcheck: printed digits leave an interval, and
derived numbers must lie in what the intervals of their sources allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdverify.study.tolerance import rounding_half_width

Row = Mapping[str, str]
Record = dict[str, Any]
# Numbers that the prose of sections 4.1 and 5 states about Table 1, as printed there.
RD_RATIO, RD_SPREAD, DDPM_FACTOR = "1.00", "0.03", "14"
D_U, D_V = "1e-5", "0.5e-5"


def interval_of_ratio(numerator: str, denominator: str) -> tuple[float, float]:
    """All values of a/b that the printed digits of a and b allow.

    >>> low, high = interval_of_ratio("0.3589", "0.3551")
    >>> round(low, 5), round(high, 5)
    (1.01042, 1.01098)
    """
    a, b = float(numerator), float(denominator)
    da, db = rounding_half_width(numerator), rounding_half_width(denominator)
    return (a - da) / (b + db), (a + da) / (b - db)


def self_consistency(rows: Sequence[Row]) -> list[Record]:
    """One record per check: what, printed, what the other numbers allow, whether they meet."""
    records = [_ratio(row) for row in rows]
    records += [_rd_spread(row) for row in rows if row["system"] == "RD"]
    records += [_ddpm_factor(row) for row in rows if row["system"] == "DDPM"]
    return [*records, _above_and_below(rows), _root_of_three(rows), _order_of_coefficients()]


def _record(check: str, printed: str, low: float, high: float, consistent: bool) -> Record:
    return {"check": check, "printed": printed, "low": low, "high": high, "consistent": consistent}


def _meets(printed: str, low: float, high: float) -> bool:
    """Whether some value that rounds to ``printed`` lies in [low, high]."""
    half = rounding_half_width(printed)
    return low <= float(printed) + half and float(printed) - half <= high


def _ratio(row: Row) -> Record:
    low, high = interval_of_ratio(row["m_react"], row["m_diff"])
    return _record(
        f"Table 1, {row['system']} {row['setting']}: R is M_react / M_diff",
        row["r"],
        low,
        high,
        _meets(row["r"], low, high),
    )


def _rd_spread(row: Row) -> Record:
    low, high = float(RD_RATIO) - float(RD_SPREAD), float(RD_RATIO) + float(RD_SPREAD)
    return _record(
        f"Section 5: RD reaches {RD_RATIO} ± {RD_SPREAD}; Table 1, {row['setting']}",
        row["r"],
        low,
        high,
        _meets(row["r"], low, high),
    )


def _ddpm_factor(row: Row) -> Record:
    low, high = interval_of_ratio(row["m_diff"], row["m_react"])
    return _record(
        f"Section 5: noise is about {DDPM_FACTOR} times the drift; Table 1, {row['setting']}",
        DDPM_FACTOR,
        low,
        high,
        _meets(DDPM_FACTOR, low, high),
    )


def _above_and_below(rows: Sequence[Row]) -> Record:
    ratios = [float(row["r"]) for row in rows if row["system"] == "LSTM"]
    return _record(
        "Section 5: the LSTM oscillates around 1; Table 1's LSTM ratios lie on both sides",
        "1",
        min(ratios),
        max(ratios),
        min(ratios) < 1 < max(ratios),
    )


def _root_of_three(rows: Sequence[Row]) -> Record:
    m_diff = {row["setting"]: row["m_diff"] for row in rows}
    low, high = interval_of_ratio(m_diff["CIFAR10"], m_diff["MNIST"])
    return _record(
        "Table 1: M_diff of 3x32x32 over that of 1x32x32 images, root 3 for an undivided norm",
        "1.73",
        low,
        high,
        _meets("1.73", low, high),
    )


def _order_of_coefficients() -> Record:
    ratio = float(D_V) / float(D_U)
    return _record(
        "Section 2.1: patterns only if D_v > D_u; section 4.1's D_v / D_u must exceed 1",
        "> 1",
        ratio,
        ratio,
        ratio > 1,
    )
