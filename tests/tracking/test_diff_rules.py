"""Which differences of two manifests break a caller: one case per rule."""

from __future__ import annotations

import copy
import json

import pytest

from geopera.tracking.diff import Diff, diff


def manifest(input=None, output=None, schemas=None, **facts):
    entry = {"input": input if input is not None else {}, "output": output if output is not None else {}}
    return {
        "format": 1,
        "api_version": "2.1.0",
        "base_url": "https://api.example.com",
        "path": "/v1/op/{operation_id}",
        "operations": {"things.act": {**entry, **facts}},
        "schemas": schemas or {},
    }


def obj(properties, *required, **more):
    return {"type": "object", "properties": properties, "required": list(required), **more}


STR, INT, NUM = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NULLABLE = {"anyOf": [STR, {"type": "null"}]}

# (before, after, what changed, breaks as input, breaks as output)
SCHEMAS = [
    (obj({"a": STR}), obj({"a": STR, "b": STR}), "field-added", False, False),
    (obj({"a": STR}), obj({"a": STR, "b": STR}, "b"), "required-field-added", True, False),
    (obj({"a": STR, "b": STR}), obj({"a": STR}), "field-removed", True, True),
    (obj({"a": STR}), obj({"a": STR}, "a"), "required-added", True, False),
    (obj({"a": STR}, "a"), obj({"a": STR}), "required-removed", False, True),
    (obj({"a": NULLABLE}), obj({"a": STR}), "type-removed", True, False),
    (obj({"a": STR}), obj({"a": NULLABLE}), "type-added", False, True),
    (obj({"a": INT}), obj({"a": NUM}), "type-widened", False, True),
    (obj({"a": NUM}), obj({"a": INT}), "type-narrowed", True, False),
    (obj({"a": STR}), obj({"a": {}}), "type-widened", False, True),
    (obj({"a": {}}), obj({"a": STR}), "type-narrowed", True, False),
    ({}, obj({"a": STR}), "type-narrowed", True, False),
    (obj({"a": STR}), {}, "type-widened", False, True),
    (obj({"a": STR}), obj({"a": {**STR, "enum": ["x"]}}), "enum-added", True, False),
    (obj({"a": {**STR, "enum": ["x"]}}), obj({"a": STR}), "enum-removed", False, True),
    (
        obj({"a": {**STR, "enum": ["x", "y"]}}),
        obj({"a": {**STR, "enum": ["x"]}}),
        "enum-narrowed",
        True,
        False,
    ),
    (
        obj({"a": {**STR, "enum": ["x"]}}),
        obj({"a": {**STR, "enum": ["x", "y"]}}),
        "enum-widened",
        False,
        True,
    ),
    (obj({"a": {"const": "x"}}), obj({"a": {"enum": ["x", "y"]}}), "enum-widened", False, True),
    (
        obj({"a": {**INT, "maximum": 500}}),
        obj({"a": {**INT, "maximum": 100}}),
        "bound-tightened",
        True,
        False,
    ),
    (obj({"a": {**INT, "maximum": 100}}), obj({"a": {**INT, "maximum": 500}}), "bound-loosened", False, True),
    (obj({"a": {**INT, "minimum": 0}}), obj({"a": {**INT, "minimum": 1}}), "bound-tightened", True, False),
    (obj({"a": INT}), obj({"a": {**INT, "minimum": 1}}), "bound-tightened", True, False),
    (obj({"a": {**STR, "maxLength": 5}}), obj({"a": STR}), "bound-loosened", False, True),
    (obj({"a": STR}), obj({"a": {**STR, "pattern": "^x"}}), "constraint-added", True, False),
    (obj({"a": {**STR, "pattern": "^x"}}), obj({"a": STR}), "constraint-removed", False, True),
    (
        obj({"a": {**STR, "pattern": "^x"}}),
        obj({"a": {**STR, "pattern": "^y"}}),
        "constraint-changed",
        True,
        True,
    ),
    (obj({"a": {**INT, "default": 1}}), obj({"a": {**INT, "default": 2}}), "default-changed", False, False),
    (
        obj({"a": {**NULLABLE, "default": "x"}}),
        obj({"a": {**NULLABLE, "default": "y"}}),
        "default-changed",
        False,
        False,
    ),
    (
        obj({"a": {"type": "array", "items": INT}}),
        obj({"a": {"type": "array", "items": STR}}),
        "type-added",
        False,
        True,
    ),
    (obj({}, additionalProperties=True), obj({"a": STR}), "closed", True, None),
    (obj({"a": STR}), obj({"a": STR}, additionalProperties=True), "opened", False, None),
    (obj({}, additionalProperties=NUM), obj({}, additionalProperties=INT), "type-narrowed", True, False),
    (obj({"a": {"type": ["string", "null"]}}), obj({"a": STR}), "type-removed", True, False),
    (
        {"allOf": [obj({"a": STR}, "a"), obj({"b": STR})]},
        {"allOf": [obj({"a": STR}, "a"), obj({"b": STR}, "b")]},
        "required-added",
        True,
        False,
    ),
]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(("before", "after", "code", "in_breaks", "out_breaks"), SCHEMAS)
def test_a_schema_change_is_classed(before, after, code, in_breaks, out_breaks, side):
    breaks = in_breaks if side == "input" else out_breaks
    found = diff(manifest(**{side: before}), manifest(**{side: after}))
    if breaks is None:
        assert not found.breaking
        return
    change = next(c for c in found.changes if c.code == code)
    assert change.breaking is breaks
    assert change.where.startswith(side)
    assert change.operation == "things.act"


@pytest.mark.parametrize(
    ("before", "after", "breaks"),
    [
        ({"side_effect": "read"}, {"side_effect": "compute"}, True),
        ({"side_effect": "compute"}, {"side_effect": "read"}, False),
        ({"side_effect": "compute"}, {"side_effect": "external_spend"}, True),
        ({"side_effect": "read"}, {"side_effect": None}, True),
        ({"side_effect": None}, {"side_effect": "compute"}, False),
        ({"idempotent": True}, {"idempotent": False}, True),
        ({"idempotent": False}, {"idempotent": True}, False),
        ({"success_status": 200}, {"success_status": 202}, True),
        ({"media_type": "image/png"}, {"media_type": "image/webp"}, True),
        ({"scope": "a:read"}, {"scope": "a:write"}, True),
        ({"scope": "a:read"}, {"scope": None}, False),
        ({"side_effect": "strange"}, {"side_effect": None}, False),
        ({"side_effect": "external_spend"}, {"side_effect": "strange"}, True),
        ({"idempotent": None}, {"idempotent": False}, False),
        ({"body_required": None}, {"body_required": False}, False),
        ({"produces": ["order"]}, {"produces": ["order", "job"]}, False),
        ({"errors": {"409": "Problem"}}, {"errors": {}}, False),
        ({"public": True}, {"public": False}, True),
        ({"public": False}, {"public": True}, False),
        ({"body_required": False}, {"body_required": True}, True),
        ({"body_required": True}, {"body_required": False}, False),
        ({"summary": "a"}, {"summary": "b"}, False),
        ({"produces": []}, {"produces": ["order"]}, False),
        ({"produces": ["order"]}, {"produces": []}, True),
        ({"errors": {}}, {"errors": {"409": "Problem"}}, False),
        ({"errors": {"409": "Problem"}}, {"errors": {"409": "Other"}}, True),
        ({"paging": None}, {"paging": {"convention": "token", "records": "features"}}, False),
        ({"paging": {"convention": "token", "records": None}}, {"paging": None}, True),
        ({"polling": {"state": "status", "success": ["a"], "failure": []}}, {"polling": None}, True),
    ],
)
def test_a_changed_flag_is_classed(before, after, breaks):
    found = diff(manifest(**before), manifest(**after))
    assert found.changed == ["things.act"]
    (change,) = found.changes
    assert change.where in before
    assert change.breaking is breaks


def test_operations_come_and_go():
    old, new = manifest(), manifest()
    new["operations"] = {"things.new": {"summary": "New.", "input": {}, "output": {}}}
    found = diff(old, new)
    assert (found.added, found.removed, found.changed) == (["things.new"], ["things.act"], [])
    assert [c.operation for c in found.breaking] == ["things.act"]
    assert "+ things.new" in found.text()
    assert "- things.act" in found.text()
    assert json.loads(json.dumps(found.to_dict()))["breaking"] is True


def test_no_difference_is_false_and_says_so():
    found = diff(manifest(), copy.deepcopy(manifest()))
    assert not found
    assert found.text() == "no changes"


def test_a_change_behind_references_is_found_once_and_named():
    ref = {"$ref": "#/schemas/Outer"}
    schemas = {
        "Outer": obj({"inner": {"type": "array", "items": {"$ref": "#/schemas/Inner"}}}),
        "Inner": obj({"a": STR}),
    }
    changed = {**schemas, "Inner": obj({"a": INT})}
    found = diff(manifest(input=ref, schemas=schemas), manifest(input=ref, schemas=changed))
    assert {c.where for c in found.changes} == {"input.inner[].a"}
    assert found.breaking


def test_what_stands_beside_a_reference_counts():
    def one(**beside):
        state = {"$ref": "#/schemas/State"}
        return manifest(input=obj({"a": {**state, **beside}, "b": state}), schemas={"State": STR})

    found = diff(one(default="x"), one(default="y"))
    assert [(c.where, c.code) for c in found.changes] == [("input.a", "default-changed")]
    found = diff(one(), one(maxLength=3))
    assert [(c.where, c.code, c.breaking) for c in found.changes] == [("input.a", "bound-tightened", True)]


def test_a_changed_problem_is_reported_once():
    def one(problem):
        document = manifest(schemas={"Problem": problem}, errors={"404": "Problem", "422": "Problem"})
        document["operations"]["things.see"] = document["operations"]["things.act"]
        return document

    found = diff(one(obj({"title": STR, "code": INT})), one(obj({"title": STR})))
    assert [(c.operation, c.where, c.code, c.breaking) for c in found.changes] == [
        (None, "errors.Problem.code", "field-removed", True)
    ]


def test_a_field_that_takes_nothing_any_more():
    found = diff(manifest(input=obj({"a": STR, "b": {}})), manifest(input=obj({"a": False, "b": False})))
    assert [(c.where, c.breaking) for c in found.changes] == [("input.a", True), ("input.b", True)]
    assert not diff(manifest(input=obj({"a": False})), manifest(input=obj({"a": STR}))).breaking


def test_a_model_with_another_name_breaks_who_imports_it():
    def one(name):
        return manifest(input={"$ref": f"#/schemas/{name}"}, schemas={name: obj({"a": STR})})

    found = diff(one("ActInput"), one("ActRequest"))
    assert [(c.where, c.code, c.breaking) for c in found.changes] == [("input", "model-renamed", True)]
    assert "ActInput is called ActRequest" in found.text()


def test_schemas_that_contain_themselves_end():
    ref = {"$ref": "#/schemas/Node"}
    node = obj({"next": {"anyOf": [{"$ref": "#/schemas/Node"}, {"type": "null"}]}, "a": STR})
    loop = {"$ref": "#/schemas/Loop"}
    old = {"Node": node, "Loop": {"$ref": "#/schemas/Loop"}}
    new = {"Node": obj({**node["properties"], "a": INT}), "Loop": {"$ref": "#/schemas/Loop", "title": "x"}}
    found = diff(manifest(input=ref, output=loop, schemas=old), manifest(input=ref, output=loop, schemas=new))
    assert any(c.where == "input.a" for c in found.changes)


def test_the_work_is_bounded():
    # Every level refers to the next one twice: 2 ** 40 paths, but only 40 pairs of names.
    def levels(leaf):
        made = {f"L{i}": obj({k: {"$ref": f"#/schemas/L{i + 1}"} for k in "ab"}) for i in range(40)}
        return {**made, "L40": leaf}

    deep_old, deep_new = STR, INT
    for _ in range(400):
        deep_old, deep_new = {"type": "array", "items": deep_old}, {"type": "array", "items": deep_new}
    ref = {"$ref": "#/schemas/L0"}
    found = diff(
        manifest(input=ref, output=deep_old, schemas=levels(STR)),
        manifest(input=ref, output=deep_new, schemas=levels(INT)),
    )
    assert any(c.code == "not-compared" for c in found.changes)
    assert any(c.code == "type-removed" for c in found.changes)


def test_unchanged_bundled_manifest_and_one_removed_field():
    from geopera.manifest import bundled

    old, new = bundled().to_dict(), bundled().to_dict()
    assert not diff(old, new)
    del new["schemas"]["CatalogSearchInput"]["properties"]["limit"]
    found = diff(old, new)
    assert found.changed == ["catalog.search"]
    assert [c.where for c in found.breaking] == ["input.limit"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({**INT, "minimum": 1}, {**INT, "exclusiveMinimum": 0}),
        ({**INT, "exclusiveMaximum": 10}, {**INT, "maximum": 9}),
        ({**INT, "minimum": 5, "exclusiveMinimum": 2}, {**INT, "minimum": 5}),
    ],
)
def test_bounds_of_integers_that_say_the_same(before, after):
    assert not diff(manifest(input=obj({"a": before})), manifest(input=obj({"a": after})))
    assert diff(manifest(input=obj({"a": {**NUM, "minimum": 1}})), manifest(input=obj({"a": NUM})))


def test_fields_beyond_the_described_ones_that_are_refused_now():
    open_, closed = obj({"a": STR}), obj({"a": STR}, additionalProperties=False)
    found = diff(manifest(input=open_, output=open_), manifest(input=closed, output=closed))
    assert [(c.where, c.code, c.breaking) for c in found.changes] == [
        ("input", "closed", True),
        ("output", "closed", False),
    ]
    back = diff(manifest(input=closed), manifest(input=open_))
    assert [(c.where, c.code, c.breaking) for c in back.changes] == [("input", "opened", False)]


def test_words_change_without_breaking_anybody():
    def one(text, **more):
        document = manifest(input={"$ref": "#/schemas/A"}, schemas={"A": obj({"a": STR})}, **more)
        words = {"description": text, **({"deprecated": True} if more else {})}
        return {**document, "docs": {"schemas/A": {"/properties/a": words}}}

    found = diff(one("Feet"), one("Metres", deprecated=True, tags=["sea"], description="Tides."))
    assert [(c.operation, c.where, c.code, c.breaking) for c in found.changes] == [
        ("things.act", "description", "description-changed", False),
        ("things.act", "deprecated", "deprecated-changed", False),
        ("things.act", "tags", "tags-changed", False),
        (None, "schemas.A", "description-changed", False),
    ]
    assert [change.message for change in found.changes[:2]] == [
        "the description changed",
        "the operation is deprecated now",
    ]
    assert "1 description changed; deprecated now: a" in found.text()
    assert not diff(one("Feet"), one("Feet"))


def test_a_body_that_is_json_no_more_breaks():
    form = manifest(request_media_type="multipart/form-data")
    assert [c.code for c in diff(manifest(), form).breaking] == ["request-media-type-changed"]
    assert not diff(form, manifest()).breaking


def test_markdown_for_a_pull_request():
    old = manifest(input=obj({"a": STR}))
    new = manifest(input=obj({"a": STR, "b": STR}, "b"))
    evil = "<img src=x> @everyone [x](http://x) `rm` *b*\nnext"
    new["operations"]["tides.get"] = {**old["operations"]["things.act"], "summary": evil}
    text = diff(old, new, ["schemas.X: has a `pattern`"]).markdown()
    assert text.startswith("# Changes of the API\n\n1 added, 0 removed, 1 changed; 1 breaking change.\n")
    assert "## Breaking changes\n\n- `things.act`, `input.b`: a new required field\n" in text
    assert "## New operations\n\n- `tides.get`: &lt;img src=x> &#64;everyone \\[x\\](http&#58;//x) " in text
    assert "## Left out of the description\n\n- schemas.X: has a \\`pattern\\`\n" in text
    assert "@" not in text
    assert "<img" not in text
    assert text.count("tides.get") == text.count("`input.b`") == 1
    assert diff(old, old).markdown() == "# Changes of the API\n\nno changes.\n"


def test_markdown_ends_where_a_pull_request_does():
    new = manifest()
    for number in range(3_000):
        new["operations"][f"tides.get_{number}"] = {"summary": "x" * 90}
    text = diff(manifest(), new).markdown()
    assert 40_000 < len(text) < 65_000
    assert text.rstrip().endswith("more")


def test_markdown_is_cut_between_two_changes(monkeypatch):
    new = manifest()
    for name in ("a", "bb", "ccc"):
        new["operations"][f"tides.{name}"] = {"summary": name}
    found = diff(manifest(), new)
    items = [line for line in found.markdown().splitlines() if line.startswith("- ")]
    assert len(items) == 3
    room = sum(len(item) + 1 for item in items[:2])  # each with its line end
    for most, kept in ((room, 2), (room - 1, 1)):
        monkeypatch.setattr("geopera.tracking.diff._MAX_MARKDOWN", most)
        lines = [line for line in found.markdown().splitlines() if line.startswith("- ")]
        assert lines == [*items[:kept], f"- … {3 - kept} more"]


def test_long_texts_are_cut_in_markdown():
    old, new = manifest(input=obj({})), manifest(input=obj({"a" * 400: STR}))
    text = diff(old, new, ["x" * 2000]).markdown()
    assert f"`input.{'a' * (300 - len('input.'))}`" in text
    assert f"- {'x' * 1000}\n" in text


def test_descriptions_count_where_both_manifests_have_what_they_describe():
    def described(docs, schemas=("S",), operations=("things.act",)):
        made = manifest(schemas={key: {} for key in schemas})
        entry = made["operations"]["things.act"]
        return {**made, "operations": dict.fromkeys(operations, entry), "docs": docs}

    def messages(before, after):
        found = [c for c in diff(before, after).changes if c.code == "description-changed"]
        return [(c.operation, c.where, c.message) for c in found]

    one, two = {"/a": {"description": "1"}}, {"/a": {"description": "2"}}
    schema, operation = "schemas/S", "operations/things.act/input"
    assert messages(described({schema: one}), described({schema: two})) == [
        (None, "schemas.S", "1 description changed")
    ]
    assert messages(described({operation: one}), described({operation: two})) == [
        ("things.act", "input", "1 description changed")
    ]
    for before, after in ((("S",), ()), ((), ("S",))):
        assert not messages(described({schema: one}, before), described({schema: two}, after))
    both = ("things.act", "tides.get")
    for before, after in ((both, both[1:]), (both[1:], both)):
        first = described({operation: one}, operations=before)
        assert not messages(first, described({operation: two}, operations=after))
    # Fields that were deprecated before are not named, and eight at most are.
    old = {f"/{n}": {"description": "1", "deprecated": n == 0} for n in range(11)}
    new = {way: {"description": "2", "deprecated": way != "/10"} for way in old}
    [(_, _, message)] = messages(described({schema: old}), described({schema: new}))
    assert message == "11 descriptions changed; deprecated now: 1, 2, 3, 4, 5, 6, 7, 8"


def test_the_repr_has_the_summary():
    assert repr(diff(manifest(), manifest())) == "<Diff: no changes>"


@pytest.mark.parametrize(
    ("name", "before", "after", "breaking"),
    [
        ("path", "/v1/op/", "/v2/op/", True),
        ("path", "/v1/op/", None, True),
        ("base_url", "https://a.example", "https://b.example", False),
        ("api_version", "2.1.0", "3.0.0", False),
        ("api_version", None, "2.1.0", False),
    ],
)
def test_what_changes_in_the_manifest_itself(name, before, after, breaking):
    [change] = diff({name: before}, {name: after}).changes
    assert (change.kind, change.operation, change.where, change.code) == ("changed", None, name, name)
    assert change.breaking is breaking
    assert change.message == f"{before!r} became {after!r}"


def test_a_fact_that_is_not_said_has_its_default():
    said = {"idempotent": False, "public": False, "body_required": True, "errors": {}, "success_status": 200}
    said |= {"media_type": "application/json", "produces": [], "summary": ""}
    assert not diff(manifest(), manifest(**said))
    assert not diff(manifest(**said), manifest())


def test_a_problem_is_something_that_is_received():
    problem = {"Problem": obj({"title": STR}, "title")}
    errors = {"errors": {"409": "Problem"}}
    found = diff(
        manifest(schemas=problem, **errors), manifest(schemas={"Problem": obj({"title": STR})}, **errors)
    )
    assert [(one.code, one.breaking) for one in found.changes] == [("required-removed", True)]


def test_the_text_of_a_diff():
    old, new = manifest(summary="a"), manifest(summary="b")
    new["operations"] |= {"things.new": {"summary": "New."}, "things.other": {}}
    new["path"] = "/v2"
    assert str(diff(old, new)).splitlines() == [
        "~ the manifest",
        "    breaking  path: '/v1/op/{operation_id}' became '/v2'",
        "~ things.act",
        "              summary: 'a' became 'b'",
        "+ things.new",
        "              New.",
        "+ things.other",
        "              a new operation",
        "2 added, 0 removed, 1 changed; 1 breaking change",
    ]


def test_a_long_value_is_shortened():
    whole, long = "x" * 198, "x" * 199
    message = diff(manifest(summary=whole), manifest(summary=long)).changes[0].message
    assert message == f"'{whole}' became '{'x' * 198}…"


def test_what_was_left_out_is_in_the_text():
    assert (
        Diff((), left_out=("schemas.X: malformed",)).text().splitlines()[0]
        == "! left out: schemas.X: malformed"
    )
