"""The error rate of the whole ledger, and which refutations carry it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rdverify.judge.claims import judge_claim
from rdverify.judge.family import family_of
from rdverify.judge.judged import JudgedClaim
from rdverify.judge.paper import Claim, Sentence
from rdverify.judge.verdict import Verdict

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED
PLAIN = judge_claim(
    Claim("T-00", "5.01", "t", []), {}, Sentence("5.01", "5", "It is so.", "assertion")
)


def claims(*judged: tuple[Verdict, float | None]) -> list[JudgedClaim]:
    return [
        replace(PLAIN, id=f"T-{k}", verdict=verdict, p=p) for k, (verdict, p) in enumerate(judged)
    ]


@pytest.mark.parametrize(
    ("number", "expected", "one_or_more"),
    [(0, 0, 0), (1, 0.05, 0.05), (2, 0.1, 0.0975), (3, 0.15, 0.142625)],
)
def test_of_k_true_claims_so_many_fall(number: int, expected: float, one_or_more: float) -> None:
    """Those alone count that rest on measurements with scatter."""
    found = family_of(claims(*[(C, 0.9)] * number, (C, None), (R, None)))
    assert (found.claims, found.level, found.lost) == (number, pytest.approx(0.05), [])
    assert found.expected == pytest.approx(expected)
    assert found.one_or_more == pytest.approx(one_or_more)


@pytest.mark.parametrize(
    ("judged", "lost"),
    [
        ([(R, 0.04)], []),
        ([(R, 0.04), (C, 0.5)], ["T-0"]),
        ([(C, 0.5), (R, 0.04), (R, 0.03), (R, 0.001)], ["T-1", "T-2"]),
        ([(R, 0.0), (R, 0.04), (U, 0.04)], ["T-1"]),  # 0 falls at every level
        ([(R, None), (R, 0.04)], []),  # rests on no chance, and shares no level
    ],
)
def test_what_is_refuted_but_not_at_a_level_shared_by_all_is_lost(
    judged: list[tuple[Verdict, float | None]], lost: list[str]
) -> None:
    assert family_of(claims(*judged)).lost == lost
