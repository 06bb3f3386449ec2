"""Owns a serial source: opens its line, again when the adapter comes back, and says how it is.

What comes is either frames (`capture`) or files (`transfer`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.board.tty import open_line
from appliance.errors import (
    DiskFull,
    HandedOver,
    Notice,
    SerialDenied,
    SerialUnplugged,
    StagingFailed,
)
from appliance.intake.accept import shown_name
from appliance.settings.links import Protocol
from appliance.sources.line.capture import Capture
from appliance.sources.line.staging import Piece, Staging, is_draft, sent_name
from appliance.sources.line.transfer import Transfer, trim

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.board.tty import Line
    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import SerialLink
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)

_RETRY_S = 2.0
_ROOM_S = 10.0


class SerialSource:
    """One serial line; belongs to one thread."""

    def __init__(
        self,
        source: SerialLink,
        profile: Profile | None,
        journal: Journal,
        intake: Intake,
        clock: Clock,
        folder: Path,
    ) -> None:
        """Listen from the first `turn` on; `folder` is the source's own, on the box."""
        self._source = source
        self._profile = profile
        self._journal = journal
        self._clock = clock
        self._staging = Staging(folder, source, profile, intake, clock)
        self._line: Line | None = None
        self._worker = self._new_worker()
        self._has_leftovers = True
        self._unread: StagingFailed | None = None
        self._said: tuple[str, str] = ("", "")

    def _new_worker(self) -> Capture | Transfer:
        if self._source.protocol is Protocol.CAPTURE:
            return Capture(self._source, self._profile, self._staging, self._clock)
        return Transfer(self._source, self._staging, self._clock)

    def fileno(self) -> int | None:
        """Readable when something has come; None while there is no line."""
        if isinstance(self._worker, Transfer):
            return self._worker.fileno()
        return self._line.fileno() if self._line else None

    def close(self) -> None:
        """Stop listening; what is half here is judged as it is."""
        if self._line:
            self._hang_up(self._line)

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Take what can be taken now; how many files, and in how many seconds to come again."""
        taken = 0
        try:
            taken += self._take_leftovers()
            if self._line is None:
                self._line = open_line(self._source)
                self._staging.listen()
            more, wait_s = self._worker.turn(self._line)
        except (SerialUnplugged, SerialDenied) as problem:
            if self._line:
                taken += self._hang_up(self._line)
            self._say(problem)
            return taken, _RETRY_S
        except DiskFull as problem:
            if self._line and isinstance(self._worker, Transfer):
                taken += self._hang_up(self._line)  # half a file is none of the next session's
            self._say(problem)
            return taken, _ROOM_S
        except OSError as error:
            if self._line:
                taken += self._hang_up(self._line)
            self._say(_failed(self._staging.folder, error))
            return taken, _ROOM_S
        self._say(elsewhere or self._worker.notice or self._unread)
        return taken + more, wait_s

    def _hang_up(self, line: Line) -> int:
        """Close the line; what a full card, or a handover, keeps out is taken later."""
        worker, self._worker = self._worker, self._new_worker()
        self._line, self._has_leftovers = None, True
        if isinstance(worker, Transfer):
            worker.stop(line)
        line.close()
        self._staging.deafen()
        try:
            return worker.hang_up()
        except (DiskFull, HandedOver, OSError):
            return 0

    def _take_leftovers(self) -> int:
        """What an earlier run left, without any message's word on it; how many there were.

        One that cannot be read keeps neither the others nor the line.
        """
        if not self._has_leftovers or self._line:
            return 0
        taken, self._unread = 0, None
        for path in self._leftovers():
            try:
                taken += self._take_leftover(path)
            except OSError as error:
                self._unread = _failed(path, error)
        self._has_leftovers = False
        return taken

    def _leftovers(self) -> list[Path]:
        try:
            return list(self._staging.leftovers())
        except OSError as error:
            self._unread = _failed(self._staging.folder, error)
            return []

    def _take_leftover(self, path: Path) -> int:
        if path.stat().st_size == 0:
            path.unlink()
            return 0
        captured = self._source.protocol is Protocol.CAPTURE
        ended = captured and not is_draft(path)
        if self._source.protocol is Protocol.XMODEM:
            trim(path)
        sent = self._source.protocol in {Protocol.YMODEM, Protocol.ZMODEM}
        name = sent_name(path) if sent or ended else self._staging.name_for(path)
        piece = Piece(path, name)
        self._staging.take(piece, self._staging.judged(piece, ended=ended))
        _log.info("%s: took %s, which an earlier run left", self._source.name, name)
        return 1

    def _say(self, trouble: Problem | None) -> None:
        """Tell the journal how the source is doing, when that has changed."""
        state = _STATES.get(type(trouble), "reading" if self._worker.is_busy else "listening")
        saying = (state, trouble.sentence if trouble else "")
        if saying == self._said:
            return
        self._said = saying
        fine = trouble is None or isinstance(trouble, Notice)
        self._journal.custody.set_place("source", self._source.name, state, trouble, ok=fine)
        if trouble:
            _log.warning("%s: %s %s", self._source.name, trouble, trouble.hint)
        else:
            _log.info("%s: %s on %s", self._source.name, state, self._source.path)


_STATES: dict[type[Problem] | type[None], str] = {
    SerialUnplugged: "unplugged",
    SerialDenied: "denied",
    DiskFull: "full",
    StagingFailed: "denied",
}


def _failed(path: Path, error: OSError) -> StagingFailed:
    return StagingFailed(path=shown_name(str(path)), why=error.strerror)
