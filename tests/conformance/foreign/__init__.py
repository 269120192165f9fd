"""Implementations by others, declared for ``rdverify.conformance`` as a stranger would."""
