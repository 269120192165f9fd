"""What would turn a claim's verdict: thresholds of ours, moved within their ranges."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rdverify.judge.judged import Evidence
from rdverify.judge.paper import AtLeast
from rdverify.judge.verdict import Verdict, combine


def fragile(tests: Sequence[Evidence]) -> list[str]:
    """For each threshold that is ours: where the claim's verdict turns, if it does.

    Tests with the same predicate and range stand on one threshold, which moves for all of them.
    """
    now, found = combine([_at_own(test) for test in tests]), []
    groups: dict[tuple[str, float, float], list[Evidence]] = {}
    for test in tests:
        if test.strip:
            key = str(test.predicate), test.strip[0].start, test.strip[-1].end
            groups.setdefault(key, []).append(test)
    for moved in groups.values():
        cuts = sorted({end for test in moved for s in test.strip for end in (s.start, s.end)})
        turned: dict[Verdict, tuple[float, float]] = {}
        for low, high in itertools.pairwise(cuts):
            verdict = combine(
                [_at(test, (low + high) / 2) if test in moved else _at_own(test) for test in tests]
            )
            start, _ = turned.get(verdict, (low, high))
            turned[verdict] = (start, high)
        facts = sorted({test.fact for test in moved})
        names, common = " and ".join(facts), "threshold" if len(facts) == 1 else "common threshold"
        found += [
            f"{verdict} if the {common} of {names} lay between {low:.3g} and {high:.3g}"
            for verdict, (low, high) in turned.items()
            if verdict != now
        ]
    for name, end in (("loosest", True), ("strictest", False)):
        verdict = combine([_at_end(test, end) for test in tests])
        if verdict != now and not any(reason.startswith(verdict) for reason in found):
            found.append(f"{verdict} with all its thresholds at their {name}")
    return list(dict.fromkeys(found))


def _at(test: Evidence, threshold: float) -> Verdict:
    """The outcome at another threshold of its range."""
    return next(s.outcome for s in test.strip if s.start <= threshold <= s.end)


def _at_end(test: Evidence, loosest: bool) -> Verdict:
    """The outcome at the end of the range that asks least, or most."""
    if not test.strip:
        return _at_own(test)
    rising = isinstance(test.predicate, AtLeast)  # a greater threshold asks for more
    return test.strip[0 if rising == loosest else -1].outcome


def _at_own(test: Evidence) -> Verdict:
    """The outcome before a level is shared, as the strip has it."""
    shared = test.outcome == Verdict.UNDECIDED and test.alone == Verdict.REFUTED
    return test.alone if shared and not test.also else test.outcome
