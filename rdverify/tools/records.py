"""Typed records, and their one JSON codec: what is read is checked, to the last field."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rdverify.tools.files import to_json, write_json
from rdverify.tools.reading import refused, require_file

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of records: plain values, compared by them; no other fields are read."""


def plain(record: Any) -> Any:
    """A record as dictionaries, lists and plain values, fields in order.

    NumPy's values become Python's, and a kind of text, as torch's version is one, text.

    Raises:
        TypeError: if something in it is no plain value and no array.
    """
    return msgspec.to_builtins(record, enc_hook=_simpler)


def _simpler(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "tolist"):  # scalars and arrays, as tables and settings may hold them
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain value")


def convert(value: Any, kind: type[T]) -> T:
    """Plain values as a record of type ``kind``, or ``msgspec.ValidationError``."""
    return msgspec.convert(value, kind)


def as_written(record: T) -> T:
    """The record as reading it back gives it: floats to the digits that are written."""
    return msgspec.json.decode(to_json(plain(record)), type=type(record))


def write_record(path: Path | str, record: Any) -> Path:
    """Write a record as JSON, atomically."""
    return write_json(path, plain(record))


def read_record(path: Path | str, kind: type[T], argument: str) -> T:
    """Read a record and check every field of it.

    Raises:
        InputError: naming ``argument``, the field and what it must be, if the file is
            missing, no JSON, no record of this type, or says more than is read.
    """
    with refused(argument, path, "a whole file of this version of rdverify"):
        return decoded(require_file(argument, path).read_bytes(), kind)


def decoded(text: bytes | str, kind: type[T]) -> T:
    """JSON as a record of type ``kind``, or ValueError: nothing in it is left unread."""
    record = msgspec.json.decode(text, type=kind)
    _require_read(json.loads(text, object_pairs_hook=_once), plain(record), "$")
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two values under one key a decoder would drop one in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return found


def _require_read(written: Any, read: Any, place: str) -> None:
    """Raise ValueError for a key that no field has; dataclasses within a record skip those."""
    if written == read:
        return
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            if key not in read:
                raise ValueError(f"unknown field {key!r} at {place}")
            _require_read(value, read[key], f"{place}.{key}")
    elif isinstance(read, (list, tuple)) and len(read) == len(written):
        for index, (one, other) in enumerate(zip(written, read, strict=True)):
            _require_read(one, other, f"{place}[{index}]")
    else:
        raise ValueError(f"{written!r:.40} at {place} is read as {read!r:.40}")


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a record type, the same whatever the versions of msgspec and Python.

    msgspec's versions list alternatives in different orders; Python before 3.13 keeps the
    indentation of docstrings.
    """
    settled: dict[str, Any] = _settled(msgspec.json.schema(kind))
    return settled


def _settled(schema: Any) -> Any:
    if isinstance(schema, (list, tuple)):
        return [_settled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: _settled(part) for key, part in schema.items()}
    if "anyOf" in parts:
        parts["anyOf"].sort(key=to_json)
    if isinstance(parts.get("description"), str):
        parts["description"] = inspect.cleandoc(parts["description"])
    return parts
