"""The stub package as files: complete, whole, written safely, and gone again."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.changed_api import NEW, REMOVED, changed_manifest
from helpers.small_manifest import small_manifest

from geopera import bodies
from geopera._cli.main import main
from geopera._names import pascal
from geopera.errors import GeoperaError, ManifestError
from geopera.fluent import Geopera, OperationCall
from geopera.manifest import Manifest, bundled
from geopera.tracking import stubs

ROOT = Path(__file__).parent.parent.parent.parent


def small():
    return Manifest.from_dict(small_manifest())


@pytest.fixture(scope="module")
def written():
    return dict(stubs.files(bundled()))


@pytest.fixture(scope="module")
def trees(written):
    return {name: ast.parse(text, name) for name, text in written.items() if name.endswith(".pyi")}


def defined(tree):
    names = set()
    for node in tree.body:
        if isinstance(node, ast.If):
            names |= defined(node)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets}
        elif isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def test_it_is_a_partial_stub_package(written):
    assert written["py.typed"] == "partial\n"
    assert {"__init__.pyi", "fluent.pyi", "models/__init__.pyi", "bodies.pyi"} < written.keys()


@pytest.mark.slow
def test_every_name_that_is_used_is_defined(written, trees):
    """What a checker that is told to ignore errors in the stubs would pass over."""
    homes = {
        "_m": defined(trees["models/__init__.pyi"]),
        "_b": defined(trees["bodies.pyi"]),
        "_h": defined(trees["_stub_helpers.pyi"]),
    }
    for file, tree in trees.items():
        if file.startswith("_calls/"):
            homes[file.removesuffix(".pyi").replace("/", "_")] = defined(tree)
    for short, module in {"_t": "typing", "_te": "typing_extensions", "_dt": "datetime", "_ty": "geopera.types",
                          "_e": "geopera.errors", "_c": "geopera.client"}.items():  # fmt: skip
        homes[short] = set(dir(importlib.import_module(module)))
    builtin = set(dir(__import__("builtins")))
    for file, tree in trees.items():
        here = defined(tree) | builtin
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in homes
            ):
                assert node.attr in homes[node.value.id], (file, ast.unparse(node))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                assert node.id in here, (file, node.lineno, node.id)


@pytest.mark.slow
def test_every_operation_is_there_in_every_form(written, trees):
    for id, operation in bundled().operations.items():
        assert f"api/operations/{operation.module_name}.pyi" in written
        text = written[f"_calls/{id.partition('.')[0]}.pyi"]
        for flavour in ("", "Async"):
            assert f"class {flavour}{pascal(id.replace('.', '_'))}Call(" in text, id
    functions = {
        node.name for node in trees["api/operations/catalog_search.pyi"].body if hasattr(node, "name")
    }
    assert functions == {"sync", "sync_detailed", "asyncio", "asyncio_detailed"}


def test_every_model_is_there_with_its_fields(written, trees):
    models = {node.name: node for node in trees["models/__init__.pyi"].body if isinstance(node, ast.ClassDef)}
    registry = bundled().registry
    assert models.keys() == set(registry.names())
    for name in ("CatalogSearchInput", "StacFeature", "SetAutoTopupInput", "Problem", "OrderPlaceInput"):
        stated = {node.target.id for node in models[name].body if isinstance(node, ast.AnnAssign)}
        assert stated == set(registry.model(name).model_fields)
    assert "class CatalogSearchInputDict(_t.TypedDict, total=False):" in written["bodies.pyi"]
    assert "'filter-lang':" in written["bodies.pyi"]


def test_the_options_are_those_of_the_client(trees):
    from geopera import AuthenticatedClient, Client

    cls = next(n for n in trees["fluent.pyi"].body if isinstance(n, ast.ClassDef) and n.name == "Geopera")
    init = next(n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    stated = {arg.arg for arg in (*init.args.args, *init.args.kwonlyargs)}
    for function in (Client.__init__, AuthenticatedClient.__init__):
        names = function.__code__.co_varnames[
            : function.__code__.co_argcount + function.__code__.co_kwonlyargcount
        ]
        assert set(names) <= stated | {"self"}


def test_every_public_method_of_the_client_is_stated(trees):
    import geopera

    for name in ("Geopera", "AsyncGeopera"):
        cls = next(n for n in trees["fluent.pyi"].body if isinstance(n, ast.ClassDef) and n.name == name)
        stated = {node.name for node in cls.body if hasattr(node, "name")}
        assert [ast.unparse(base) for base in cls.bases] == [f"_{name}Resources"]
        above = next(n for n in trees["fluent.pyi"].body if getattr(n, "name", "") == f"_{name}Resources")
        assert {"catalog", "orders"} <= {node.name for node in above.body if hasattr(node, "name")}
        public = {
            n for base in getattr(geopera, name).__mro__[:-1] for n in vars(base) if not n.startswith("_")
        }
        assert public <= stated
        assert {"map", "invoke"} <= stated


def methods_of(cls):
    return {node.name for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


LOOPS = {"pages", "iter", "wait", "download", "upload"}


def test_an_operation_has_its_own_fields_in_what_it_offers(trees):
    client = Geopera("token")
    for id in bundled().operations:
        tree = trees[f"_calls/{id.partition('.')[0]}.pyi"]
        name = f"_{pascal(id.replace('.', '_'))}"
        cls = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
        assert methods_of(cls) - {"__call__"} == LOOPS & set(dir(client.resource(id))), id


def test_what_can_be_called_is_stated(trees):
    """Also what `dir()` of an operation leaves out, and works with more options."""
    classes = {n.name: n for n in trees["_stub_helpers.pyi"].body if isinstance(n, ast.ClassDef)}
    public = {name for name in dir(OperationCall) if not name.startswith("_")} - {"pages", "iter", "upload"}
    for flavour in ("Sync", "Async"):
        bases = [f"{flavour}{kind}" for kind in ("Call", "Spending", "Operation", "Read")]
        stated = set().union(*(methods_of(classes[name]) for name in (*bases, "Operation")))
        assert {name for name in stated if not name.startswith("_")} == public


def test_keywords_are_stated_once(written, trees):
    tree = trees["_calls/items.pyi"]
    fields = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "ItemsCreateCallFields")
    kinds = {n.target.id: ast.unparse(n.annotation) for n in fields.body if isinstance(n, ast.AnnAssign)}
    # A required field has one name among keywords, though a dict may have either.
    assert kinds["type_"].startswith("_t.Required[")
    assert "type" not in kinds
    assert written["_calls/items.pyi"].count("**fields: _te.Unpack[ItemsCreateCallFields]") >= 2


def test_the_same_manifest_gives_the_same_files(written):
    assert dict(stubs.files(bundled())) == written


def test_a_refreshed_manifest_has_its_own(written):
    changed = dict(stubs.files(Manifest.from_dict(changed_manifest())))
    module = f"api/operations/{NEW.replace('.', '_')}.pyi"
    assert module in changed
    assert module not in written
    assert f"api/operations/{REMOVED.replace('.', '_')}.pyi" not in changed
    assert "class ForecastGetInput(_Model):" in changed["models/__init__.pyi"]
    assert "def weather(self)" in changed["fluent.pyi"]


INLINE = {
    "type": "object",
    "properties": {"station": {"type": "string"}, "day": {"enum": [1, 2]}},
    "required": ["station"],
}


def test_a_body_that_is_described_in_its_place_can_be_a_dict_too():
    document = small_manifest()
    document["operations"]["tides.get"] = {**document["operations"]["orders.get"], "input": INLINE}
    made = dict(stubs.files(Manifest.from_dict(document)))
    tree = ast.parse(made["_calls/tides.pyi"])
    call = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "_TidesGet")
    variants = [n.args for n in call.body if isinstance(n, ast.FunctionDef) and n.name == "__call__"]
    bodies = [ast.unparse(args.posonlyargs[1].annotation) for args in variants if len(args.posonlyargs) > 1]
    assert "_m.TidesGetBody | _b.TidesGetBodyDict" in bodies
    for args in variants:
        # Either a body or keywords: a dict is not asked for its fields once more.
        assert (len(args.posonlyargs) > 1) != (args.kwarg is not None)
    assert "**fields: _te.Unpack[_b.TidesGetBodyDict]" in made["_calls/tides.pyi"]
    assert "station: _t.Required[_h.Text]" in made["bodies.pyi"]
    assert "day: _t.NotRequired[_t.Literal[1, 2] | _ty.Unset]" in made["bodies.pyi"]
    assert "class TidesGetBodyDict(" in made["bodies.pyi"]


def test_odd_schemas_make_valid_files():
    document = small_manifest()
    document["schemas"]["OrderGetInput"] = {
        "type": "object",
        "properties": {
            "class": {"type": "string"},
            "a-b": {"type": ["integer", "null"]},
            "x y": {"enum": ["1", 2, None]},
            "ünï": {"const": 'quote " and \\'},
            "self": {"$ref": "#/schemas/OrderGetInput"},
            "body": {"type": "object", "properties": {"in": {"type": "array"}}},
            "mode": {"type": "string", "enum": ["a", "b c", "", "mro"]},
            "1st": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            "idempotency_key": {"type": "string"},
        },
        "required": ["class", "x y"],
    }
    document["operations"]["orders.get"]["summary"] = 'A "quoted" \\ summary'
    # Names of Python, of what types are spelled with, and of the client's own.
    for id in ("import.class", "property.str", "str.property", "map.client", "client.map", "typing.list"):
        document["operations"][id] = document["operations"]["orders.get"]
    document["operations"]["tides.get"] = {
        **document["operations"]["orders.get"],
        "input": INLINE,
        "output": INLINE,
    }
    for name, text in stubs.files(Manifest.from_dict(document)):
        if name.endswith(".pyi"):
            ast.parse(text, name)


def test_classes_of_similar_names_are_distinct():
    document = small_manifest()
    document["operations"] = {
        id: {**document["operations"]["orders.get"], "summary": id}
        for id in ("tides.sea.level.get", "tides.sea_level.get", "tides.sea.level_get")
    }
    tree = ast.parse(dict(stubs.files(Manifest.from_dict(document)))["_calls/tides.pyi"])
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len(set(names)) == len(names)
    assert [name for name in names if name.startswith("_")] == [
        "_TidesSeaLevelGet",
        "_TidesSeaLevelGet_",
        "_TidesSeaLevelGet__",
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x85", '"""', "\\"])
def test_what_a_manifest_calls_itself_is_no_code(end):
    evil = f"9{end}import os{end}os.system('x'){end}#"
    document = small_manifest()
    document["api_version"] = evil
    operation = document["operations"]["orders.get"]
    operation |= {"summary": evil, "scope": evil, "input": {"$ref": "#/schemas/OrderGetInput"}}
    fields = {name: {"type": "string", "description": evil} for name in (evil, "ｃlass", "None", "order_id")}
    document["schemas"] |= {"OrderGetInput": {"type": "object", "properties": fields, "description": evil}}
    document["schemas"]["Odd"] = {"type": "string", "enum": [evil, "a"]}
    document["schemas"]["None"] = {"type": "object", "properties": {"a": {"type": "string"}}}
    try:
        written = list(stubs.parsed_files(Manifest.from_dict(document)))
    except ManifestError:
        assert not evil.isprintable()  # such a manifest is refused as a whole
        return
    for path, text in written:
        assert "\n" not in path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import) and path != "fluent.pyi":
                assert not [alias for alias in node.names if alias.name == "os" and not alias.asname]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("os", "system")
        assert "class None" not in text


def test_what_is_no_python_is_not_written(tmp_path, monkeypatch):
    stubs.write(small(), tmp_path)
    monkeypatch.setattr(
        stubs.package, "files", lambda manifest, deep: iter([("fluent.pyi", "class None: ...")])
    )
    with pytest.raises(GeoperaError, match="no Python"):
        stubs.write(small(), tmp_path)
    assert (tmp_path / "geopera-stubs" / "bodies.pyi").exists()


@pytest.mark.parametrize(
    "values", [["10m", "20m", "SAR", "3D"], ["+1", "-1", "0"], ["=", "!=", "<", "<="], ["a-b", "a_b", "a.b"],
               ["", " ", "mro", "name", "Value", "a", "A"]]
)  # fmt: skip
def test_members_are_called_as_at_run_time(values):
    document = small_manifest()
    document["schemas"]["Odd"] = {"type": "string", "enum": values}
    manifest = Manifest.from_dict(document)
    tree = ast.parse(dict(stubs.files(manifest))["models/__init__.pyi"])
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Odd")
    stated = {n.targets[0].id: n.value.value for n in cls.body if isinstance(n, ast.Assign)}
    assert stated == {name: member.value for name, member in manifest.models.Odd.__members__.items()}


def test_check_compares_with_the_manifest_in_use(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("geopera._cli.stubs.in_use", lambda url: small())
    monkeypatch.setattr(stubs.package, "site_packages", lambda: str(tmp_path))
    assert main(["stubs", "--check"]) == 1
    assert "stubs --install" in capsys.readouterr().err
    stubs.write(small(), tmp_path, deep=False)  # as the wheel does
    assert main(["stubs", "--check"]) == 0
    assert main(["stubs", "--install"]) == 0
    assert main(["stubs", "--check"]) == 0
    (tmp_path / "geopera-stubs" / "bodies.pyi").write_text("x: int")
    assert main(["stubs", "--check"]) == 1


def test_pages_have_records_and_operations_their_summary(written):
    assert "def records(self) -> list[_m.StacFeature]" in written["models/__init__.pyi"]
    text = written["_calls/catalog.pyi"]
    at = text.index("def search(self) -> CatalogSearchCall:")
    assert "Search a host's catalogue" in text[at : at + 200]
    assert (
        "class OrdersGetCall(_OrdersGet, _h.SyncRead[_m.OrderGetInput | _b.OrderGetInputDict, _ty.JSONObject])"
        in (written["_calls/orders.pyi"])
    )


def test_a_deprecated_operation_is_marked(written):
    assert "deprecated" not in written["_calls/catalog.pyi"]
    document = small_manifest()
    document["operations"]["catalog.search"]["deprecated"] = True
    made = dict(stubs.files(Manifest.from_dict(document)))
    mark = '@_te.deprecated("catalog.search is deprecated")'
    assert f"    {mark}\n    def search(self)" in made["_calls/catalog.pyi"]
    assert f"{mark}\ndef sync(" in made["api/operations/catalog_search.pyi"]


def test_descriptions_are_where_hover_finds_them():
    document = small_manifest()
    document["schemas"]["CatalogSearchInput"]["properties"]["host_name"]["description"] = (
        "The host to search."
    )
    made = dict(stubs.files(Manifest.from_dict(document)))
    assert "            host_name: The host to search." in made["_calls/catalog.pyi"]
    for module in ("bodies.pyi", "models/__init__.pyi"):
        assert '    """The host to search."""' in made[module]


def test_without_modules_of_single_models_and_operations_all_else_is_the_same(written):
    made = dict(stubs.files(bundled(), deep=False))
    alone = {name for name in written if name.count("/") and name not in made}
    assert {name.rpartition("/")[0] for name in alone} == {"models", "api/operations"}
    lowlevel = made.pop("api/operations/__init__.pyi")
    assert made == {name: written[name] for name in made}
    stated = {node.target.id for node in ast.parse(lowlevel).body if isinstance(node, ast.AnnAssign)}
    assert stated == {operation.module_name for operation in bundled().operations.values()}


def test_it_is_written_replaced_and_removed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("geopera._cli.stubs.in_use", lambda url: small())
    monkeypatch.setattr(stubs.package, "site_packages", lambda: str(tmp_path / "site"))
    assert main(["stubs", "--install"]) == 0
    folder = tmp_path / "site" / "geopera-stubs"
    (folder / "left_over.pyi").write_text("")
    assert main(["stubs", "--install"]) == 0
    assert not (folder / "left_over.pyi").exists()
    assert [p.name for p in folder.parent.iterdir()] == ["geopera-stubs"]
    assert main(["stubs", "--uninstall"]) == 0
    assert not folder.exists()
    assert main(["stubs", "--uninstall"]) == 0
    assert "there were no stubs" in capsys.readouterr().err
    assert main(["stubs", "--out", str(tmp_path / "deep" / "out")]) == 0
    assert (tmp_path / "deep" / "out" / "geopera-stubs" / "fluent.pyi").exists()


def test_what_is_not_ours_is_left_alone(tmp_path):
    folder = tmp_path / "geopera-stubs"
    folder.mkdir()
    (folder / "mine.pyi").write_text("x: int")
    with pytest.raises(GeoperaError, match="left as it is"):
        stubs.write(small(), tmp_path)
    assert [p.name for p in folder.iterdir()] == ["mine.pyi"]


def test_a_write_that_fails_leaves_the_old_package(tmp_path, monkeypatch):
    stubs.write(small(), tmp_path)

    def broken(manifest, deep):
        yield "py.typed", "partial\n"
        raise OSError("disk full")

    monkeypatch.setattr(stubs.package, "files", broken)
    with pytest.raises(OSError, match="disk full"):
        stubs.write(small(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["geopera-stubs"]
    assert (tmp_path / "geopera-stubs" / "fluent.pyi").exists()


def test_the_names_of_dicts_exist_at_run_time():
    assert bodies.CatalogSearchInputDict is dict
    assert "CatalogSearchInputDict" in dir(bodies)
    with pytest.raises(AttributeError, match="did you mean 'CatalogSearchInputDict'"):
        _ = bodies.CatalogSearchInptDict
    with pytest.raises(AttributeError):
        _ = bodies.CatalogSearchInput


def test_nothing_generated_is_committed():
    if not (ROOT / ".git").exists():
        pytest.skip("not a repository")
    done = subprocess.run(["git", "ls-files", "*.pyi"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.slow
def test_writing_takes_no_second():
    code = (
        "import time; from geopera.manifest import bundled; from geopera.tracking import stubs;"
        "m = bundled(); t = time.process_time(); n = sum(len(x) for _, x in stubs.files(m)); print(time.process_time() - t)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert float(done.stdout) < 5
