"""A manifest is checked when it is loaded, and a file is looked at before it is read."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from helpers.small_manifest import small_manifest

from geopera.errors import GeoperaError, ManifestError
from geopera.manifest import Manifest, _cache, _manifest, bundled_bytes, load
from geopera.manifest._files import UnsafeFileError, read_file
from geopera.schema import SchemaError
from geopera.tracking import cache
from geopera.tracking.check import check_manifest
from geopera.tracking.compile import dump


def changed(**parts: Any) -> dict[str, Any]:
    return {**small_manifest(), **parts}


PATHS = [
    "http://127.0.0.1:9/{operation_id}",
    "HTTP://other/{operation_id}",
    "//other/{operation_id}",
    "@other/{operation_id}",
    "/v1/op/{operation_id}?x=1",
    "/v1/op/{operation_id}#x",
    "/v1/op/fixed",
    "/{operation_id}/{operation_id}",
    "/v1/op/{operation_id}\n",
    "/v1/../{operation_id}",
    "/v1/%2e%2e/{operation_id}",
    "/v1\\op/{operation_id}",
    "/v1/\x1b/{operation_id}",
    5,
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leads_elsewhere_is_refused_at_load_and_at_refresh(path: Any) -> None:
    with pytest.raises(ManifestError, match="path"):
        Manifest.from_dict(changed(path=path))
    assert check_manifest(changed(path=path))


@pytest.mark.parametrize(
    "id", ["x/../../../y.z", "x.y?admin=1", "x.y\n", "x..y", ".x", "x", "X.y", "x.\u0131"]
)
def test_an_id_is_matched_whole(id: str) -> None:
    document = changed()
    document["operations"][id] = document["operations"]["catalog.search"]
    with pytest.raises(ManifestError, match="operations"):
        Manifest.from_dict(document)
    assert check_manifest(document)


@pytest.mark.parametrize("key", ["Evil\n", "", "a b", "1x", "x" * 201])
def test_a_key_is_matched_whole(key: str) -> None:
    document = changed()
    document["schemas"][key] = {}
    with pytest.raises(ManifestError, match="schemas"):
        Manifest.from_dict(document)
    assert check_manifest(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_version", "9\nimport os"),
        ("base_url", "https://a/\n"),
        ("base_url", "ftp://a"),
        ("base_url", "https://a?x"),
        ("format", 1.0),
        ("format", True),
        ("format", 2),
    ],
)
def test_the_head_is_matched_whole(name: str, value: Any) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_dict(changed(**{name: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scope", "a\x1b[2J"),
        ("summary", 5),
        ("media_type", "application/json\n"),
        ("media_type", "a"),
        ("input", 5),
        ("success_status", "200"),
        ("errors", {"4xx\n": "Problem"}),
        ("produces", "order"),
        ("paging", {"convention": "eval"}),
        ("polling", 5),
    ],
)
def test_an_entry_is_checked_when_it_is_used(field: str, value: Any) -> None:
    document = changed()
    document["operations"]["catalog.search"] = {**document["operations"]["catalog.search"], field: value}
    manifest = Manifest.from_dict(document)
    with pytest.raises(ManifestError, match=field):
        manifest.operations["catalog.search"]
    assert check_manifest(document)


@pytest.mark.parametrize("entry", [5, None, [], "x"])
def test_an_entry_is_an_object(entry: Any) -> None:
    manifest = Manifest.from_dict(changed(operations={"a.b": entry}, schemas={"A": entry}))
    with pytest.raises(ManifestError):
        manifest.operations["a.b"]
    with pytest.raises(ManifestError):
        manifest.schemas["A"]


def test_a_number_that_python_does_not_read_is_a_problem() -> None:
    text = b'{\n"format": ' + b"1" * 5000 + b',\n"operations": {\n},\n"schemas": {\n}\n}\n'
    with pytest.raises(ManifestError):
        Manifest.from_bytes(text)
    assert check_manifest(changed(schemas={"A": {"minimum": 10**5000}}))
    with pytest.raises(ManifestError, match="very large int"):
        Manifest.from_dict(changed(format=10**5000))
    with pytest.raises(ManifestError):
        Manifest.from_dict(changed(operations={"a.b": {"input": 10**5000}})).operations["a.b"]


def test_a_pipe_a_device_and_a_folder_are_no_manifests(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(ManifestError):
            load(path)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ManifestError, match="larger"):
        load(large)
    with pytest.raises(UnsafeFileError):
        read_file(str(large), limit=10)


def entry(folder: Path, data: bytes) -> Path:
    """A cache folder with a whole entry in it."""
    from zlib import crc32

    folder.mkdir(mode=0o700)
    (folder / "m.json").write_bytes(data)
    (folder / _cache.POINTER).write_text(
        f"{_cache.MAGIC}\nfile m.json\nsize {len(data)}\ncrc32 {crc32(data):08x}\nend\n"
    )
    for name in ("m.json", _cache.POINTER):
        (folder / name).chmod(0o600)
    return folder


def test_a_cache_entry_of_this_user_alone_is_used(tmp_path: Path) -> None:
    assert _cache.read_entry(str(entry(tmp_path / "a", b"{}")))[1] == b"{}"  # type: ignore[index]


@pytest.mark.parametrize("name", ["", "m.json", _cache.POINTER])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_a_cache_entry_that_others_may_write_is_not_used(tmp_path: Path, name: str, mode: int) -> None:
    folder = entry(tmp_path / "a", b"{}")
    place = folder / name
    place.chmod(place.stat().st_mode | mode)
    with pytest.raises(_cache.DamagedCache, match="other users"):
        _cache.read_entry(str(folder))


@pytest.mark.parametrize("name", ["m.json", _cache.POINTER])
@pytest.mark.parametrize("kind", ["pipe", "link", "device"])
def test_a_cache_entry_that_is_no_regular_file_is_not_used(tmp_path: Path, name: str, kind: str) -> None:
    folder = entry(tmp_path / "a", b"{}")
    place = folder / name
    if kind == "pipe":
        place.unlink()
        os.mkfifo(place, 0o600)
    elif kind == "link":
        place.rename(tmp_path / "moved")
        place.symlink_to(tmp_path / "moved")
    else:
        place.unlink()
        place.symlink_to("/dev/zero")
    with pytest.raises(_cache.DamagedCache):
        _cache.read_entry(str(folder))


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    entry(tmp_path / "a", b"{}")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(_cache.DamagedCache):
        _cache.read_entry(str(tmp_path / "b"))


def test_damage_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_cache, "slot", lambda url: str(tmp_path / "a"))
    (entry(tmp_path / "a", b"{}")).chmod(0o777)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert _cache.refreshed("https://x", b"", "1") is None
    assert len(found) == 1


def test_a_schema_error_of_a_manifest_is_an_error_of_the_library() -> None:
    manifest = Manifest.from_dict(changed(operations={}, schemas={"A": {"type": "sting"}}))
    with pytest.raises(GeoperaError) as caught:
        manifest.models.A  # noqa: B018
    assert isinstance(caught.value, SchemaError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a\x1b[2J": {}}},
        {"properties": {"a": {"format": "x\x1b"}}},
        {"anyOf": [{"description": "bell \x07"}]},
        {"title": "right to left \u202e"},
    ],
)
@pytest.mark.parametrize("place", ["schemas", "input"])
def test_texts_in_a_schema_are_printable(schema: dict[str, Any], place: str) -> None:
    entry = {**small_manifest()["operations"]["catalog.search"], "input": schema}
    if place == "schemas":
        manifest = Manifest.from_dict(changed(operations={}, schemas={"A": schema}))
        with pytest.raises(ManifestError, match="printable"):
            manifest.schemas["A"]
    else:
        manifest = Manifest.from_dict(changed(operations={"a.b": entry}))
        with pytest.raises(ManifestError, match="printable"):
            manifest.operations["a.b"]


def test_data_and_patterns_may_hold_anything() -> None:
    schema = {
        "properties": {
            "a": {
                "default": "\x1b",
                "enum": ["\n", "\x07"],
                "pattern": "^[^\t\x1b]$",
                "description": "one\ntwo",
            }
        }
    }
    assert Manifest.from_dict(changed(operations={}, schemas={"A": schema})).schemas["A"] == schema


@pytest.mark.parametrize("estimate", ["../x", "X.y", 5, "x.y\n"])
def test_the_operation_that_estimates_is_an_id(estimate: Any) -> None:
    entry = {**small_manifest()["operations"]["catalog.search"], "estimate": estimate}
    with pytest.raises(ManifestError, match="estimate"):
        Manifest.from_dict(changed(operations={"a.b": entry})).operations["a.b"]


@pytest.mark.parametrize("kind", ["missing", "pipe", "device", "folder", "cut", "digits", "path"])
def test_a_file_that_the_environment_names_and_that_is_unusable_is_an_error(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut":
        path.write_bytes(bundled_bytes()[:-100])
    elif kind == "digits":
        path.write_text('{"format": ' + "1" * 5000 + ', "operations": {}, "schemas": {}}')
    elif kind == "path":
        path.write_text(json.dumps(changed(path="http://other/{operation_id}")))
    monkeypatch.setenv("GEOPERA_MANIFEST", str(path))
    with pytest.raises(ManifestError):
        _manifest._choose()


@pytest.mark.parametrize("kind", ["pipe", "device", "cut", "foreign path"])
def test_damage_in_the_cache_is_one_warning_and_the_bundled_manifest(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GEOPERA_MANIFEST", raising=False)
    document = changed(api_version="99", **({"path": "//other/{operation_id}"} if "path" in kind else {}))
    file = Path(cache.install(document["base_url"], dump(document), {"api_version": "99"}))
    if kind == "cut":
        file.write_bytes(file.read_bytes()[:-10])
    elif kind != "foreign path":
        file.unlink()
        os.mkfifo(file, 0o600) if kind == "pipe" else file.symlink_to("/dev/zero")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert _manifest._choose().source == "the package"
    assert [str(one.message) for one in found] == [str(found[0].message)]
