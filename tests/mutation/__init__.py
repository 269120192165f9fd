"""Small changes of the code, one at a time: which of them the tests notice.

``PYTHONPATH=tests python -m mutation cover`` says which tests run which line, ``run`` tries a
sample of the mutants that Cosmic Ray's operators make, ``score`` sums up by module.
"""

QUICK = "no-shrinking"  # Hypothesis' profile for tests of a changed program
