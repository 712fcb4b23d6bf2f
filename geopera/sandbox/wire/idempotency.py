"""Idempotency keys: the same key gives the same response, and the work happens once.

The claim, the work and the stored response are one transaction: a process that is killed leaves nothing behind, so the
key is free for the next attempt. Only successes are stored; a call that failed may be retried with its key.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .problems import ProblemError
from .store import Store

LIFETIME = 24 * 3600.0


def check_key(key: str) -> str:
    """The key itself; raises a 400 problem for one that is empty, too long or not printable ASCII."""
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise ProblemError(400, "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def digest(body: Any) -> str:
    """A fingerprint of a body that does not depend on the order of keys or on spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def stored(
    store: Store, organisation: str, path: str, key: str, fingerprint: str, now: float
) -> tuple[int, str, bytes] | None:
    """The stored response (status, media type, bytes) of the key, or None.

    Raises a 409 problem if the key was used with another body. Claims older than 24 hours are deleted.
    """
    row = store.one(
        "SELECT * FROM claims WHERE organisation = ? AND path = ? AND key = ?", organisation, path, key
    )
    if row is None:
        return None
    if row["created"] + LIFETIME <= now:
        store.run(
            "DELETE FROM claims WHERE organisation = ? AND path = ? AND key = ?", organisation, path, key
        )
        return None
    if row["digest"] != fingerprint:
        raise ProblemError(409, "This Idempotency-Key was used with another body.")
    return row["status"], row["media_type"], bytes(row["response"])


def remember(
    store: Store,
    organisation: str,
    path: str,
    key: str,
    fingerprint: str,
    now: float,
    response: tuple[int, str, bytes],
) -> None:
    """Store the response of a key, in the transaction of its work."""
    store.run(
        "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        organisation,
        path,
        key,
        fingerprint,
        response[0],
        response[1],
        response[2],
        now,
    )
