"""What a sweep leaves: rows written as they come, in Parquet parts, and one sorted file at the end.

A folder holds ``study.json``, ``parts/`` while the sweep runs, and ``results.parquet`` after it.
A part's name carries the SHA-256 of its bytes, so that a damaged one is recognised, set aside and
its runs done again. A row counts as done if its part is whole, its design is this one, and its
setting is the design's own at its index.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rdverify.sweep.axes import Setting
from rdverify.tools.errors import InputError, one_line
from rdverify.tools.files import write_bytes, write_json
from rdverify.tools.fileset import file_set, recover
from rdverify.tools.progress import Reporter
from rdverify.tools.provenance import sha256_of

SCHEMA = "rdverify-sweep-1"
ROWS, SECONDS = 1024, 5.0  # a part is written when so many rows have come, or after so long
CHUNK = 4096  # rows of a group of the sorted file
TYPES: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
}
Row = dict[str, Any]


class Record:
    """The rows of one sweep, in a folder.

    Args:
        folder: made if it is not there.
        stated: what defines the sweep, plain values; another one's folder is refused.
        shown: index -> the columns that tell a setting from the others.
        count: how many settings there are.
        progress: where damaged parts are told.

    Attributes:
        done: whether the run of an index is recorded, shape (count,).
        failed: whether it failed, shape (count,).

    Raises:
        InputError: if the folder holds another sweep, or can't be written.
    """

    def __init__(
        self,
        folder: Path,
        stated: Mapping[str, Any],
        shown: Callable[[int], Setting],
        count: int,
        progress: Reporter,
    ) -> None:
        self.folder, self.shown, self.progress = folder, shown, progress
        self.parts, self.results = folder / "parts", folder / "results.parquet"
        self.study = folder / "study.json"
        self.design = digest(stated)
        self.done = np.zeros(count, bool)
        self.failed = np.zeros(count, bool)
        self._rows: dict[int, Row] = {}
        self._written = time.monotonic()
        self._open(stated)

    def _open(self, stated: Mapping[str, Any]) -> None:
        recover(self.folder)
        if self.study.exists():
            before = _stated(self.study)
            if digest(before) != self.design:
                raise InputError(
                    f"output = {str(self.folder)!r} holds another sweep, with another "
                    f"{_difference(before, stated)}: choose another folder"
                )
        else:
            write_json(self.study, {"schema": SCHEMA, "design": self.design, "study": stated})
        self.parts.mkdir(exist_ok=True)
        for path in self._files():
            found = self._read(path)
            if found is None:
                path.rename(path.with_suffix(".damaged"))
                self.progress.say(f"{path} is damaged: set aside, its runs are done again")
                continue
            at, failed = found
            self.done[at], self.failed[at] = True, failed

    def _files(self) -> list[Path]:
        whole = [self.results] if self.results.exists() else []
        return whole + sorted(self.parts.glob("part-*.parquet"))

    def _read(self, path: Path) -> tuple[list[int], list[bool]] | None:
        """Indices of a file's rows, and which failed; None unless all are as they were written."""
        stated = self._said().get("sha256") if path == self.results else None
        if not sha256_of(path).startswith(stated or path.stem.split("-")[-1]):
            return None
        indices: list[int] = []
        failed: list[bool] = []
        try:
            file = pq.ParquetFile(path, page_checksum_verification=True)
            if (file.schema_arrow.metadata or {}).get(b"design") != self.design.encode():
                return None
            for batch in file.iter_batches(CHUNK):
                for row in batch.to_pylist():
                    setting = self.shown(row["index"])
                    if {name: row[name] for name in setting} != setting:
                        return None
                    indices.append(row["index"])
                    failed.append(row["error"] != "")
        except (pa.ArrowException, OSError, KeyError, IndexError, TypeError):
            return None
        return indices, failed

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.study.read_text(encoding="utf-8"))
        return said

    def forget_failed(self) -> int:
        """Have failed runs done again; how many."""
        again = int(self.failed.sum())
        self.done &= ~self.failed
        self.failed[:] = False
        return again

    def add(self, index: int, outcome: Mapping[str, Any]) -> None:
        """Keep one run's outcome; written soon."""
        if self.done[index]:  # by a worker that was taken for dead
            return
        setting = {"index": index} | self.shown(index)
        taken = [name for name in outcome if name in setting]
        if taken:
            raise InputError(f"column {taken[0]!r} of a run is not allowed: is a setting's name")
        self._rows[index] = setting | dict(outcome)
        self.done[index], self.failed[index] = True, outcome["error"] != ""
        if len(self._rows) >= ROWS:
            self.write()

    def tick(self) -> None:
        """Write what has come, unless that was done just before."""
        if time.monotonic() - self._written >= SECONDS:
            self.write()

    def write(self) -> None:
        """Write the rows that are not yet in a part."""
        self._written = time.monotonic()
        if not self._rows:
            return
        first = min(self._rows)
        stream = io.BytesIO()
        _write(stream, [self._table(self._rows[at] for at in sorted(self._rows))])
        content = stream.getvalue()
        name = f"part-{first:08d}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
        write_bytes(self.parts / name, content)
        self._rows.clear()

    def finish(self, session: Mapping[str, Any] | None = None) -> Path:
        """Bring all parts into one file, sorted by index, and say in study.json how it was made.

        The bytes depend on the rows alone, not on the order in which they came.

        Args:
            session: what is to be said of the runs that were done now; None if there were none.
        """
        self.write()
        files = self._files()
        parts = [path.relative_to(self.folder).as_posix() for path in files if path != self.results]
        if not parts:
            return self.results
        said = self._said()
        if session is not None:
            said["sessions"] = [*said.get("sessions", []), dict(session)]
        with file_set(self.folder, parts) as new:  # the parts go when the whole is there
            with (new / self.results.name).open("wb") as stream:
                _write(stream, self._sorted(files))
            said["sha256"] = sha256_of(new / self.results.name)
            write_json(new / self.study.name, said)
        return self.results

    def _sorted(self, files: Sequence[Path]) -> Iterable[pa.Table]:
        """Tables of CHUNK rows in the order of their index; a part is read where it has some."""
        # index -> the last file that has it: a run that was done again stands in a later part
        owner = np.full(len(self.done), -1, dtype=np.int32)
        for number, path in enumerate(files):
            owner[_indices(path)] = number
        schema = self._schema(files, owner)
        for start in range(0, len(owner), CHUNK):
            owners = owner[start : start + CHUNK]
            pieces = []
            for number in np.unique(owners[owners >= 0]):
                table = pq.read_table(files[number])
                at = table["index"].to_numpy()
                inside = (at >= start) & (at < start + CHUNK)
                inside[inside] = owner[at[inside]] == number
                pieces.append(_as(table.filter(pa.array(inside)), schema))
            if pieces:
                yield pa.concat_tables(pieces).sort_by("index").combine_chunks()

    def _schema(self, files: Sequence[Path], owner: npt.NDArray[np.int32]) -> pa.Schema:
        """All columns; those of a run in the order of the first one that succeeded."""
        schemas = [pq.read_schema(path) for path in files]
        whole = pa.unify_schemas(
            [schema.remove_metadata() for schema in schemas], promote_options="permissive"
        )
        sound = np.flatnonzero((owner >= 0) & ~self.failed)
        first = schemas[owner[sound[0]]].names if sound.size else []
        leading = ["index", *self.shown(0)]
        order = [*leading, *(n for n in first if n not in (*leading, "error"))]
        order += sorted(name for name in whole.names if name not in (*order, "error"))
        return pa.schema([whole.field(name) for name in (*order, "error")], self._metadata())

    def _metadata(self) -> dict[bytes, bytes]:
        return {b"design": self.design.encode()}

    def _table(self, rows: Iterable[Row]) -> pa.Table:
        rows = list(rows)
        names = [n for n in dict.fromkeys(n for row in rows for n in row) if n != "error"]
        arrays = []
        for name in (*names, "error"):
            values = [row.get(name) for row in rows]
            kinds = {type(value) for value in values if value is not None}
            if len(kinds) > 1:
                listed = ", ".join(sorted(kind.__name__ for kind in kinds))
                raise InputError(f"column {name!r} holds {listed}: must be of one kind in all runs")
            arrays.append(pa.array(values, TYPES[kinds.pop()] if kinds else pa.null()))
        return pa.table(arrays, names=[*names, "error"]).replace_schema_metadata(self._metadata())


def digest(stated: Mapping[str, Any]) -> str:
    """Short name of a design: of all that was stated."""
    text = json.dumps(stated, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write(stream: IO[bytes], tables: Iterable[pa.Table]) -> None:
    writer = None
    for table in tables:
        writer = writer or pq.ParquetWriter(stream, table.schema, write_page_checksum=True)
        writer.write_table(table, row_group_size=CHUNK)
    if writer is not None:
        writer.close()


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with all of the schema's columns."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _indices(path: Path) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = pq.read_table(path, columns=["index"])["index"].to_numpy()
    return found


def _stated(study: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(study.read_text(encoding="utf-8"))
        if said["schema"] != SCHEMA or digest(said["study"]) != said["design"]:
            raise ValueError(f"not a {SCHEMA} file, or edited")
        found: Mapping[str, Any] = said["study"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{str(study)!r} is not allowed ({one_line(error, kind=True)}): must be as a sweep "
            "wrote it; choose another folder"
        ) from error
    return found


def _difference(found: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """Names of what differs between two studies."""
    names = [n for n in {**found, **stated} if found.get(n) != stated.get(n)]
    return ", ".join(sorted(names)) or "statement"
