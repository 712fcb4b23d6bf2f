"""The cache of refreshed manifests, and the lookup of one when the package is imported.

One folder per base URL inside the user's cache folder. It holds manifests, each under its own name, and the file
``current``, which names one with its size, its checksum and its sources. That small file is replaced at once, so that a
reader always sees a whole manifest. Only ``os`` is imported until such a file exists.
"""

from __future__ import annotations

import os
import sys
from errno import ELOOP

from ._files import UnsafeFileError, check_folder, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = "geopera-manifest-cache 1"
POINTER = "current"
_MAX_POINTER = 16_384


class DamagedCache(Exception):
    """A refreshed manifest exists and cannot be used."""


def folder() -> str:
    """The user's cache folder for this library, as ``platformdirs.user_cache_path("geopera", appauthor=False)``.

    The two most common folders are found without importing platformdirs, which takes 20 ms. Raises
    RuntimeError for a user without a home folder.
    """
    xdg = os.environ.get("XDG_CACHE_HOME", "").strip()
    if sys.platform == "linux" and os.path.isabs(xdg):
        return os.path.join(xdg, "geopera")
    if not xdg and (sys.platform in ("linux", "darwin")) and os.path.isabs(home := os.path.expanduser("~")):
        parts = ("Library", "Caches") if sys.platform == "darwin" else (".cache",)
        return os.path.join(home, *parts, "geopera")
    local = os.environ.get("LOCALAPPDATA", "")
    if sys.platform == "win32" and os.path.isabs(local):
        return os.path.join(local, "geopera", "Cache")
    from platformdirs import user_cache_dir

    found = user_cache_dir("geopera", appauthor=False)
    if not os.path.isabs(found):
        raise RuntimeError("this user has no home folder; set HOME or XDG_CACHE_HOME")
    return found


def public_url(base_url: str) -> str:
    """`base_url` without a trailing slash and without user name and password."""
    scheme, found, rest = base_url.partition("://")
    if not found:
        scheme, rest = "", base_url
    host, slash, path = rest.partition("/")
    return f"{scheme}{found}{host.rpartition('@')[2].lower()}{slash}{path}".rstrip("/")


def slot(base_url: str) -> str:
    """The folder that holds the refreshed manifest of the API at `base_url`."""
    from zlib import crc32

    url = public_url(base_url)
    name = "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "_" for c in url.partition("://")[2])
    return os.path.join(folder(), "manifests", f"{name[:60].strip('.')}-{crc32(url.encode()):08x}")


def read_pointer(path: str) -> dict[str, str] | None:
    """The facts in the file ``current`` of the folder `path`; None if there is no such file.

    Raises:
        DamagedCache: If this library did not write it, or another user could have written it.
    """
    try:
        check_folder(path)
        raw = read_file(os.path.join(path, POINTER), private=True, limit=_MAX_POINTER)
    except UnsafeFileError as exc:
        raise DamagedCache(str(exc)) from exc
    except OSError as exc:
        if exc.errno == ELOOP:
            raise DamagedCache(f"{os.path.join(path, POINTER)} is a link") from exc
        return None
    lines = raw.decode("utf-8", "replace").splitlines()
    if not lines or lines[0] != MAGIC or lines[-1] != "end":
        raise DamagedCache(f"{os.path.join(path, POINTER)} is damaged")
    pairs = (line.partition(" ") for line in lines[1:-1])
    return {key: value for key, _, value in pairs}


def read_entry(path: str) -> tuple[dict[str, str], bytes, str] | None:
    """(facts, the manifest's bytes, its file) in the folder `path`, checked; None if there is none.

    Raises:
        DamagedCache: If its size or its checksum differs from those it was written with.
    """
    from zlib import crc32

    fault = ""
    for _ in range(3):  # A writer may remove the file between the two reads; then `current` names another.
        facts = read_pointer(path)
        if facts is None:
            return None
        file = os.path.join(path, os.path.basename(facts.get("file", "")))
        try:
            data = read_file(file, private=True)
        except UnsafeFileError as exc:
            fault = str(exc)
            continue
        except OSError as exc:
            fault = f"{file} cannot be read: {exc.strerror}"
            continue
        if str(len(data)) == facts.get("size") and f"{crc32(data):08x}" == facts.get("crc32"):
            return facts, data, file
        fault = f"{file} is damaged or cut"
    raise DamagedCache(fault)


def _version(text: str) -> tuple[int, ...]:
    """``"2.1.0"`` as (2, 1); a part that is not a number is 0, trailing zeros are dropped."""
    numbers = [0]
    for part in text.strip().lstrip("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits[:9]))
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def head_value(data: bytes, name: str) -> str:
    """A text value from the first lines of a manifest in the canonical layout, or an empty string."""
    _, found, rest = data[:600].partition(f'"{name}": "'.encode())
    return rest.partition(b'"')[0].decode("utf-8", "replace") if found else ""


def is_current(facts: Mapping[str, str], bundled: bytes, package: str) -> bool:
    """Whether a refreshed manifest is not older than the bundled one.

    The API's version decides. With equal versions the refreshed manifest is used, unless a newer
    release of the package has been installed since, with another bundled manifest.
    """
    from zlib import crc32

    cached, own = _version(facts.get("api_version", "")), _version(head_value(bundled, "api_version"))
    if cached != own:
        return cached > own
    renewed = _version(package) > _version(facts.get("package", ""))
    return not (renewed and f"{crc32(bundled):08x}" != facts.get("bundled"))


def warn_unusable(reason: str) -> None:
    """Warn that a refreshed manifest is not used, with the commands that repair it."""
    from warnings import warn

    warn(
        f"{reason}; the bundled manifest is used. `python -m geopera manifest refresh` writes a new one, "
        "`python -m geopera manifest reset` removes it.",
        RuntimeWarning,
        stacklevel=3,
    )


def refreshed(base_url: str, bundled: bytes, package: str) -> tuple[bytes, str] | None:
    """(bytes, file) of the refreshed manifest for `base_url` if it is not older than `bundled`, or None.

    A damaged one is ignored with one warning.
    """
    try:
        path = slot(base_url)
        entry = read_entry(path)
    except DamagedCache as exc:
        warn_unusable(str(exc))
        return None
    except (OSError, ImportError, RuntimeError):
        return None  # No home folder, an unreadable one: there is no cache then.
    if entry is None:
        return None
    facts, data, file = entry
    if facts.get("base_url") != public_url(base_url) or not is_current(facts, bundled, package):
        return None
    return data, file
