"""``GEOPERA_LOG``: logging turned on from the environment, on standard error."""

from __future__ import annotations

_on = False


def turn_on(level: str) -> None:
    """Show the log of this package from `level` up, ``debug`` or ``info``. Raises ValueError for another level."""
    global _on
    import logging

    from .._display.safe import safe

    if level.lower() not in ("debug", "info"):
        raise ValueError(f"GEOPERA_LOG is 'debug' or 'info', not {level!r}")
    logger = logging.getLogger("geopera")
    logger.setLevel(level.upper())
    if not _on:
        _on = True
        handler = logging.StreamHandler()

        class Harmless(logging.Formatter):
            def format(self, record: logging.LogRecord) -> str:
                return safe(super().format(record))  # a server chooses request ids

        handler.setFormatter(Harmless("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
