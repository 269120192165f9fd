"""From results.json to REPORT.md: words around recorded values."""
