"""Owns knowing whether anything goes on in the background, so that nobody leaves in its midst."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Engaged:
    """Counts who is at work; for any number of threads."""

    def __init__(self) -> None:
        """Nobody is."""
        self._count = 0
        self._lock = Lock()

    def __bool__(self) -> bool:
        """Whether anybody is."""
        return self._count > 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Somebody is, in here."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, change: int) -> None:
        with self._lock:
            self._count += change
