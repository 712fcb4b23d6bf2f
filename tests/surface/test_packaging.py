"""What is shipped: a wheel, an sdist, an editable install and a zip all import and find their manifest.

The builds call the build backend itself, without isolation, so that nothing is fetched.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tarfile
import textwrap
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DATA = ("manifest.json", "overlay.json", "format.schema.json")
SITE = [path for path in sys.path if path.endswith("site-packages")]


def build(target: str, source: Path, folder: Path) -> Path:
    """Builds the wheel or the sdist of a source tree."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (made,) = [path for path in folder.iterdir() if path.suffix in (".whl", ".gz")]
    return made


def run(path: str | Path, code: str, *, site: bool = False) -> str:
    """Runs code with `path` first, and of everything installed only what `site` asks for."""
    head = f"import sys; sys.path.insert(0, {str(path)!r}); sys.path += {SITE if site else []!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        # The oldest 3.11 know no filters, and the newest Pythons want one.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = folder.iterdir()
    return source


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return message_from_string(archive.read(name).decode())


def unpack(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def stubs_in(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("geopera-stubs/")}


FIND = """
    import geopera
    manifest = geopera.manifest.default()
    assert len(manifest.operations) == 229, len(manifest.operations)
    assert manifest.operations["catalog.search"].summary
    assert manifest.source == "the package"
    heavy = {"httpx", "pydantic", "jsonschema", "asyncio", "ssl", "platformdirs"} & set(sys.modules)
    assert not heavy, heavy
    client = geopera.Geopera("test-token")
    assert "search" in dir(client.catalog)
    print(geopera.__file__)
"""

USE = """
    import geopera
    from geopera.api.operations import catalog_search
    from geopera.models import CatalogSearchInput
    assert CatalogSearchInput(host_name="a").to_dict() == {"host_name": "a"}
    assert callable(catalog_search.sync_detailed)
    assert geopera.manifest.bundled_bytes("overlay.json")
    assert geopera.manifest.bundled_bytes("format.schema.json")
    with_loader = geopera.Geopera("test-token", "http://127.0.0.1:1", max_retries=0)
    try:
        with_loader.catalog.search(host_name="a")
    except geopera.errors.APIConnectionError:
        print("ok")
"""


def test_a_wheel(wheel: Path, tmp_path: Path) -> None:
    folder = unpack(wheel, tmp_path)
    assert run(folder, FIND).strip().startswith(str(folder))
    assert run(folder, USE, site=True) == "ok\n"


def test_an_sdist_and_the_wheel_made_of_it(unpacked_sdist: Path, wheel: Path, tmp_path: Path) -> None:
    again = build("wheel", unpacked_sdist, tmp_path / "dist")
    folder = unpack(again, tmp_path / "installed")
    assert run(folder, FIND).strip().startswith(str(folder))
    assert run(folder, USE, site=True) == "ok\n"
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        assert all(one.read(n) == other.read(n) for n in one.namelist() if "dist-info" not in n)


def test_a_source_tree(unpacked_sdist: Path) -> None:
    assert run(unpacked_sdist, FIND).strip().startswith(str(unpacked_sdist))
    assert run(unpacked_sdist, USE, site=True) == "ok\n"


def test_an_editable_install(wheel: Path, tmp_path: Path) -> None:
    code = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    made = tmp_path / done.stdout.split()[-1]
    assert stubs_in(made) == stubs_in(wheel) != {}
    folder = unpack(made, tmp_path / "installed")
    added = "import site; site.addsitedir(sys.path[0])\n"
    assert run(folder, added + textwrap.dedent(FIND)).strip() == str(ROOT / "geopera" / "__init__.py")
    assert run(folder, added + textwrap.dedent(USE), site=True) == "ok\n"


def test_a_zip(wheel: Path, tmp_path: Path) -> None:
    # A wheel is a zip with the package at its top.
    archive = tmp_path / "geopera.zip"
    archive.write_bytes(wheel.read_bytes())
    assert run(archive, FIND).strip().startswith(str(archive))
    assert run(archive, USE, site=True) == "ok\n"


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert "geopera/py.typed" in names
    assert {f"geopera/_data/{name}" for name in DATA} <= names
    assert {name.partition("/")[0] for name in names} == {
        "geopera",
        "geopera-stubs",
        f"geopera-{PROJECT['version']}.dist-info",
    }
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "geopera").rglob("*.py")}
    assert sources <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".db"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_is_no_larger_than_it_was(wheel: Path) -> None:
    # Nobody notices a few kilobytes more; whoever needs them raises the number.
    assert wheel.stat().st_size < 745_000


def test_the_wheels_manifest_is_the_one_in_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, source in zip(DATA, ("geopera.json", "overlay.json", "format.schema.json"), strict=True):
            assert archive.read(f"geopera/_data/{name}") == (ROOT / "manifest" / source).read_bytes()


def test_what_the_sdist_holds(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "geopera",
        "manifest",
        "tests",
        "docs",
        "Makefile",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    ):
        assert any(f"{one}/".startswith(f"{name}/") for one in names), name
    assert not [one for one in names if "__pycache__" in one]


def test_no_console_script(wheel: Path) -> None:
    # The command `geopera` belongs to the official command line, which depends on this distribution.
    assert "scripts" not in PROJECT
    assert "gui-scripts" not in PROJECT
    # pytest finds the fixtures of the sandbox by an entry point; it is the only one.
    assert PROJECT["entry-points"].keys() == {"pytest11"}
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if ".data/scripts" in name]
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert re.findall(r"^\[(.*)\]", archive.read(name).decode(), re.M) == ["pytest11"]


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "geopera"
    assert metadata["Version"] == PROJECT["version"] == "3.0.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    required = metadata.get_all("Requires-Dist") or []
    names = {re.match(r"[\w.-]+", line)[0] for line in required if "extra ==" not in line}  # type: ignore[index]
    assert names == {re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"]}  # type: ignore[index]
    assert set(metadata.get_all("Provides-Extra") or ()) == PROJECT["optional-dependencies"].keys()
    assert "dev" not in PROJECT["optional-dependencies"]  # a dependency group, which is not published
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])
    assert metadata.get_payload().startswith("# Geopera for Python")


def test_every_dependency_has_its_reason_above_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.M | re.S)
    lines = [line.strip() for line in block.splitlines()]
    reasons = [line for line in lines if line.startswith("#")]
    assert lines[0] in reasons
    # What comes in through another dependency may share its comment with its like.
    transitive = {"httpcore", "anyio", "certifi", "pydantic-core", "referencing", "jsonschema-specifications"}
    for before, line in itertools.pairwise(lines):
        if line not in reasons and before not in reasons:
            assert re.match(r'"([\w.-]+)', line)[1] in transitive, line  # type: ignore[index]


def test_the_version_is_the_same_everywhere() -> None:
    import geopera

    first = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert first is not None
    assert geopera.__version__ == PROJECT["version"] == first[1]


def test_the_official_command_line_accepts_the_version() -> None:
    assert tuple(map(int, PROJECT["version"].split("."))) >= (2, 0, 0)


def test_without_the_extra_the_sandbox_says_what_it_needs(wheel: Path, tmp_path: Path) -> None:
    folder = unpack(wheel, tmp_path)
    code = """
        import runpy
        sys.modules["starlette"] = sys.modules["uvicorn"] = None
        sys.argv = ["geopera", "sandbox", "--port", "0"]
        try:
            runpy.run_module("geopera", run_name="__main__")
        except SystemExit as end:
            print("ended with", end.code)
    """
    head = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.path += {SITE!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
    )
    assert 'pip install "geopera[sandbox]' in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == "ended with 1\n"
