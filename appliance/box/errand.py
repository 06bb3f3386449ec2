"""Owns work that takes longer than a call: one piece at a time, its progress for whoever looks."""

from __future__ import annotations

import logging
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from appliance.errors import OtherHandover, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.box.engaged import Engaged

_log = logging.getLogger(__name__)


class Errand:
    """What goes on, or what became of the last one."""

    def __init__(self, engaged: Engaged) -> None:
        """Nothing was begun yet; `engaged` hears while something goes on."""
        self._engaged = engaged
        self._lock = Lock()
        self._said: dict[str, Any] = {"name": "", "state": "none"}
        self._thread: Thread | None = None

    def start(self, name: str, act: Callable[[], Mapping[str, Any]]) -> None:
        """Begin in the background. Raises OtherHandover while the one before goes on."""
        with self._lock:
            if self._said["state"] == "running":
                raise OtherHandover
            self._said = {"name": name, "state": "running", "done_bytes": 0}
            self._thread = Thread(target=self._work, args=(name, act), name=name, daemon=True)
        self._thread.start()

    def tell(self, done_bytes: int) -> None:
        """How far it is."""
        with self._lock:
            self._said["done_bytes"] = done_bytes

    def said(self) -> dict[str, Any]:
        """Its `name`, `state` (none, running, done, failed), and what came of it."""
        with self._lock:
            return dict(self._said)

    def join(self) -> None:
        """Wait until it is over."""
        if self._thread:
            self._thread.join()

    def _work(self, name: str, act: Callable[[], Mapping[str, Any]]) -> None:
        with self._engaged.at_work():
            try:
                outcome = {"state": "done", "result": dict(act())}
            except Problem as problem:
                _log.warning("%s: %s", name, problem)
                told = {"sentence": problem.sentence, "code": problem.code, "hint": problem.hint}
                outcome = {"state": "failed", "problem": told}
            except BaseException:
                self._end({"state": "failed", "problem": None})
                raise
            self._end(outcome)

    def _end(self, outcome: Mapping[str, Any]) -> None:
        with self._lock:
            self._said.update(outcome)
