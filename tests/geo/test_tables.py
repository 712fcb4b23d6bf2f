"""Tables of features: every value of real items survives, in whichever table."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.sample import sampled
from helpers.wire import Reply, Wire

from geopera import geo
from geopera.errors import GeoperaError
from geopera.models import StacFeature
from geopera.sandbox import Sandbox
from geopera.types import JSONArray, JSONObject, open_json

geopandas = pytest.importorskip("geopandas")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pandas = pytest.importorskip("pandas")
pystac = pytest.importorskip("pystac")

RING = [[151.0, -34.0], [152.0, -34.0], [152.0, -33.0], [151.0, -33.0], [151.0, -34.0]]
HIGH = [[*point, 10.0] for point in RING]


def item(id: Any = "a", geometry: Any = ..., bbox: Any = ..., /, **properties: Any) -> dict[str, Any]:
    """A STAC item; None leaves nothing out, `...` is the usual value."""
    made = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],
        "id": id,
        "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [RING]} if geometry is ... else geometry,
        "bbox": [151.0, -34.0, 152.0, -33.0] if bbox is ... else bbox,
        "properties": {"datetime": "2024-01-15T00:02:41Z", **properties},
        "assets": {"red": {"href": "https://x/red.tif", "roles": ["data"]}},
        "links": [{"rel": "self", "href": "https://x/a.json"}],
    }
    if bbox is None:
        del made["bbox"]
    return made


ODD: dict[str, list[dict[str, Any]]] = {
    "alike": [item("a"), item("b")],
    "ragged properties": [item("a", **{"eo:cloud_cover": 1.5}), item("b", gsd=10)],
    "without a box": [item("a"), item("b", ..., None)],
    "no box at all": [item("a", ..., None)],
    "no moment, but an interval": [
        item("a"),
        item("b", datetime=None, start_datetime="2024-01-01T00:00:00Z", end_datetime="2024-02-01T00:00:00Z"),
    ],
    "without a geometry": [item("a"), item("b", None)],
    "no geometry at all": [item("a", None)],
    "mixed offsets": [item("a"), item("b", datetime="2024-01-15T10:02:41.5+11:00")],
    "2D and 3D": [item("a"), item("b", ..., [151.0, -34.0, 0.0, 152.0, -33.0, 9.5])],
    "heights": [item("a", {"type": "Polygon", "coordinates": [HIGH]}), item("b")],
    "a number beside a text": [item("a", level=1), item("b", level="L1C")],
    "an object beside a list": [item("a", level={"a": 1}), item("b", level=[1]), item("c", level=True)],
    "a property called id": [item("a", id="inner", bbox_="x", assets=5, collection="other")],
    "late and wider": [item("a", n=10), item("b", n=10.5), item("c", n=None), item("d")],
    "large numbers": [item("a", n=2**53 + 1), item("b")],
    "large beside fractions": [item("a", n=2**53 + 1), item("b", n=0.5)],
    "larger than 64 bits": [item("a", n=2**70), item("b", n=1)],
    "booleans with a gap": [item("a", flag=True), item("b")],
    "empty objects": [item("a", empty={}, list=[], nested={"a": {}}), item("b", list=[[]])],
    "nested and mixed": [
        item("a", **{"proj:bbox": [1, 2.5], "raster:bands": [{"nodata": 0, "unit": "m"}]}),
        item("b", **{"raster:bands": [{"nodata": "nan"}, {"statistics": {"min": 1}}]}),
    ],
    "text that looks like something else": [
        item("007", code="007", note="nan", other="null"),
        item("1e5", code="", note="2024-01-01", other="\u2028\x00"),
    ],
    "datetimes that are none": [
        item("a", created="yesterday", updated=""),
        item("b", created="nan", updated=5),
    ],
    "far datetimes": [item("a", expires="9999-12-31T23:59:59Z"), item("b", expires="0001-01-01T00:00:00Z")],
    "a leap second": [item("a", created="2016-12-31T23:59:60Z")],
    "half a surrogate pair": [item("a", note="\ud800")],
    "other members": [item("a") | {"proj:epsg": 5, "foo": {"bar": [1]}}],
    "assets that differ": [
        item("a") | {"assets": {}},
        item("b") | {"assets": {"visual": {"href": "v", "eo:bands": [{"name": "b1"}]}}},
        item("c"),
    ],
    "other geometries": [
        item("a", {"type": "Point", "coordinates": [1, 2]}),
        item("b", {"type": "MultiPolygon", "coordinates": [[RING], [RING]]}),
        item(
            "c", {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2, 3]}]}
        ),
        item(
            "d",
            {
                "type": "Polygon",
                "coordinates": [RING, [[151.2, -33.8], [151.3, -33.8], [151.3, -33.7], [151.2, -33.8]]],
            },
        ),
        item("e", {"type": "Polygon", "coordinates": []}),
        item("f", {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}),
    ],
    "names of columns": [
        item("a", **{"id": 1, "properties.id": 2, "feature.x": 3, "feature.id": 4}) | {"x": 5}
    ],
    "deeply nested": [
        item(
            "a", lists=json.loads("[" * 150 + "]" * 150), objects=json.loads('{"a":' * 150 + "1" + "}" * 150)
        )
    ],
    "years that few know": [
        item("a", datetime="9999-12-31T23:59:59-10:00"),
        item("b", datetime="0000-01-01T00:00:00Z"),
        item(
            "c",
            created="0001-01-01T00:00:00Z",
            updated="9999-12-31T23:59:59.999999Z",
            expires="1600-01-01T00:00:00Z",
        ),
    ],
    "odd moments": [
        item("a", datetime="2016-12-31T23:59:60Z", updated="1600-01-01T00:00:00.5Z"),
        item("b", datetime=1700000000, updated="2016-12-31T23:00:00.123456789Z"),
        item("c", datetime="yesterday", created=["2024-01-01T00:00:00Z"]),
    ],
    "assets of all kinds": [
        item("a") | {"assets": {}},
        item("b") | {"assets": {"x": {"type": "t"}, "y": {}}},
        item("c") | {"assets": {"x": {"href": "h", "type": None}}},
    ],
    "no assets": [item("a") | {"assets": {}}, item("b") | {"assets": {}}],
    "numbers beyond 64 bits": [item("a", n=1 << 70), item("b", n=-(1 << 63) - 1), item("c", n=1.5)],
    "text of all kinds": [
        item("ünï\u2028\U0001f600", **{"ключ": "a\0b", "": 1, "x y": "", "X Y": None, "half": "\ud800"})
    ],
    "no properties": [item("a") | {"properties": {}}, item("b") | {"properties": None}],
}
odd = pytest.mark.parametrize("features", sampled(ODD.values(), 4), ids=ODD)


def same(found: Any, due: Any) -> bool:
    """Whether a value of a table is the one of the item. What is missing in an object may be null in a table."""
    if isinstance(due, dict) and isinstance(found, dict):
        return all(same(found.get(key), due.get(key)) for key in {*found, *due})
    if isinstance(due, list | tuple) and not isinstance(found, str):
        return len(found) == len(due) and all(map(same, found, due))
    if isinstance(found, datetime) and due is not None:
        return found == datetime.fromisoformat(due)
    if found is None or found is pandas.NaT or (isinstance(found, float) and found != found):
        return due is None
    return bool(found == due) and isinstance(found, bool) is isinstance(due, bool)


def columns(feature: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(column, value) of all that a feature holds, but its geometry."""
    members = {
        "id",
        "type",
        "stac_version",
        "stac_extensions",
        "bbox",
        "collection",
        "assets",
        "links",
        "geometry",
    }
    for name, value in feature.items():
        if name in members - {"geometry", "type", "id"}:
            yield name, value
        elif name not in (*members, "properties"):
            yield f"feature.{name}", value
    for name, value in (feature["properties"] or {}).items():
        taken = name in members or name.startswith(("properties.", "feature."))
        yield (f"properties.{name}" if taken else name), value


def shapely_of(feature: dict[str, Any]) -> Any:
    from shapely.geometry import shape

    return None if feature["geometry"] is None else shape(feature["geometry"])


@odd
@pytest.mark.parametrize("kind", ["dicts", "models", "objects"])
def test_geodataframe_keeps_every_value(features: list[dict[str, Any]], kind: str) -> None:
    made: dict[str, Any] = {
        "dicts": lambda: features,
        "models": lambda: [StacFeature.from_dict(one) for one in features if one["properties"] is not None],
        "objects": lambda: open_json(features),
    }
    given = made[kind]()
    table = geo.to_geodataframe(given)
    assert isinstance(table, geopandas.GeoDataFrame)
    assert table.crs == "EPSG:4326"
    assert table.index.name == "id"
    for feature, (id, row) in zip(features, table.iterrows(), strict=False):
        assert id == feature["id"]
        assert row.geometry == shapely_of(feature)
        for name, value in columns(feature):
            assert same(row[name], value), (name, row[name], value)
    assert all(len(table[name]) == len(given) for name in table)


def read_back(table: Any) -> list[dict[str, Any]]:
    """The rows of an Arrow table, with JSON text parsed."""
    rows = table.to_pylist()
    for field in table.schema:
        if field.metadata and field.metadata.get(b"encoding") == b"json":
            for row in rows:
                row[field.name] = None if row[field.name] is None else json.loads(row[field.name])
    return rows


def check_arrow(table: Any, features: list[dict[str, Any]]) -> None:
    import shapely

    for feature, row in zip(features, read_back(table), strict=True):
        assert row.pop("id") == feature["id"]
        assert row.pop("type") == "Feature"
        wkb = row.pop("geometry")
        assert (None if wkb is None else shapely.from_wkb(wkb)) == shapely_of(feature)
        box = row.get("bbox")
        if isinstance(box, dict):
            row["bbox"] = [value for value in box.values() if value is not None]
        for name, value in columns(feature):
            # Where no item has assets, the column is left out.
            assert same(row.pop(name, {} if name == "assets" else None), value), (name, value)
        assert all(same(value, None) for value in row.values())


@odd
def test_arrow_and_parquet_keep_every_value(features: list[dict[str, Any]], tmp_path: Path) -> None:
    check_arrow(geo.to_arrow(features), features)
    path = tmp_path / "a.parquet"
    assert geo.to_parquet(iter(features), path) == path
    check_arrow(pq.read_table(path), features)
    again = geopandas.read_parquet(path)
    assert again.crs == "EPSG:4326"
    assert list(again["id"]) == [one["id"] for one in features]
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


def test_datetimes_are_datetimes() -> None:
    features = [
        item("a", created="2024-01-15T10:02:41.123456+10:00"),
        item("b", datetime="2024-01-15T10:00:00"),
    ]
    features.append(item("c", datetime=None))
    table = geo.to_geodataframe(features)
    assert str(table.datetime.dt.tz) == "UTC"
    assert table.created["a"] == pandas.Timestamp("2024-01-15T00:02:41.123456Z")
    assert table.datetime["b"] == pandas.Timestamp("2024-01-15T10:00:00Z")
    assert table.datetime["c"] is pandas.NaT
    found = geo.to_arrow(features)
    assert found.schema.field("created").type == pa.timestamp("us", "UTC")
    assert found["created"][0].as_py() == datetime(2024, 1, 15, 0, 2, 41, 123456, UTC)


def test_whole_numbers_stay_whole_numbers() -> None:
    table = geo.to_geodataframe([item("a", n=1), item("b")])
    assert str(table.n.dtype) == "Int64"
    assert table.n["b"] is pandas.NA


def test_a_filter_in_the_table_leads_back_to_the_items() -> None:
    table = geo.to_geodataframe([item("a", **{"eo:cloud_cover": 5}), item("007", **{"eo:cloud_cover": 50})])
    assert list(table[table["eo:cloud_cover"] > 9].index) == ["007"]


@pytest.mark.parametrize("empty", [[], iter(()), {"type": "FeatureCollection", "features": []}], ids=type)
def test_nothing_is_an_empty_table(empty: Any, tmp_path: Path) -> None:
    given = list(empty) if not isinstance(empty, dict) else empty
    table = geo.to_geodataframe(given)
    assert (len(table), table.crs) == (0, "EPSG:4326")
    assert {"collection", "assets", "datetime"} <= set(table)
    assert table.datetime.dt.year.empty
    assert geo.to_arrow(given).num_rows == 0
    assert len(geopandas.read_parquet(geo.to_parquet(given, tmp_path / "a.parquet"))) == 0
    assert len(geo.to_pystac(given).items) == 0


def test_what_is_no_feature_is_named() -> None:
    for given, words in (
        ([{"id": "order_1"}], "order_1"),
        ([5], "int"),
        ([item("x1", {"type": "Polygon", "coordinates": "here"})], "x1"),
        ([item("x2", {"type": "Nothing"})], "x2"),
    ):
        with pytest.raises(ValueError, match=words):
            geo.to_geodataframe(given)
        with pytest.raises(ValueError, match=words):
            geo.to_arrow(given)
    for one in ("text", 5, None):
        with pytest.raises(TypeError, match=type(one).__name__):
            geo.to_geodataframe(one)  # type: ignore[arg-type]


def test_a_failure_in_the_place_of_a_result_is_raised() -> None:
    with pytest.raises(GeoperaError, match="in its place"):
        geo.to_geodataframe([item("a"), GeoperaError("in its place")])


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, call in (
        ("geopandas", lambda: geo.to_geodataframe([item()])),
        ("pyarrow", lambda: geo.to_arrow([item()])),
        ("pystac", lambda: geo.to_pystac([item()])),
        ("pandas", lambda: geo.to_dataframe([item()])),
        ("polars", lambda: geo.to_dataframe([item()], "polars")),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(ImportError, match=rf"needs {name}: pip install 'geopera\[geo\]>=3'"):
                call()


# Files.


def test_a_stream_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"old")

    def broken() -> Iterator[dict[str, Any]]:
        yield item("a")
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError):
        geo.to_parquet(broken(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for path, error in (
        (tmp_path, IsADirectoryError),
        (tmp_path / "none" / "a.parquet", FileNotFoundError),
        ("s3://bucket/a.parquet", ValueError),
    ):
        with pytest.raises(error):
            geo.to_parquet([item()], path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.touch(0o640)
    path.chmod(0o640)
    geo.to_parquet([item()], path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_types_that_change_in_a_later_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geopera.geo import rows

    monkeypatch.setattr(rows, "BATCH", 2)
    features = [feature for features in ODD.values() for feature in features]
    features = [one | {"id": f"{n}"} for n, one in enumerate(features)]
    path = geo.to_parquet(iter(features), tmp_path / "a.parquet")
    check_arrow(pq.read_table(path), features)
    check_arrow(geo.to_arrow(features), features)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "most"), [(5_000, 90), (50_000, 90)])
def test_memory_stays_flat(count: int, most: int, tmp_path: Path) -> None:
    """In a process of its own: MiB beyond those that the first tenth has taken."""
    import subprocess

    program = """
import resource, sys
from geopera import geo
sys.path.insert(0, sys.argv[3])
from bench.server import feature
count, early = int(sys.argv[1]), []
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def features():
    for n in range(count):
        if n == count // 10:
            early.append(peak())
        yield feature(n)
geo.to_parquet(features(), sys.argv[2])
print(early[0], peak())
"""
    path = tmp_path / "a.parquet"
    tests = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", program, str(count), str(path), tests]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
    early, late = map(int, done.stdout.split())
    assert pq.ParquetFile(path).metadata.num_rows == count
    assert late - early < most, (early, late)


@pytest.mark.slow
def test_other_readers(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    features = [item("a", **{"eo:cloud_cover": 5.5}), item("b", None, None)]
    path = geo.to_parquet(features, tmp_path / "a.parquet")
    query = f"SELECT id, \"eo:cloud_cover\", assets.red.href FROM read_parquet('{path}') ORDER BY id"
    assert duckdb.sql(query).fetchall() == [("a", 5.5, "https://x/red.tif"), ("b", None, "https://x/red.tif")]
    polars = pytest.importorskip("polars")
    assert polars.read_parquet(path)["id"].to_list() == ["a", "b"]


def test_rustac_reads_the_items_back(tmp_path: Path) -> None:
    rustac = pytest.importorskip("rustac")
    box = [151.0, -34.0, 10.0, 152.0, -33.0, 10.0]
    features = [
        item("a", **{"eo:cloud_cover": 5.5}),
        item(
            "b",
            ...,
            box,
            datetime=None,
            start_datetime="2024-01-01T00:00:00Z",
            end_datetime="2024-01-02T00:00:00Z",
        ),
        item("c") | {"assets": {}, "links": []},
    ]

    async def read(some: list[dict[str, Any]]) -> Any:
        return (await rustac.read(str(geo.to_parquet(some, tmp_path / "a.parquet"))))["features"]

    for some in (features, features[2:], []):
        for found, due in zip(asyncio.run(read(some)), some, strict=True):
            assert found["stac_extensions"] == due["stac_extensions"]
            for name in ("id", "collection", "geometry", "bbox", "assets", "links"):
                assert same(found[name], due[name]), (name, found[name])
            assert same(found["properties"], due["properties"])


def test_ids_are_text_in_every_table() -> None:
    features = [item(7), item("007"), item(None)]
    assert geo.to_geodataframe(features).index.tolist()[:2] == ["7", "007"]
    assert geo.to_arrow(features)["id"].to_pylist() == ["7", "007", None]


def test_stac_geoparquet_reads_the_items_back(tmp_path: Path) -> None:
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    features = [item("a", **{"eo:cloud_cover": 5.5, "n": 1}), item("b", n=2)]
    for table in (geo.to_arrow(features), pq.read_table(geo.to_parquet(features, tmp_path / "a.parquet"))):
        found = list(arrow.stac_table_to_items(table))
        assert [one["id"] for one in found] == ["a", "b"]
        assert {k: v for k, v in found[0]["properties"].items() if k != "datetime"} == {
            "eo:cloud_cover": 5.5,
            "n": 1,
        }
        assert found[0]["properties"]["datetime"].startswith("2024-01-15T00:02:41")
        assert found[0]["bbox"] == features[0]["bbox"]
        assert found[0]["assets"] == features[0]["assets"]
    assert geopandas.GeoDataFrame.from_arrow(geo.to_arrow(features)).crs == "EPSG:4326"


# pystac.


# pystac has no item without a datetime, nor an asset without an address.
NO_ITEMS = ("no properties", "years that few know", "odd moments", "assets of all kinds")


@pytest.mark.parametrize("name", ODD)
def test_pystac_items(name: str) -> None:
    features = ODD[name]
    if name in NO_ITEMS:
        with pytest.raises(ValueError, match=r"'[ab]' is not a STAC item"):
            geo.to_pystac(features)
        return
    if any("far" in str(one["properties"].get("expires")) for one in features):
        return
    collection = geo.to_pystac([StacFeature.from_dict(one) for one in features])
    assert isinstance(collection, pystac.ItemCollection)
    for found, feature in zip(collection.items, features, strict=True):
        plain = found.to_dict(include_self_link=False, transform_hrefs=False)
        assert plain["geometry"] == feature["geometry"]
        assert plain["id"] == feature["id"]
        assert set(plain["assets"]) == set(feature["assets"])
        for name, value in feature["properties"].items():
            assert same(plain["properties"].get(name), value) or name in ("datetime", "created", "updated")


def test_one_feature_is_one_item() -> None:
    feature = StacFeature.from_dict(item("a"))
    assert isinstance(feature.to_pystac(), pystac.Item)
    feature.to_pystac().properties["datetime"] = "changed"
    assert feature.properties["datetime"] == "2024-01-15T00:02:41Z"


# Records of other kinds.


def test_records_of_any_kind() -> None:
    orders = JSONArray(
        [
            JSONObject(id="o1", created_at="2024-01-15T00:00:00Z", total=5, tags=["a"]),
            JSONObject(id="o2", created_at=None, total=None, inner={"a": 1}),
        ]
    )
    table = orders.to_dataframe()
    assert list(table.id) == ["o1", "o2"]
    assert table.created_at[0] == pandas.Timestamp("2024-01-15", tz="UTC")
    assert str(table.total.dtype) == "Int64"
    assert table.inner[1] == {"a": 1}
    polars = pytest.importorskip("polars")
    frame = orders.to_dataframe("polars")
    assert frame["total"].to_list() == [5, None]
    assert frame["created_at"].dtype == polars.Datetime("us", "UTC")
    with pytest.raises(ValueError, match="library"):
        orders.to_dataframe("numpy")
    assert len(JSONArray().to_dataframe()) == 0
    with pytest.raises(ValueError, match="to_dataframe"):
        orders.to_geodataframe()


# Of results and iterators.

BODY = {"host_name": "earthsearch-aws", "limit": 20}


@pytest.mark.slow
def test_pages_iterators_and_lists(client: Any, flavour: Flavour, tmp_path: Path) -> None:
    page = flavour(client.catalog.search(BODY))
    ids = [one.id for one in page.features]
    assert list(page.to_geodataframe().index) == ids
    assert list(page.features.to_geodataframe().index) == ids
    assert list(geo.to_geodataframe(page.features[5:]).index) == ids[5:]
    assert page.to_arrow()["id"].to_pylist() == ids
    assert [one.id for one in page.to_pystac()] == ids
    assert len(geopandas.read_parquet(page.to_parquet(tmp_path / "page.parquet"))) == 20
    for iterator in (
        lambda: client.catalog.search.iter(BODY, max_items=30),
        lambda: client.catalog.search.pages(BODY, max_items=30),
        lambda: client.catalog.search_stream(BODY | {"limit": 30}),
        lambda: client.catalog.search.map([BODY]),
    ):
        table = flavour(iterator().to_geodataframe())
        assert list(table.index[:20]) == ids
        assert table.crs == "EPSG:4326"
        assert flavour(iterator().to_arrow()).num_rows == len(table)
        assert len(flavour(iterator().to_pystac())) == len(table)
        path = flavour(iterator().to_parquet(tmp_path / "iterator.parquet"))
        assert list(geopandas.read_parquet(path)["id"]) == list(table.index)
    orders = flavour(client.billing.credits.transactions())
    assert len(orders.to_dataframe()) == len(orders.records)


def test_a_page_that_fails_in_the_middle_leaves_no_file(flavour: Flavour, serve: Any, tmp_path: Path) -> None:
    def reply(asked: Any) -> Reply:
        lines = b"".join(json.dumps(item(f"{n}")).encode() + b"\n" for n in range(5))
        return Reply([lines], type="application/x-ndjson", cut=True)

    wire: Wire = serve(reply)
    client = flavour.client("t", wire.url)
    with pytest.raises(GeoperaError):
        flavour(client.catalog.search_stream(BODY).to_parquet(tmp_path / "a.parquet"))
    assert list(tmp_path.iterdir()) == []


def test_tables_are_shown_where_they_are(sandbox: Sandbox, client: Any, flavour: Flavour) -> None:
    page = flavour(client.catalog.search(BODY))
    assert "to_geodataframe" in dir(page)
    assert "to_geodataframe" in dir(page.features)
    assert "to_geodataframe" not in dir(page.features[0])


def test_nothing_is_imported_before_it_is_used() -> None:
    import subprocess

    program = "import sys, geopera.geo; print([n for n in ('geopandas', 'pandas', 'pyarrow', 'shapely', 'pystac', 'numpy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_object_is_no_path() -> None:
    with pytest.raises(TypeError):
        geo.to_parquet([item()], io.BytesIO())  # type: ignore[arg-type]
