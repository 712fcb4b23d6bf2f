"""GeoParquet files, written in two passes: the types of the columns are known only when the last feature has come."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .arrow import Layout, Unfit
from .rows import Row, batches, each, json_text, needed

_GROUP = 20_000  # rows of a row group


def write(features: Any, path: Any) -> Path:
    with Writer(path) as writer:
        for rows in batches(features):
            writer.add(rows)
        return writer.finish()


class Writer:
    """Takes features batch by batch; the file is there after `finish`, and nothing is left without it.

    Features wait in a file beside the target, as JSON, a line a batch.
    """

    def __init__(self, path: Any) -> None:
        from secrets import token_hex

        self._pq = needed("pyarrow.parquet", "to_parquet()")
        self.path = Path(path)
        if "://" in os.fspath(path):
            raise ValueError(
                f"to_parquet() writes local files, got the URL {os.fspath(path)!r}; write a local file and copy it"
            )
        if self.path.is_dir():
            raise IsADirectoryError(f"{os.fspath(path)!r} is a folder; name a file in it")
        self._layout = Layout()
        self._target = Path(os.path.realpath(self.path))
        hidden = f".{self._target.name[:40]}.{token_hex(6)}"
        self._made = self._target.with_name(f"{hidden}.part")
        self._waiting = self._target.with_name(f"{hidden}.json.part")
        self._spool: Any = open(os.open(self._waiting, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")  # noqa: SIM115

    def add(self, features: Any) -> None:
        """Take some features. Raises ValueError: if one is not a feature."""
        rows = list(each(features))
        if rows:
            self._layout.learn(rows)
            self._spool.write(_line(rows))

    def finish(self) -> Path:
        """Write the file, and move it to its place."""
        while not self._written():
            pass
        mode = self._target.stat().st_mode & 0o777 if self._target.exists() else None
        if mode is not None:
            os.chmod(self._made, mode)
        os.replace(self._made, self._target)
        return self.path

    def _written(self) -> bool:
        """Whether the columns had the right types."""
        pyarrow = needed("pyarrow", "to_parquet()")
        schema = self._layout.schema()
        self._spool.seek(0)
        with self._pq.ParquetWriter(self._made, schema, compression="zstd") as writer:
            group: list[Any] = []
            for line in self._spool:
                try:
                    group.append(self._layout.batch(_parsed(line), schema))
                except Unfit as unfit:
                    self._layout.widen(unfit.name)
                    return False
                if sum(len(batch) for batch in group) >= _GROUP:
                    writer.write_table(pyarrow.Table.from_batches(group, schema))
                    group = []
            if group:
                writer.write_table(pyarrow.Table.from_batches(group, schema))
        return True

    def close(self) -> None:
        """Remove what is left of the work."""
        self._spool.close()
        for path in (self._waiting, self._made):
            with suppress(OSError):
                path.unlink()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _line(rows: list[Row]) -> bytes:
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(rows, inf_nan_mode="constants") + b"\n"
    except (PydanticSerializationError, ValueError):
        return f"{json_text(rows)}\n".encode()  # half a surrogate pair, for example


def _parsed(line: bytes) -> Any:
    from pydantic_core import from_json

    try:
        return from_json(line)
    except ValueError:
        return json.loads(line)
