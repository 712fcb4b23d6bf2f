"""The footprints of a page on a map, drawn by folium."""

from __future__ import annotations

from .plain import plain
from .table import Columns, cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["explore"]

_COLUMNS = 8
_MOST = 2_000


def explore(page: Any, **options: Any) -> Any:
    """Draw the footprints of a page's records on a map; a footprint shows its fields under the pointer.

    The browser that shows the map fetches its tiles; the records are part of the map and are sent nowhere.

    Args:
        page: A page, or a list of features.
        options: Options of ``folium.Map``, such as ``tiles`` and ``height``.

    Returns:
        A ``folium.Map``, which shows itself in a notebook and has a ``save(path)``.

    Raises:
        ImportError: If folium is missing; the extra ``geopera[map]`` has it.
        ValueError: If no record has a geometry.
    """
    try:
        import folium  # type: ignore[import-untyped,unused-ignore]
    except ImportError as exc:
        raise ImportError('maps need an extra: pip install "geopera[map]>=3"') from exc
    records = [record for record in page.records[:_MOST] if _geometry(record)]
    if not records:
        raise ValueError("nothing to draw: no record has a geometry")
    columns = Columns(records, _COLUMNS, nested=False)
    features = [
        {
            "type": "Feature",
            "geometry": _geometry(record),
            # folium puts properties into the page as HTML.
            "properties": {
                f"c{i}": _escaped(cell(value, 72)) for i, value in enumerate(row[: len(columns.names)])
            },
        }
        for record, row in zip(records, columns.rows, strict=True)
    ]
    drawn: Any = folium.Map(**options)
    tooltip = folium.GeoJsonTooltip(
        fields=[f"c{i}" for i in range(len(columns.names))],
        aliases=[_escaped(cell(str(name), 40)) for name in columns.names],
    )
    layer = folium.GeoJson({"type": "FeatureCollection", "features": features}, tooltip=tooltip)
    layer.add_to(drawn)
    drawn.fit_bounds(layer.get_bounds())
    return drawn


def _geometry(record: Any) -> Any:
    """The GeoJSON geometry of a record as plain JSON; None without one."""
    fields = plain(record)
    geometry: Any = fields.get("geometry") if isinstance(fields, dict) else None
    found = geometry.to_dict() if hasattr(geometry, "to_dict") else plain(geometry)
    return found if isinstance(found, dict) and found.get("type") else None


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
