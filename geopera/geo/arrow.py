"""Arrow tables in the layout of stac-geoparquet, of any features: the types are found first, then the columns are made.

One layout for all features, whatever is among them: a missing geometry or a box with heights changes no other column.
"""

from __future__ import annotations

import json
from typing import Any

from .rows import (
    Row,
    batches,
    datetimes_of,
    feature_columns,
    is_datetime,
    json_text,
    needed,
    record_columns,
)
from .shapes import geometries

_MOST_FIELDS = 2_000  # of the nested types of a column; beyond it JSON text is kinder to readers
_DEEPEST = 20  # readers refuse a hundred levels, of which a list takes three
_FLAT = ("xmin", "ymin", "xmax", "ymax")
_HIGH = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")

JSON = "json"  # instead of a type: no Arrow type holds all values


class Layout:
    """The types of the columns of features, learnt batch by batch.

    Attributes:
        types: Column -> Arrow type, `JSON`, or None while all values are missing.
    """

    def __init__(self, *, features: bool = True) -> None:
        self._pa = needed("pyarrow", "an Arrow table")
        self._features = features
        self.types: dict[str, Any] = (
            {"id": None, "geometry": None, "collection": None, "datetime": None} if features else {}
        )
        self._datetimes: dict[str, bool] = {}
        self._boxes: set[int] = set()
        self._kinds: set[str] = set()
        self._bounds: Any = None

    def columns(self, rows: list[Row]) -> dict[str, list[Any]]:
        return feature_columns(rows) if self._features else record_columns(rows)

    def learn(self, rows: list[Row]) -> None:
        """Widen the types so that they hold these rows. Raises ValueError: if a row is not a feature."""
        found = self.columns(rows)
        for name, values in found.items():
            if self._features and name == "geometry":
                self._learn_geometry(values, found["id"])
            elif self._features and name == "bbox":
                self._boxes |= {_box_size(value) for value in values}
                self.types["bbox"] = self._merged(self.types.get("bbox"), self._type_of(values))
            elif self._features and name == "assets" and not any(values):
                pass  # no column: no type holds an object without members, and readers want no text here
            else:
                if is_datetime(name) and self._datetimes.get(name, True):
                    self._datetimes[name] = datetimes_of(values) is not None
                self.types[name] = self._merged(self.types.get(name), self._type_of(values))

    def _learn_geometry(self, values: list[Any], ids: list[Any]) -> None:
        numpy, shapely = needed("numpy", "an Arrow table"), needed("shapely", "an Arrow table")

        shapes = geometries(values, ids)
        there = shapes[~shapely.is_missing(shapes)]
        for kind, high in set(
            zip(shapely.get_type_id(there).tolist(), shapely.has_z(there).tolist(), strict=True)
        ):
            self._kinds.add(_KINDS[kind] + (" Z" if high else ""))
        filled = there[~shapely.is_empty(there)]
        if len(filled):
            west, south, east, north = shapely.total_bounds(filled).tolist()
            mine = self._bounds or [west, south, east, north]
            self._bounds = [*numpy.minimum(mine[:2], [west, south]), *numpy.maximum(mine[2:], [east, north])]

    # Types.

    def _type_of(self, values: list[Any]) -> Any:
        pa = self._pa
        try:
            found = pa.array(values).type
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return JSON
        if pa.types.is_null(found):
            return None
        return found if _storable(pa, found) else JSON

    def _merged(self, one: Any, other: Any) -> Any:
        if one is None or other is None:
            return other if one is None else one
        if one is JSON or other is JSON:
            return JSON
        merged = _merge(self._pa, one, other)
        return JSON if merged is None or _fields(self._pa, merged) > _MOST_FIELDS else merged

    @property
    def _box(self) -> tuple[str, ...]:
        """The fields of the column of boxes; empty if there is something else in it."""
        if not self._boxes <= {0, 4, 6}:
            return ()
        return _HIGH if 6 in self._boxes else _FLAT

    def schema(self) -> Any:
        """The Arrow schema, with the metadata of GeoParquet and stac-geoparquet for features."""
        pa = self._pa
        fields = [self._field(name) for name in self.types]
        if not self._features:
            return pa.schema(fields)
        fields.insert(1, pa.field("type", pa.string()))
        return pa.schema(fields, self._metadata())

    def _field(self, name: str) -> Any:
        pa = self._pa
        if self._features and name == "geometry":
            extension = {
                "ARROW:extension:name": "geoarrow.wkb",
                "ARROW:extension:metadata": json.dumps({"crs": _crs()}),
            }
            return pa.field(name, pa.binary(), metadata=extension)
        if self._features and name == "bbox" and self._box:
            return pa.field(name, pa.struct([(one, pa.float64()) for one in self._box]))
        if self._datetimes.get(name, name == "datetime" and self._features):
            return pa.field(name, pa.timestamp("us", "UTC"))
        found = self.types[name]
        if found is JSON:
            return pa.field(name, pa.string(), metadata={"encoding": "json"})
        return pa.field(name, pa.string() if found is None else _filled(pa, found))

    def _metadata(self) -> dict[str, str]:
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(self._kinds),
            "crs": _crs(),
            "edges": "planar",
        }
        if self._bounds is not None:
            column["bbox"] = [float(number) for number in self._bounds]
        if self._box and self._boxes and 0 not in self._boxes:
            column["covering"] = {"bbox": {name: ["bbox", name] for name in _FLAT}}
        geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
        return {"geo": json.dumps(geo), "stac-geoparquet": json.dumps({"version": "1.0.0"})}

    # Columns.

    def batch(self, rows: list[Row], schema: Any) -> Any:
        """The rows as a record batch. Raises `Unfit` for a column whose type does not hold them after all."""
        pa = self._pa
        found = self.columns(rows)
        arrays = []
        for field in schema:
            values = found.get(field.name) or [None] * len(rows)
            try:
                arrays.append(self._array(field, values, found, rows))
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as exc:
                if self.types.get(field.name, JSON) is JSON:
                    raise
                raise Unfit(field.name) from exc
        return pa.record_batch(arrays, schema=schema)

    def _array(self, field: Any, values: list[Any], found: dict[str, list[Any]], rows: list[Row]) -> Any:
        pa, name = self._pa, field.name
        if self._features:
            if name == "type":
                return pa.array([row.get("type", "Feature") for row in rows], field.type)
            if name == "geometry":
                shapely = needed("shapely", "an Arrow table")

                shapes = geometries(values, found["id"])
                return pa.array(shapely.to_wkb(shapes, flavor="iso"), field.type, from_pandas=True)
            if name == "bbox" and self._box:
                return pa.array([_box(value, self._box) for value in values], field.type)
        if pa.types.is_timestamp(field.type) and self._datetimes.get(name, True):
            return pa.array(datetimes_of(values), field.type)
        if self.types.get(name) is JSON:
            return pa.array([json_text(value) for value in values], field.type)
        return pa.array(values, field.type)

    def widen(self, name: str) -> None:
        """Make a column one of JSON text."""
        self.types[name] = JSON
        self._datetimes.pop(name, None)


class Unfit(Exception):
    """A column that has no type of its own."""

    def __init__(self, name: str) -> None:
        self.name = name


_KINDS = (
    *("Point", "LineString", "LinearRing", "Polygon"),
    *("MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"),
)


def table(features: Any) -> Any:
    """All features as one table."""
    return _table(features, Layout())


def records_table(records: Any) -> Any:
    """Records of any kind as one table."""
    return _table(records, Layout(features=False))


def _table(values: Any, layout: Layout) -> Any:
    pa = needed("pyarrow", "an Arrow table")
    parts = []
    for rows in batches(values):
        layout.learn(rows)
        parts.append(rows)
    while True:
        schema = layout.schema()
        try:
            return pa.Table.from_batches([layout.batch(rows, schema) for rows in parts], schema)
        except Unfit as unfit:
            layout.widen(unfit.name)


def _box_size(value: Any) -> int:
    """4 or 6 for a box, 0 for none, -1 for something else."""
    if value is None:
        return 0
    numbers = isinstance(value, list | tuple) and all(type(one) in (int, float) for one in value)
    return len(value) if numbers and len(value) in (4, 6) else -1


def _box(value: Any, names: tuple[str, ...]) -> dict[str, float] | None:
    return (
        None
        if value is None
        else dict(zip(_FLAT if len(value) == 4 else _HIGH, map(float, value), strict=True))
    )


def _crs() -> Any:
    pyproj = needed("pyproj", "a table of features")
    return pyproj.CRS.from_epsg(4326).to_json_dict()


def _storable(pa: Any, kind: Any, depth: int = 0) -> bool:
    """Whether Parquet has such a type, and readers take it: it has no object without members."""
    if depth > _DEEPEST:
        return False
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_storable(pa, field.type, depth + 1) for field in kind)
    if pa.types.is_list(kind):
        return _storable(pa, kind.value_type, depth + 1)
    return True


def _fields(pa: Any, kind: Any) -> int:
    if pa.types.is_struct(kind):
        return 1 + sum(_fields(pa, field.type) for field in kind)
    return _fields(pa, kind.value_type) if pa.types.is_list(kind) else 1


def _merge(pa: Any, one: Any, other: Any) -> Any:
    """A type that holds the values of both, or None."""
    types = pa.types
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    numbers = (types.is_int64(one) or types.is_float64(one)) and (
        types.is_int64(other) or types.is_float64(other)
    )
    if numbers:
        return pa.float64()
    if types.is_list(one) and types.is_list(other):
        inner = _merge(pa, one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    if types.is_struct(one) and types.is_struct(other):
        members = {field.name: field.type for field in one}
        for field in other:
            merged = _merge(pa, members.get(field.name, pa.null()), field.type)
            if merged is None:
                return None
            members[field.name] = merged
        return pa.struct(list(members.items()))
    return None


def _filled(pa: Any, kind: Any) -> Any:
    """The type with text instead of members that were missing everywhere."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_filled(pa, kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _filled(pa, field.type)) for field in kind])
    return kind
