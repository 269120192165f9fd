"""How often a ledger of true claims would be refuted all the same."""

from __future__ import annotations

from collections.abc import Sequence

from rdverify.judge.decide import holm
from rdverify.judge.judged import Family, JudgedClaim
from rdverify.judge.verdict import Verdict
from rdverify.study.tolerance import LEVEL


def family_of(claims: Sequence[JudgedClaim]) -> Family:
    """The error rate of the whole ledger, and which refutations carry it.

    Each claim that rests on measurements with scatter is refuted with a chance of at most 5 % if
    it is true, its parts sharing that level. Of k such claims at most 0.05 k would so fall if all
    were true, and one at least with a chance of up to 1 - 0.95^k were they independent. Holm over
    all of them brings that chance to 5 % again; what is not refuted then is named.
    """
    counted = [claim for claim in claims if claim.p is not None]
    fallen = holm([float(claim.p or 0.0) for claim in counted])
    lost = [
        claim.id
        for claim, falls in zip(counted, fallen, strict=True)
        if claim.verdict == Verdict.REFUTED and not falls
    ]
    k = len(counted)
    return Family(k, LEVEL, LEVEL * k, 1 - (1 - LEVEL) ** k, lost)
