"""The same functions as methods, for what holds or yields features and records."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Any

__all__ = ["TABLES", "AsyncTables", "Tables"]

TABLES = frozenset(("to_arrow", "to_dataframe", "to_geodataframe", "to_parquet", "to_pystac"))


class Tables:
    """Tables of the features or records in this object; see `geopera.geo`."""

    __slots__ = ()

    def to_geodataframe(self) -> Any:
        """A ``geopandas.GeoDataFrame`` of the features, by id; see `geopera.geo.to_geodataframe`."""
        from . import to_geodataframe

        return to_geodataframe(self)  # type: ignore[arg-type]

    def to_dataframe(self, library: str = "pandas") -> Any:
        """A table of the records, of pandas or polars; see `geopera.geo.to_dataframe`."""
        from . import to_dataframe

        return to_dataframe(self, library)  # type: ignore[arg-type]

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table`` of the features; see `geopera.geo.to_arrow`."""
        from . import to_arrow

        return to_arrow(self)  # type: ignore[arg-type]

    def to_parquet(self, path: str | PathLike[str]) -> Path:
        """Write the features to a GeoParquet file, as they come; see `geopera.geo.to_parquet`."""
        from . import to_parquet

        return to_parquet(self, path)  # type: ignore[arg-type]

    def to_pystac(self) -> Any:
        """A ``pystac.ItemCollection`` of the features; see `geopera.geo.to_pystac`."""
        from . import to_pystac

        return to_pystac(self)


class AsyncTables:
    """The same for an async iterator; each method is awaited."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __aiter__(self) -> Any: ...

    async def to_geodataframe(self) -> Any:
        """A ``geopandas.GeoDataFrame`` of the features, by id; see `geopera.geo.to_geodataframe`."""
        from . import to_geodataframe

        return to_geodataframe([one async for one in self])

    async def to_dataframe(self, library: str = "pandas") -> Any:
        """A table of the records, of pandas or polars; see `geopera.geo.to_dataframe`."""
        from . import to_dataframe

        return to_dataframe([one async for one in self], library)

    async def to_arrow(self) -> Any:
        """A ``pyarrow.Table`` of the features; see `geopera.geo.to_arrow`."""
        from . import to_arrow

        return to_arrow([one async for one in self])

    async def to_parquet(self, path: str | PathLike[str]) -> Path:
        """Write the features to a GeoParquet file, as they come; see `geopera.geo.to_parquet`."""
        from anyio import to_thread

        from .parquet import Writer
        from .rows import BATCH

        with Writer(path) as writer:
            batch: list[Any] = []
            async for one in self:
                batch.append(one)
                if len(batch) >= BATCH:
                    await to_thread.run_sync(writer.add, batch)
                    batch = []
            await to_thread.run_sync(writer.add, batch)
            return await to_thread.run_sync(writer.finish)

    async def to_pystac(self) -> Any:
        """A ``pystac.ItemCollection`` of the features; see `geopera.geo.to_pystac`."""
        from . import to_pystac

        return to_pystac([one async for one in self])
