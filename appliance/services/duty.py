"""Owns what every service needs first: where, when, settings, signals, a sign of life."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from appliance.board.journald import JournaldHandler
from appliance.board.systemd import Notifier, inherited_sockets
from appliance.clock import Clock, SystemClock
from appliance.errors import DiskFull, JournalFault, Problem
from appliance.journal.bell import Bell, hang, ring
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from appliance.settings.current import Current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from appliance.journal.bell import HasFileno

SAFETY_SCAN_S = 60.0
"""How long anybody sleeps at most: what a lost ring would have told, is then seen all the same."""

_AFTER_TROUBLE_S = 5.0

_log = logging.getLogger(__name__)

_PRIORITIES = {logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Duty:
    """One service process."""

    name: str
    paths: Paths
    settings: Current
    bell: Bell
    doors: tuple[socket.socket, ...] = ()  # that were opened for it: ports below 1024
    clock: Clock = field(default_factory=SystemClock)
    notifier: Notifier = field(default_factory=Notifier)
    leaving: Event = field(default_factory=Event)

    @contextmanager
    def journal(self, *, shared: bool = False) -> Iterator[Journal]:
        """A journal of its own for the calling thread; its claims end with the block.

        `shared`: for several threads that take turns.
        """
        worker = Worker(self.paths.run, self.name)
        journal = Journal(self.paths, worker, self.clock, shared=shared)
        try:
            yield journal
        finally:
            journal.close()
            worker.retire()

    def ring(self, *names: str) -> None:
        """Wake other services."""
        ring(self.paths.run, *names)

    def loop(self, turn: Callable[[], float], *others: HasFileno) -> None:
        """Call `turn` until told to leave; it returns for how many seconds nothing is to do,
        unless somebody rings or one of the others becomes readable.
        """
        self.notifier.ready()
        while not self.leaving.is_set():
            self.notifier.beat()
            rest_s = min(patiently(turn), SAFETY_SCAN_S, self.notifier.beat_every_s)
            if rest_s > 0 and not self.leaving.is_set():
                self.bell.wait(rest_s, *others)
        self.notifier.stopping()


def patiently(turn: Callable[[], float]) -> float:
    """One turn; where the disk is full or the journal out of reach, a rest before the next.

    Nothing was acknowledged and nothing is forgotten: the same work is there next time.
    """
    try:
        return turn()
    except (DiskFull, JournalFault) as problem:
        _log.error("%s %s", problem, problem.hint)
        return _AFTER_TROUBLE_S


def on_duty(name: str, argv: list[str] | None = None) -> Duty:
    """Set this process up as the service `name` from its command line."""
    parser = argparse.ArgumentParser(prog=f"jembatan-{name}")
    parser.add_argument("--root", type=Path, required=True, help="where all state lives")
    parser.add_argument("--run", type=Path, help="where sockets live; default ROOT/run")
    options = parser.parse_args(argv)
    return duty(name, paths_of(options.root, options.run))


def duty(name: str, paths: Paths) -> Duty:
    """The same, for given paths."""
    log_to_stderr()
    inherited = inherited_sockets()
    bells = [each for each in inherited if each.type == socket.SOCK_DGRAM]
    doors = tuple(each for each in inherited if each.type == socket.SOCK_STREAM)
    bell = Bell(bells[0] if bells else hang(paths.run, name))
    service = Duty(name, paths, Current(paths.root), bell, doors)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _leave(service))
    return service


def paths_of(root: Path, run: Path | None) -> Paths:
    """The paths of a box, absolute."""
    return Paths(root.resolve(), (run or root / "run").resolve())


def main(work: Callable[[Duty], None], name: str, argv: list[str] | None = None) -> None:
    """Run a service; what it cannot go on with is one sentence in the log and exit status 1."""
    try:
        work(on_duty(name, argv))
    except Problem as problem:
        logging.getLogger(__name__).critical("%s %s", problem, problem.hint)
        sys.exit(1)


def log_to_stderr() -> None:
    """One line an event; to journald itself where it listens, with what support may see."""
    logging.basicConfig(level=logging.INFO, handlers=[_handler()], force=True)
    sys.excepthook = _last_words
    threading.excepthook = lambda told: _last_words(*told[:3])
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    for chatty in ("SMB", "NMB"):  # pysmb, on every connection
        logging.getLogger(chatty).setLevel(logging.ERROR)


def _handler() -> logging.Handler:
    if "JOURNAL_STREAM" in os.environ:
        with suppress(OSError):
            return JournaldHandler()
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    return handler


def _last_words(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """What nobody foresaw ends a thread, or the service."""
    if error is not None and not isinstance(error, SystemExit):
        _log.critical("it ended by an error nobody foresaw", exc_info=(kind, error, trace))


class _Line(logging.Formatter):
    def __init__(self) -> None:
        self._journald = "JOURNAL_STREAM" in os.environ
        line = "%(message)s" if self._journald else "%(asctime)s %(message)s"
        super().__init__(line, "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{line}" if self._journald else line


def _leave(service: Duty) -> None:
    service.leaving.set()
    ring(service.paths.run, service.name)  # wakes our own wait
