"""The pixels of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def open_asset(asset: Mapping[str, Any], **options: Any) -> Any:
    """Open the raster of an asset with rasterio.

    The asset's URL is read as it is: sign its item first if it needs a signature. Neither the token nor the headers
    of a client are sent.

    Args:
        asset: A STAC asset, with an ``href``.
        options: What ``rasterio.open`` takes.

    Returns:
        A ``rasterio.DatasetReader``, which is a context manager.

    Raises:
        ImportError: If rasterio is missing.
        rasterio.errors.RasterioIOError: If the file cannot be read.
    """
    try:
        import rasterio  # type: ignore[import-untyped]
    except ImportError as exc:
        raise ImportError("open() needs rasterio: pip install rasterio", name="rasterio") from exc
    return rasterio.open(asset["href"], **options)
