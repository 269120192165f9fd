"""The paper's numbers held against each other, before anything is run.

In the manner of GRIM and statcheck: printed digits leave an interval, and
derived numbers must lie in what the intervals of their sources allow.
"""

from __future__ import annotations

from collections.abc import Sequence

from rdverify.judge.paper import PrintedRow
from rdverify.judge.records import ConsistencyCheck
from rdverify.study.tolerance import rounding_half_width

# Numbers that the prose of sections 4.1 and 5 states about Table 1, as printed there.
RD_RATIO, RD_SPREAD, DDPM_FACTOR = "1.00", "0.03", "14"
D_U, D_V = "1e-5", "0.5e-5"


def interval_of_ratio(numerator: str, denominator: str) -> tuple[float, float]:
    """All values of a/b that the printed digits of a and b allow.

    >>> low, high = interval_of_ratio("0.50", "0.20")
    >>> round(low, 5), round(high, 5)
    (2.41463, 2.58974)
    """
    a, b = float(numerator), float(denominator)
    da, db = rounding_half_width(numerator), rounding_half_width(denominator)
    return (a - da) / (b + db), (a + da) / (b - db)


def self_consistency(rows: Sequence[PrintedRow]) -> list[ConsistencyCheck]:
    """Every check of the rows that are there, and whether print meets what other numbers allow."""
    ratio = float(D_V) / float(D_U)
    return [
        *(_ratio(row) for row in rows),
        *(_rd_spread(row) for row in rows if row.system == "RD"),
        *(_ddpm_factor(row) for row in rows if row.system == "DDPM"),
        *_above_and_below(rows),
        *_root_of_three(rows),
        ConsistencyCheck(
            "Section 2.1: patterns only if D_v > D_u; section 4.1's D_v / D_u must exceed 1",
            "> 1",
            ratio,
            ratio,
            ratio > 1,
        ),
    ]


def _meets(check: str, printed: str, low: float, high: float) -> ConsistencyCheck:
    """Whether some value that rounds to ``printed`` lies in [low, high]."""
    half = rounding_half_width(printed)
    consistent = low <= float(printed) + half and float(printed) - half <= high
    return ConsistencyCheck(check, printed, low, high, consistent)


def _ratio(row: PrintedRow) -> ConsistencyCheck:
    check = f"Table 1, {row.system} {row.setting}: R is M_react / M_diff"
    return _meets(check, row.r, *interval_of_ratio(row.m_react, row.m_diff))


def _rd_spread(row: PrintedRow) -> ConsistencyCheck:
    check = f"Section 5: RD reaches {RD_RATIO} ± {RD_SPREAD}; Table 1, {row.setting}"
    middle, spread = float(RD_RATIO), float(RD_SPREAD)
    return _meets(check, row.r, middle - spread, middle + spread)


def _ddpm_factor(row: PrintedRow) -> ConsistencyCheck:
    check = f"Section 5: noise is about {DDPM_FACTOR} times the drift; Table 1, {row.setting}"
    return _meets(check, DDPM_FACTOR, *interval_of_ratio(row.m_diff, row.m_react))


def _above_and_below(rows: Sequence[PrintedRow]) -> list[ConsistencyCheck]:
    ratios = [float(row.r) for row in rows if row.system == "LSTM"]
    if not ratios:
        return []
    check = "Section 5: the LSTM oscillates around 1; Table 1's LSTM ratios lie on both sides"
    low, high = min(ratios), max(ratios)
    return [ConsistencyCheck(check, "1", low, high, low < 1 < high)]


def _root_of_three(rows: Sequence[PrintedRow]) -> list[ConsistencyCheck]:
    m_diff = {row.setting: row.m_diff for row in rows}
    if not {"CIFAR10", "MNIST"} <= m_diff.keys():
        return []
    check = "Table 1: M_diff of 3x32x32 over that of 1x32x32 images, root 3 for an undivided norm"
    return [_meets(check, "1.73", *interval_of_ratio(m_diff["CIFAR10"], m_diff["MNIST"]))]
