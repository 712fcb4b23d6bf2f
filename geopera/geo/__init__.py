"""Tables of features: geopandas, Arrow, GeoParquet and pystac from any iterable of features; pandas and polars from records.

What lives here reads plain mappings and knows nothing of the client; the methods of results and iterators lead
here. The libraries are imported when a function needs them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from pathlib import Path
    from typing import Any

__all__ = ["to_arrow", "to_dataframe", "to_geodataframe", "to_parquet", "to_pystac"]


def to_geodataframe(features: Iterable[Any]) -> Any:
    """A table of features, with their geometries in longitude and latitude (EPSG:4326).

    The index is the feature's id. Columns are ``geometry``, ``collection``, the properties, and the other members of a
    feature (``bbox``, ``assets``, ``links``, …). Datetimes are in UTC. A property named as a member of the
    feature, for example ``id``, is the column ``properties.id``.

    Args:
        features: A page, an iterator, a list or any other iterable of features or pages of features.

    Returns:
        A ``geopandas.GeoDataFrame``; an empty one has its reference system too.

    Raises:
        ImportError: If geopandas is missing.
        ValueError: If a value is not a feature, or its geometry is invalid.
    """
    from .frames import geodataframe

    return geodataframe(features)


def to_dataframe(records: Iterable[Any], library: str = "pandas") -> Any:
    """A table of records: orders, transactions, collections and the like.

    Args:
        records: A page, an iterator, a list or any other iterable of records or pages of records.
        library: "pandas" or "polars".

    Returns:
        A ``pandas.DataFrame`` or a ``polars.DataFrame``, with a column for each member. Datetimes are in UTC.

    Raises:
        ImportError: If the library is missing.
        ValueError: If `library` is another one.
    """
    from .frames import dataframe

    return dataframe(records, library)


def to_arrow(features: Iterable[Any]) -> Any:
    """An Arrow table of features, in the layout of stac-geoparquet; geometries are WKB.

    A column whose values have no common Arrow type holds JSON text, and its field the metadata ``encoding: json``.

    Args:
        features: As for `to_geodataframe`.

    Returns:
        A ``pyarrow.Table``.

    Raises:
        ImportError: If pyarrow or shapely is missing.
        ValueError: If a value is not a feature, or its geometry is invalid.
    """
    from .arrow import table

    return table(features)


def to_parquet(features: Iterable[Any], path: str | PathLike[str]) -> Path:
    """Write features to a GeoParquet file, in the layout of stac-geoparquet.

    Features are written as they are read, in little memory, however many there are. The file is whole or not there,
    also when the iterable breaks off; what was at the path before stays until then.

    Args:
        features: As for `to_geodataframe`.
        path: The file.

    Returns:
        The path.

    Raises:
        ImportError: If pyarrow or shapely is missing.
        OSError: If the file cannot be written.
        ValueError: If a value is not a feature, or its geometry is invalid.
    """
    from .parquet import write

    return write(features, path)


def to_pystac(features: Any) -> Any:
    """The features as pystac objects.

    Args:
        features: As for `to_geodataframe`, or one feature.

    Returns:
        A ``pystac.ItemCollection``; of one feature a ``pystac.Item``.

    Raises:
        ImportError: If pystac is missing.
        ValueError: If a value is not a STAC item.
    """
    from .items import pystac_of

    return pystac_of(features)
