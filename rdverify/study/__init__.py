"""What every study is made of: facts, cells with their tolerances, tables, figures, searches."""

from rdverify.study.facts import Fact, Facts, Measured, NotMeasured
from rdverify.study.study import (
    QUANTITIES,
    Cell,
    Context,
    Control,
    Curve,
    Figure,
    Form,
    Numbers,
    Profile,
    Quantity,
    Row,
    Study,
    StudyResult,
    Table,
    glossary,
)
from rdverify.study.tolerance import Part

__all__ = [
    "QUANTITIES",
    "Cell",
    "Context",
    "Control",
    "Curve",
    "Fact",
    "Facts",
    "Figure",
    "Form",
    "Measured",
    "NotMeasured",
    "Numbers",
    "Part",
    "Profile",
    "Quantity",
    "Row",
    "Study",
    "StudyResult",
    "Table",
    "glossary",
]
