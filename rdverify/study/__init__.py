"""What every study is made of: facts, cells with their tolerances, tables, figures, searches."""

from rdverify.study.study import (
    Context,
    Control,
    Figure,
    MeasuredCell,
    Metric,
    Metrics,
    Profile,
    Quantity,
    StudyResult,
    Table,
    glossary,
)

__all__ = [
    "Context",
    "Control",
    "Figure",
    "MeasuredCell",
    "Metric",
    "Metrics",
    "Profile",
    "Quantity",
    "StudyResult",
    "Table",
    "glossary",
]
