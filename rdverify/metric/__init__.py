"""What R can and can't tell: units, refinement, counterexamples, modes."""
