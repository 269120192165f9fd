"""What the suite does not have yet, in one visible list.

(equation, aspect) with aspect one of "implementation", "test", "ledger". The
completeness test fails for anything that is missing and not listed here, and
for anything listed here that is done.
"""

PENDING: set[tuple[int, str]] = set()
