"""From facts and the ledger to verdicts: a pure function of both."""
