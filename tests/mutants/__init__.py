"""Wrong forms of every equation, each of which its check must reject.

``MUTANTS`` are wrong; ``EQUIVALENT`` are written differently and mean the same, each with
the proof, and must pass. ``score()`` makes golden/mutation.json.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from conformance.implementations import BUILT_IN

from mutants import balance, cell, diffusion_model, reaction_diffusion, wiring
from mutants.mutant import Equivalent, Mutant
from rdverify.conformance import CHECKS, Rejected

MUTANTS: list[Mutant] = [
    mutant
    for module in (reaction_diffusion, cell, diffusion_model, balance, wiring)
    for mutant in module.MUTANTS
]
EQUIVALENT: list[Equivalent] = balance.EQUIVALENT

Function = Callable[..., Any]


def verdict(token: str, function: Function) -> str | None:
    """The law that ``function`` breaks, or None if the check accepts it.

    A mutant that crashes is not counted as rejected: its exception goes through.
    """
    try:
        with np.errstate(all="ignore"):
            CHECKS[token](function)
    except Rejected as error:
        return error.reason
    return None


def resolution(token: str, function: Function) -> float | None:
    """The smallest relative error of the result, among powers of ten, that is rejected."""
    found = None
    for exponent in range(1, 16):
        factor = 1 + 10.0**-exponent

        def off(*arguments: Any, factor: float = factor) -> Any:
            result = function(*arguments)
            return (
                tuple(factor * part for part in result)
                if isinstance(result, tuple)
                else (factor * result)
            )

        if verdict(token, off) is None:
            break
        found = 10.0**-exponent
    return found


@cache
def score() -> dict[str, Any]:
    """What stands in golden/mutation.json."""
    spec = BUILT_IN["spec"]()
    equations = []
    for number in range(1, 21):
        mutants = []
        for mutant in MUTANTS:
            if mutant.number == number:
                reason = verdict(mutant.token, mutant.function)
                mutants.append({"name": mutant.name, "kind": mutant.kind, "rejected_by": reason})
        equations.append(
            {
                "number": number,
                "mutants": mutants,
                "equivalent": [
                    {"name": other.name, "proof": other.proof}
                    for other in EQUIVALENT
                    if other.number == number
                ],
                "rejected": sum(entry["rejected_by"] is not None for entry in mutants),
                "total": len(mutants),
                "resolution": resolution(f"eq{number:02d}", spec[f"eq{number:02d}"]),
            }
        )
    return {"equations": equations}
