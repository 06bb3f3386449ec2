"""Owns the rows of many connections at once: what waits together is committed together.

An fsync for each object would be the limit of how many can be accepted in a second. So whoever
comes to the journal first writes for all who wait, and they find it done.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.journal.arrivals import Accepted, Received
    from appliance.journal.journal import Journal

T = TypeVar("T")


class Registrar:
    """A journal that several threads use in turn."""

    def __init__(self, journal: Journal, accepted: Callable[[], None]) -> None:
        """Write to `journal`, a shared one; call `accepted` when something new is in it."""
        self._journal = journal
        self._accepted = accepted
        self._lock = Lock()
        self._waiting: deque[_Order] = deque()

    def add(self, file: Received) -> Accepted:
        """Accept a published file; on the card when this returns. Raises Problem."""
        order = _Order(file)
        self._waiting.append(order)
        with self._lock:
            new = not order.is_over and self._accept()
        if new:
            self._accepted()
        if order.accepted is None:
            raise order.problem
        return order.accepted

    def do(self, deed: Callable[[Journal], T]) -> T:
        """What a deed with the journal returns; what it raises flies."""
        with self._lock:
            return deed(self._journal)

    def _accept(self) -> bool:
        """Commit all that waits now; whether anything of it is new."""
        orders = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            accepted = self._journal.arrivals.add_received([order.file for order in orders])
        except Exception as problem:  # noqa: BLE001 - raised again by each of those who wait
            for order in orders:
                order.is_over, order.problem = True, problem
            return False
        for order, each in zip(orders, accepted, strict=True):
            order.is_over, order.accepted = True, each
        return any(each.new for each in accepted)


class _Order:
    """A file to be accepted, and what came of it."""

    def __init__(self, file: Received) -> None:
        self.file = file
        self.is_over = False
        self.accepted: Accepted | None = None
        self.problem: Exception = LookupError(file.arrival.name)
