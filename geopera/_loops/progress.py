"""Progress bars: tqdm's, in a terminal or a notebook, or none."""

from __future__ import annotations

from _thread import allocate_lock
from typing import Any


class Silent:
    """A bar that shows nothing."""

    __slots__ = ()

    def update(self, count: int) -> None: ...

    def move(self, count: int) -> None: ...

    def total(self, count: int | None) -> None: ...

    def tell(self, text: str) -> None: ...

    def close(self) -> None: ...


class Bar(Silent):
    """A bar of tqdm's."""

    __slots__ = ("_bar",)

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def update(self, count: int) -> None:
        self._bar.update(count)

    def move(self, count: int) -> None:
        """Go on, or back, without counting it as speed."""
        self._bar.n += count
        self._bar.last_print_n = self._bar.n

    def total(self, count: int | None) -> None:
        if count is not None and count != self._bar.total:
            self._bar.total = count
            self._bar.refresh()

    def tell(self, text: str) -> None:
        self._bar.set_postfix_str(text)

    def close(self) -> None:
        self._bar.close()


class SharedBar:
    """One bar for many files; its total grows as their lengths become known."""

    def __init__(self, bar: Silent) -> None:
        self._bar = bar
        self._lock = allocate_lock()
        self._total = 0

    def part(self) -> Silent:
        """The bar of one file."""
        return _BarPart(self)

    def update(self, count: int) -> None:
        with self._lock:
            self._bar.update(count)

    def move(self, count: int) -> None:
        with self._lock:
            self._bar.move(count)

    def grow(self, count: int) -> None:
        with self._lock:
            self._total += count
            self._bar.total(self._total)


class _BarPart(Silent):
    __slots__ = ("_known", "_shared")

    def __init__(self, shared: SharedBar) -> None:
        self._shared = shared
        self._known = 0

    def update(self, count: int) -> None:
        self._shared.update(count)

    def move(self, count: int) -> None:
        self._shared.move(count)

    def total(self, count: int | None) -> None:
        if count is not None:
            self._shared.grow(count - self._known)
            self._known = count


def needs_tqdm(wanted: Any) -> None:
    """Raises ImportError, naming the extra to install, where a bar is wanted and tqdm is missing."""
    if wanted:
        from warnings import catch_warnings, simplefilter

        try:
            with catch_warnings():
                simplefilter("ignore")  # in a notebook without ipywidgets the bar is one of text
                import tqdm.auto  # type: ignore[import-untyped]  # noqa: F401
        except ImportError as exc:
            raise ImportError("progress=True needs tqdm: pip install 'geopera[progress]>=3'") from exc


def progress_bar(wanted: Any, label: str, unit: str, *, total: int | None = None) -> Silent:
    """A bar where it is wanted. `unit` is what is counted, "B" for bytes, which are scaled."""
    if not wanted:
        return Silent()
    from tqdm.auto import tqdm

    scaled = unit == "B"
    options = {"unit_scale": True} if scaled else {}
    return Bar(tqdm(desc=label, total=total, unit=unit if scaled else f" {unit}", **options))
