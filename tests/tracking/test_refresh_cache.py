"""The cache of refreshed manifests: where it is, how it is written, and what damage does to it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from geopera.errors import ManifestError
from geopera.manifest import _cache as _cache_path
from geopera.manifest import bundled_bytes
from geopera.tracking import cache

URL = "https://api.example.com"
BUNDLED = bundled_bytes()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def put(data=BUNDLED, url=URL, **facts):
    return cache.install(url, data, {"api_version": "2.1.0", "package": "3.0.0", **facts})


def found(url=URL, bundled=BUNDLED, package="3.0.0"):
    return _cache_path.refreshed(url, bundled, package)


@pytest.mark.parametrize("setting", ["xdg", "home", "relative xdg"])
def test_it_lies_where_platformdirs_says(monkeypatch, tmp_path, setting):
    from platformdirs import user_cache_dir

    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    if setting == "home":
        monkeypatch.delenv("XDG_CACHE_HOME")
    elif setting == "relative xdg":
        monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert _cache_path.folder() == user_cache_dir("geopera", appauthor=False)


def test_what_was_put_is_found_and_says_where_it_is_from():
    file = put(etag='"abc"', refreshed="1700000000")
    assert found() == (BUNDLED, file)
    entry = cache.read(URL)
    assert entry.facts["etag"] == '"abc"'
    assert entry.facts["base_url"] == URL
    assert cache.read("https://other.example.com") is None
    assert found("https://other.example.com") is None


def test_base_urls_have_folders_of_their_own_and_no_secret_in_them(home):
    urls = [
        "https://a.example.com",
        "https://a.example.com/v2",
        "http://a.example.com",
        "http://127.0.0.1:8000",
    ]
    assert len({_cache_path.slot(url) for url in urls}) == len(urls)
    assert _cache_path.slot("https://A.example.com/") == _cache_path.slot("https://a.example.com")
    put(url="https://user:secret-word@a.example.com")
    text = " ".join(str(p) + (p.read_text() if p.name == "current" else "") for p in home.rglob("*"))
    assert "secret-word" not in text
    assert found("https://a.example.com") is not None


@pytest.mark.parametrize(
    ("facts", "package", "bundle_changed", "used"),
    [
        ({"api_version": "2.1.0"}, "3.0.0", False, True),
        ({"api_version": "2.2.0"}, "3.0.0", False, True),
        ({"api_version": "2.10"}, "3.0.0", False, True),
        ({"api_version": "2.0.9"}, "3.0.0", False, False),
        ({"api_version": "1"}, "3.0.0", False, False),
        # The package was updated since: its bundle counts as newer, unless it is the same one.
        ({"api_version": "2.1.0"}, "3.1.0", True, False),
        ({"api_version": "2.1.0"}, "3.1.0", False, True),
        ({"api_version": "2.2.0"}, "3.1.0", True, True),
    ],
)
def test_it_is_used_when_it_is_not_older_than_the_bundle(facts, package, bundle_changed, used):
    from zlib import crc32

    put(**facts, bundled="0" if bundle_changed else f"{crc32(BUNDLED):08x}")
    assert (found(package=package) is not None) is used


def damage_cut(file: Path):
    file.write_bytes(file.read_bytes()[:-100])


def damage_flip(file: Path):
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(bytes(data))


def damage_gone(file: Path):
    file.unlink()


def damage_pointer(file: Path):
    (file.parent / "current").write_bytes(b"\xff\x00 not ours")


def damage_pointer_cut(file: Path):
    pointer = file.parent / "current"
    pointer.write_bytes(pointer.read_bytes()[:-5])


def damage_pointer_huge(file: Path):
    (file.parent / "current").write_bytes(b"x" * 100_000)


DAMAGES = [damage_cut, damage_flip, damage_gone, damage_pointer, damage_pointer_cut, damage_pointer_huge]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_falls_back_with_one_warning(damage):
    damage(Path(put()))
    with pytest.warns(RuntimeWarning, match="damaged|cannot be read") as caught:
        assert found() is None
    assert len(caught) == 1
    assert "manifest refresh" in str(caught[0].message)
    assert cache.read(URL) is None
    put()  # a new refresh mends it
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found() is not None


def test_an_import_survives_a_damaged_cache_with_one_warning():
    damage_cut(Path(put(url="https://api.geopera.com")))
    code = "import geopera; c = geopera.Geopera(); print(c.manifest.source, len(c.manifest.operations) > 200)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["the", "package", "True"]
    assert done.stderr.count("RuntimeWarning") == 1


@pytest.mark.parametrize("data", [b'{"format": 2, "operations": {}, "schemas": {}}', b"[]", b"\0"])
def test_an_import_survives_what_another_release_has_written(data):
    put(data, url="https://api.geopera.com")
    code = "import geopera; print(geopera.Geopera().manifest.source)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "the package\n"
    assert done.stderr.count("RuntimeWarning") == 1
    assert "manifest reset" in done.stderr


@pytest.mark.parametrize("says", ["~/.cache/geopera", None])
def test_a_user_without_a_home_has_no_cache(monkeypatch, capsys, says):
    import platformdirs

    from geopera._cli.main import main

    def folder(*_, **__):
        if says is None:
            raise RuntimeError("could not determine the home directory")
        return says

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(platformdirs, "user_cache_dir", folder)
    assert found() is None
    assert cache.read(URL) is None
    for call in (put, cache.reset, lambda: cache.reset(URL)):
        with pytest.raises(ManifestError, match="home"):
            call()
    assert main(["manifest", "show"]) == 0
    assert '"cache": null' in capsys.readouterr().out
    assert not Path("~").exists()


def test_the_file_named_in_the_pointer_cannot_lead_out_of_the_folder(home):
    file = Path(put())
    pointer = file.parent / "current"
    outside = home / "outside.json"
    outside.write_bytes(BUNDLED)
    pointer.write_text(pointer.read_text().replace(f"file {file.name}", f"file ../../../{outside.name}"))
    with pytest.warns(RuntimeWarning, match="cannot be read"):
        assert found() is None


def test_odd_headers_do_not_break_the_pointer():
    put(etag="a\nfile /etc/passwd\nend", other="x" * 5_000)
    entry = cache.read(URL)
    assert "etag" not in entry.facts
    assert "other" not in entry.facts


def test_old_files_do_not_pile_up():
    for number in range(5):
        file = Path(put(BUNDLED + b"\n" * number))
    assert {p.name for p in file.parent.iterdir()} == {file.name, "current", "lock"}


def test_reset_forgets_one_or_all():
    put()
    put(url="https://other.example.com")
    assert cache.reset(URL) == [_cache_path.slot(URL)]
    assert found() is None
    assert found("https://other.example.com") is not None
    assert len(cache.reset()) == 1
    assert cache.reset() == []
    assert cache.reset(URL) == []


def test_a_lock_that_is_held_is_waited_for_and_then_reported(monkeypatch):
    put()
    monkeypatch.setattr(cache, "LOCK_TIMEOUT", 0.1)
    with cache._locked(_cache_path.slot(URL)), pytest.raises(ManifestError, match="another process"):
        put(BUNDLED + b"\n")
    put(BUNDLED + b"\n")


def test_a_write_that_fails_leaves_the_old_one(monkeypatch):
    put()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ManifestError, match="No space left"):
        put(BUNDLED + b"\n")
    monkeypatch.undo()


WRITER = """
import sys
from geopera.tracking import cache
data = bytes([65 + int(sys.argv[1])]) * 300_000
for _ in range(15):
    cache.install("https://api.example.com", data, {"api_version": "9"})
"""


def test_processes_that_write_at_once_leave_a_whole_file():
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(n)]) for n in range(3)]
    seen = set()
    try:
        while any(w.poll() is None for w in writers):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                entry = found()
            if entry is not None:
                assert len(entry[0]) == 300_000
                assert len(set(entry[0])) == 1
                seen.add(entry[0][0])
    finally:
        for writer in writers:
            writer.wait(60)
    assert [w.returncode for w in writers] == [0, 0, 0]
    assert found() is not None


def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path):
    put()
    writer = subprocess.Popen([sys.executable, "-c", WRITER.replace("range(15)", "range(10**6)"), "1"])
    try:
        while cache.read(URL).data[:1] != b"B":
            assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait(30)
    assert len(found()[0]) == 300_000
    put()  # and no lock of the dead is left
    assert found()[0] == BUNDLED


def test_import_without_a_cache_imports_nothing_more_for_it():
    code = (
        "import sys, geopera\n"
        "heavy = {'json', 'hashlib', 'platformdirs', 'pathlib', 'tempfile', 'httpx', 'jsonschema', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == "[]"
        put(url="https://api.geopera.com")  # the second time there is one
