"""One study per system: run it with its controls, measure, return plain values."""
