"""The spec and rdverify as implementations that ``rdverify.conformance`` checks."""
