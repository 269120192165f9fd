"""The certificate: what was measured on a model, with its evidence, as typed records."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from rdverify.metric.modes import Mode
from rdverify.tools.records import Record, read_record, schema_of

SCHEMA: Final = "rdverify-certificate-1"
Kind = Literal["lstm", "gru", "ddpm", "pde", "other"]
LABELS: Final[dict[Kind, str]] = {
    "lstm": "LSTM",
    "gru": "GRU",
    "ddpm": "diffusion model",
    "pde": "PDE",
    "other": "model",
}


class Estimate(Record, frozen=True):
    """A ratio with its 95 % interval.

    ``value`` is null where it is infinite (nothing but reaction) or not defined (neither
    term); ``low`` and ``high`` are null where nothing scatters, ``how`` then says why.
    ``scatters`` names what was drawn anew ``n`` times.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    scatters: str
    how: str


class Terms(Record, frozen=True):
    """Which term of the update counts as which, as formulas in words."""

    reaction: str
    diffusion: str


class Curve(Record, frozen=True):
    """R_t over the runs that have the step, with its 95 % interval.

    ``steps`` is T; of a longer curve steps at equal distances are listed. A value is null
    where it is infinite or not defined.
    """

    steps: int
    times: list[float]
    values: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Control(Record, frozen=True):
    """The same measured where the thing in question is absent.

    ``difference`` is R minus the control's, with the interval that both scatters give
    together; ``differs`` whether it leaves out 0, null where the scatter isn't known.
    """

    name: str
    what: str
    r: Estimate
    difference: Estimate
    differs: bool | None
    mode: Mode | None = None


class Decomposition(Record, frozen=True):
    """Why R_t is as far from 1 as it is; a the reaction, b minus the diffusion, time means.

    |R_t - 1| = bound x alignment x relative at every step: ``bound`` = ||a - b|| / ||b||,
    the change over the diffusion, which |R_t - 1| can't exceed; ``alignment`` =
    |cos(a - b, a + b)|; ``relative`` = ||a + b|| / (||a|| + ||b||). ``cancelled`` is the
    share of both terms' power that cancels in the change.
    """

    distance: float | None
    bound: float | None
    alignment: float | None
    relative: float | None
    cancelled: float | None


class Floor(Record, frozen=True):
    """The smallest R that a model of this kind can have at all, and why."""

    value: float
    why: str


class Resemblance(Record, frozen=True):
    """The mode that most curves R_t have the features of, and how many of them."""

    label: Mode | None
    share: float | None
    n: int
    what: str


class Part(Record, frozen=True):
    """The same of one part of the model, such as a layer and direction, or a field."""

    name: str
    r: Estimate
    m_react: float | None
    m_diff: float | None
    mode: Mode | None = None


class Origin(Record, frozen=True):
    """Where the numbers come from: command, versions, and SHA-256 of what was read."""

    command: str
    versions: dict[str, str]
    sha256: dict[str, str]
    settings: dict[str, Any] = {}


class Certificate(Record, frozen=True):
    """The whole of certificate.json."""

    schema: Literal["rdverify-certificate-1"]
    kind: Kind
    measured: str
    terms: Terms
    r: Estimate
    m_react: float | None
    m_diff: float | None
    r_t: Curve
    controls: list[Control]
    decomposition: Decomposition | None
    floor: Floor | None
    mode: Resemblance
    parts: list[Part]
    cant_tell: list[str]
    notes: list[str]
    origin: Origin


def certificate_schema() -> dict[str, Any]:
    """The JSON Schema of certificate.json, from the types that it is read into."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "rdverify certificate",
        "description": "The balance of reaction and diffusion of one model, with its evidence.",
        **schema_of(Certificate),
    }


def read_certificate(path: Path | str) -> Certificate:
    """Read what ``write`` wrote.

    Raises:
        InputError: if it is missing, damaged or of another schema.
    """
    return read_record(path, Certificate, "certificate")
