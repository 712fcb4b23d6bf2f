"""Compiling from file to file, and the pieces of the merge that a facts file or an overlay brings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from geopera.errors import ManifestError
from geopera.manifest import Manifest, bundled_bytes
from geopera.tracking import compile as compiling
from geopera.tracking.compile import compile_file, compile_manifest, dump

FACTS: dict[str, Any] = {
    "api_version": "9",
    "base_url": "https://tides.example",
    "operations": {
        "tides.list": {
            "body_required": True,
            "errors": {"422": "Bad"},
            "headers": ["x-api-key"],
            "input": {"$ref": "#/schemas/ListInput"},
            "output": {"$ref": "#/schemas/ListOutput"},
            "media_type": "application/json",
            "produces": [],
            "public": True,
            "raw_response": False,
            "scope": "tides:read",
            "side_effect": "read",
            "success_status": 200,
        }
    },
    "schemas": {
        "Bad": {"type": "object"},
        "ListInput": {
            "properties": {"limit": {"type": "integer"}, "next": {"type": "string"}},
            "type": "object",
        },
        "ListOutput": {
            "properties": {"tides": {"items": {}, "type": "array"}, "next": {"type": "string"}},
            "required": ["tides"],
            "type": "object",
        },
    },
}


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_facts_to_a_manifest_that_loads(tmp_path: Path) -> None:
    output = tmp_path / "manifest.json"
    overlay = written(tmp_path / "overlay.json", {"operations": {"tides.list": {"summary": "List tides"}}})
    result = compile_file(written(tmp_path / "facts.json", FACTS), output, overlay=overlay)
    assert output.read_bytes() == dump(result)
    assert sorted(os.listdir(tmp_path)) == ["facts.json", "manifest.json", "overlay.json"]
    manifest = Manifest.from_bytes(output.read_bytes())
    operation = manifest.operations["tides.list"]
    assert (operation.summary, operation.public, operation.idempotent) == ("List tides", True, False)
    assert operation.paging is not None
    assert (operation.paging.convention, operation.paging.records) == ("token", "tides")
    assert manifest.base_url == "https://tides.example"
    assert manifest.api_version == "9"


def test_the_package_overlay_adds_what_the_recipes_name(tmp_path: Path) -> None:
    result = compile_file(written(tmp_path / "facts.json", FACTS))
    assert sorted(result["operations"]) == ["catalog.collections.list", "catalog.hosts.list", "tides.list"]


def test_a_document_is_laid_over_the_bundled_manifest(tmp_path: Path) -> None:
    document = {
        "openapi": "3.1.0",
        "paths": {"/v1/op/cog.thumbnail": {"post": {"responses": {"200": {}}}}},
    }
    result = compile_file(written(tmp_path / "openapi.json", document))
    assert result["operations"]["cog.thumbnail"]["media_type"] == "image/jpeg"
    assert result["api_version"] == json.loads(bundled_bytes())["api_version"]


@pytest.mark.slow
def test_the_bundled_manifest_from_itself(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(bundled_bytes())
    compile_file(tmp_path / "a.json", tmp_path / "b.json")
    assert (tmp_path / "b.json").read_bytes() == bundled_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b'{"openapi": "3.1.0", "paths": {', "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b'{"operations": {"tides.get": 7}}', "operations.tides.get is not an object"),
        (b'{"operations": 7}', "operations is not an object"),
        (b'{"operations": {"Tides.get": {}}}', "does not make a valid manifest"),
        (b'{"operations": {"tides.get": {"input": {"$ref": "#/schemas/X"}}}}', "does not hold"),
        (b'{"operations": {"tides.get": {"output": {"type": NaN}}}}', "not JSON"),
    ],
)
def test_an_unusable_file_changes_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    source, output = tmp_path / "source.json", tmp_path / "manifest.json"
    source.write_bytes(content)
    output.write_bytes(b"what was there")
    with pytest.raises(ManifestError, match=message):
        compile_file(source, output)
    assert output.read_bytes() == b"what was there"
    assert len(os.listdir(tmp_path)) == 2


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "MAX_BYTES", 1 << 20)
    source = tmp_path / "source.json"
    source.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(ManifestError, match="larger than 1 MiB"):
        compile_file(source)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        compile_file(tmp_path / "nowhere.json")
    with pytest.raises(ManifestError, match="cannot be written"):
        compile_file(written(tmp_path / "facts.json", FACTS), tmp_path / "no" / "folder.json")


def test_many_problems_are_listed_in_part(tmp_path: Path) -> None:
    facts = {"operations": {f"Tides.no{number}": {} for number in range(30)}}
    with pytest.raises(ManifestError, match=r"and 20 more$"):
        compile_file(written(tmp_path / "facts.json", facts), overlay=written(tmp_path / "overlay.json", {}))


def entry(**overlay: Any) -> dict[str, Any]:
    result: dict[str, Any] = compile_manifest(FACTS, overlay=overlay)["operations"]["tides.list"]
    return result


def test_the_overlay_can_name_the_records_or_deny_paging() -> None:
    named = entry(operations={"tides.list": {"paging": {"records": "data"}}})
    assert named["paging"] == {"convention": "token", "records": "data"}
    assert entry(operations={"tides.list": {"paging": None}})["paging"] is None
    other = entry(operations={"tides.list": {"paging": {"convention": "page"}}})
    assert other["paging"] == {"convention": "page", "records": "tides"}


def test_the_overlay_fills_an_output_and_overrides_none() -> None:
    assert (
        entry(operations={"tides.list": {"output": {"type": "array"}}})["output"]
        == FACTS["operations"]["tides.list"]["output"]
    )
    facts = json.loads(json.dumps(FACTS))
    facts["operations"]["tides.list"]["output"] = {}
    manifest = compile_manifest(facts, overlay={"operations": {"tides.list": {"output": {"type": "array"}}}})
    assert manifest["operations"]["tides.list"]["output"] == {"type": "array"}
    assert manifest["operations"]["tides.list"]["paging"] == {"convention": "token", "records": None}


def test_an_operation_of_the_overlay_gives_way_to_the_real_one() -> None:
    extra = {"tides.list": {"side_effect": "destructive"}, "tides.hosts": {"side_effect": "read"}}
    manifest = compile_manifest(FACTS, overlay={"extra_operations": extra})
    assert manifest["operations"]["tides.list"]["side_effect"] == "read"
    assert manifest["operations"]["tides.hosts"]["side_effect"] == "read"


def test_patches_add_and_loosen_but_do_not_replace() -> None:
    patch = {
        "ListOutput": {
            "properties": {"tides": {"type": "null"}, "total": {"type": "integer"}},
            "optional": ["tides"],
            "required": ["total"],
            "additionalProperties": True,
        },
        "Nowhere": {"required": ["x"]},
    }
    order = {"ListOutput": ["next", "tides"]}
    manifest = compile_manifest(FACTS, overlay={"schema_patches": patch, "field_order": order})
    schema = manifest["schemas"]["ListOutput"]
    assert schema["properties"]["tides"] == {"items": {}, "type": "array"}
    assert list(schema["properties"]) == ["total", "next", "tides"]
    assert schema["required"] == ["total"]
    assert schema["additionalProperties"] is True
    assert "Nowhere" not in manifest["schemas"]


def test_something_that_writes_is_not_paged() -> None:
    facts = json.loads(json.dumps(FACTS))
    facts["operations"]["tides.list"]["side_effect"] = "compute"
    assert compile_manifest(facts, overlay={})["operations"]["tides.list"]["paging"] is None


@pytest.mark.parametrize("part", ["operations", "extra_operations", "schema_patches", "field_order"])
def test_an_overlay_of_the_wrong_shape(part: str) -> None:
    with pytest.raises(ManifestError, match=part):
        compile_manifest(FACTS, overlay={part: [1]})


@pytest.mark.parametrize(
    "manifest", [{}, {"operations": {}}, {"operations": {"a.b": float("nan")}, "schemas": {}}]
)
def test_what_cannot_be_written(manifest: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        dump(manifest)


def test_text_of_all_languages_is_written_as_ascii() -> None:
    data = dump({"format": 1, "operations": {}, "schemas": {"X": {"enum": ["höhe", "\u2028", "水"]}}})
    assert data.isascii()
    assert data.count(b"\n") == 8
    assert json.loads(data)["schemas"]["X"]["enum"] == ["höhe", "\u2028", "水"]
