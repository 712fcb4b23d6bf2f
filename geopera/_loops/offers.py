"""Which of the loops an operation offers: what completion shows of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..manifest import Operation

__all__ = ["unable"]

_NO_FILE = frozenset({"external_spend", "destructive"})


def unable(operation: Operation) -> frozenset[str]:
    """The names of the methods that an operation cannot use, or only with more than the manifest knows."""
    from .uploads import upload_rules

    able: set[str] = set()
    if operation.paging is not None:
        able |= {"pages", "iter"}
    if operation.streaming:
        able |= {"iter", "download"}
    else:
        able |= {"map"}
    if operation.polling is not None:
        able |= {"wait"}
    if _gives_files(operation):
        able |= {"download"} if operation.spends else {"download", "download_many"}
    if operation.id in upload_rules():
        able |= {"upload"}
    return frozenset({"pages", "iter", "wait", "map", "download", "download_many", "upload"} - able)


def _gives_files(operation: Operation) -> bool:
    """A binary response, a list of assets, or an open response that may name a URL."""
    from .many import listing_rule

    if operation.binary or listing_rule(operation.id) is not None:
        return True
    listed = operation.paging is not None or operation.polling is not None or operation.streaming
    return not listed and not operation.output and operation.side_effect not in _NO_FILE
