"""Tables of pandas, geopandas and polars."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from .rows import (
    datetimes_of,
    each,
    feature_columns,
    is_datetime,
    looks_like_datetimes,
    needed,
    record_columns,
)
from .shapes import geometries

_EXACT = 1 << 53  # up to here a float holds every whole number


def geodataframe(features: Any) -> Any:
    geopandas, pandas = needed("geopandas", "to_geodataframe()"), needed("pandas", "to_geodataframe()")
    columns = feature_columns(list(each(features)))
    ids, shapes = columns.pop("id"), columns.pop("geometry")
    data = {name: _series(pandas, name, values) for name, values in columns.items()}
    frame = pandas.DataFrame({"geometry": geometries(shapes, ids), **data}, copy=False)
    # Set at the end: rows are joined by their place, and ids may come twice.
    frame.index = pandas.Index(ids, name="id", dtype=None if ids else object)
    return geopandas.GeoDataFrame(frame, geometry="geometry", crs=4326)


def dataframe(records: Any, library: str) -> Any:
    if library == "polars":
        polars = needed("polars", "to_dataframe(library='polars')")
        from .arrow import records_table

        return polars.from_arrow(records_table(records))
    if library != "pandas":
        raise ValueError(f"library is 'pandas' or 'polars', not {library!r}")
    pandas = needed("pandas", "to_dataframe()")
    columns = record_columns(list(each(records)))
    return pandas.DataFrame({name: _series(pandas, name, values) for name, values in columns.items()})


def _series(pandas: Any, name: str, values: list[Any]) -> Any:
    """A column of a type that holds every value: pandas' own guess makes floats of whole numbers with a gap."""
    if is_datetime(name) and looks_like_datetimes(values):
        made = _datetimes(pandas, values)
        if made is not None:
            return made
    kinds = set(map(type, values))
    missing = type(None) in kinds
    kinds.discard(type(None))
    if kinds == {bool} and missing:
        return pandas.array(values, dtype="boolean")
    if kinds == {int} and missing:
        fits = all(value is None or -(1 << 63) <= value < 1 << 63 for value in values)
        return pandas.array(values, dtype="Int64") if fits else pandas.Series(values, dtype=object)
    if kinds == {int, float}:
        fits = all(abs(value) <= _EXACT for value in values if type(value) is int)
        return pandas.Series(values, dtype=float if fits else object)
    if len(kinds) == 1 and kinds <= {int, float, bool, str}:
        with suppress(UnicodeEncodeError):  # half a surrogate pair, which a column of text cannot hold
            return pandas.Series(values)
    return pandas.Series(values, dtype=object)


def _datetimes(pandas: Any, values: list[Any]) -> Any:
    """The column in UTC, or None if it cannot be one."""
    if not any(value is not None for value in values):
        return pandas.Series(pandas.to_datetime(values, utc=True))
    try:
        made = pandas.Series(pandas.to_datetime(values, utc=True, format="ISO8601"))
    except (ValueError, OverflowError):
        # Years that a count of nanoseconds does not reach to.
        found = datetimes_of(values)
        return None if found is None else pandas.Series(found, dtype="datetime64[us, UTC]")
    # pandas counts beyond the years that Python, and so its own printing, knows.
    return made if made.dt.unit == "ns" or made.dt.year.dropna().between(1, 9999).all() else None
