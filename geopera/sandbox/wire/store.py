"""The SQLite file of the server: one connection, one writer, short transactions.

All work is done in the thread of the event loop, so transactions follow one another; BEGIN IMMEDIATE
and the busy timeout keep a second process on the same file in order too. WAL with synchronous=NORMAL
keeps every committed transaction when the process is killed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    organisation TEXT PRIMARY KEY, balance INTEGER NOT NULL, auto_topup TEXT, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, organisation TEXT NOT NULL,
    amount INTEGER NOT NULL, balance INTEGER NOT NULL, reason TEXT NOT NULL, reference TEXT,
    created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS ledger_by_organisation ON ledger (organisation, seq);
CREATE TABLE IF NOT EXISTS work (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, organisation TEXT NOT NULL,
    family TEXT NOT NULL, kind TEXT NOT NULL, project TEXT, body TEXT NOT NULL, credits INTEGER NOT NULL,
    created REAL NOT NULL, timeline TEXT NOT NULL, tags TEXT, reported INTEGER NOT NULL DEFAULT 0,
    next_event REAL);
CREATE INDEX IF NOT EXISTS work_by_organisation ON work (organisation, family, seq);
CREATE INDEX IF NOT EXISTS work_by_event ON work (next_event) WHERE next_event IS NOT NULL;
CREATE TABLE IF NOT EXISTS claims (
    organisation TEXT NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
    status INTEGER NOT NULL, media_type TEXT NOT NULL, response BLOB NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (organisation, path, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, organisation TEXT NOT NULL,
    parent TEXT, body TEXT NOT NULL, created REAL NOT NULL, UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS records_by_organisation ON records (kind, organisation, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, organisation TEXT NOT NULL,
    event_id TEXT NOT NULL, event_type TEXT NOT NULL, payload BLOB NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_attempt REAL, http_status INTEGER, error TEXT,
    UNIQUE (subscription, event_id));
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_attempt) WHERE next_attempt IS NOT NULL;
"""


class Store:
    """One open database.

    Args:
        path: A file, made when it is missing, or `:memory:`.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        if path != ":memory:":
            # It holds tokens and secrets; SQLite gives its other files the mode of this one.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
            except (AttributeError, PermissionError):  # Windows, or a writable file of another user
                pass
            finally:
                os.close(descriptor)
        self._connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        try:
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except BaseException:  # the file is not a database
            self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: commits at the end, rolls back if the block raises. A nested one joins the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement; returns the number of rows that it touched."""
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement once per row of values."""
        self._connection.executemany(sql, rows)

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Every row."""
        return self._connection.execute(sql, values).fetchall()

    def count(self, sql: str, *values: Any) -> int:
        """The first column of the first row, as a number."""
        row = self._connection.execute(sql, values).fetchone()
        return int(row[0] or 0) if row else 0

    def clear(self) -> None:
        """Delete every row, and counts from 1 again."""
        with self.transaction():
            tables = self.all("SELECT name FROM sqlite_master WHERE type = 'table'")
            for row in tables:
                self.run(f'DELETE FROM "{row["name"]}"')

    def copied(self) -> Copy:
        """The data as it is now, in memory."""
        return Copy(self._connection)

    def restore(self, copy: Copy) -> None:
        """Replace all data by those of `copied`."""
        copy.connection.backup(self._connection)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._connection.close()


class Copy:
    """A copy of a database in memory, for as long as somebody has it."""

    def __init__(self, source: sqlite3.Connection) -> None:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        source.backup(self.connection)

    def __del__(self) -> None:
        self.connection.close()
