"""Owns taking frames off a line: written as they come, answered once safe, accepted at the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from appliance.convert import message
from appliance.errors import DiskFull, FrameTooLong, LineErrors
from appliance.sources.line.evidence import Session
from appliance.sources.line.frames import Data, End, Frames, How, Reply
from appliance.sources.line.staging import Piece

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.board.tty import Line
    from appliance.clock import Clock
    from appliance.errors import Ignored, Notice, Quarantined
    from appliance.settings.links import SerialLink
    from appliance.settings.schema import Profile
    from appliance.sources.line.frames import Step
    from appliance.sources.line.staging import Staging

_SYNC_S = 1.0
"""How much of a frame a pulled plug may cost where the device hears no answers."""

_HANDSHAKE_IDLES = 6  # E1381 6.5.2: the receiver waits 30 s for the next frame
_SESSION_IDLES = 4
_AT_ONCE_BYTES = 1 << 18
_STOPPED = "its end, or its beginning, did not come"
_WHOLE = frozenset({How.END, How.ASTM, How.MLLP})
_UNCHECKED = frozenset({How.END, How.MLLP, How.NOISE, How.BROKEN})
"""Ends of frames that carry no check sums."""


class Capture:
    """One open line; belongs to one thread."""

    def __init__(
        self, link: SerialLink, profile: Profile | None, staging: Staging, clock: Clock
    ) -> None:
        """Nothing came yet."""
        self._link = link
        self._staging = staging
        self._clock = clock
        start, end = bytes.fromhex(link.start_bytes), bytes.fromhex(link.end_bytes)
        self._frames = Frames(start, end, link.max_kib << 10)
        self._session = Session(staging, profile)
        self._open: tuple[Path, BinaryIO] | None = None
        self._ended: Piece | None = None
        self._waiting: list[Step] = []
        self._last_byte_s = self._last_data_s = self._synced_s = clock.monotonic()
        self._listening_s: float | None = None  # since when, without a break
        self._heard_nothing = True  # since then
        self._errors: int | None = None  # of the line, when all was quiet
        self._taken = 0
        self.notice: Notice | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a frame is coming."""
        return self._frames.is_open

    def turn(self, line: Line) -> tuple[int, float | None]:
        """Take what is there; how many files were accepted, and when to look again.

        Raises SerialUnplugged, DiskFull.
        """
        self._taken = 0
        try:
            self._work_off(line)
            # Before anything else is read: it may have come long after.
            if self._session_left_s() <= 0:
                self._end_session()
            if not self._frames.is_open:
                self._staging.must_have_room()
            return self._taken, self._listen(line)
        except DiskFull:
            self._turn_away()
            raise

    def hang_up(self) -> int:
        """The line is gone: what was coming is cut off, its session over; how many were accepted.

        Raises DiskFull; what stays in the staging folder is an earlier run's.
        """
        self._taken = 0
        for step in self._waiting:
            match step:
                case Data():
                    self._write(step.content)
                case End() if self._open:
                    self._close(step.how)
        for step in self._frames.quiet():
            if isinstance(step, Data):
                self._write(step.content)
        if self._open:
            self._file_cut(self._close(How.BROKEN))
        self._end_session()
        return self._taken

    def _listen(self, line: Line) -> float | None:
        """Take what has come, so much at once; in how many seconds to listen again."""
        if self._listening_s is None:
            self._listening_s, self._errors = self._clock.monotonic(), line.errors()
        left = _AT_ONCE_BYTES
        while left > 0 and (content := self._read(line)):
            left -= len(content)
            self._hear(content, line)
            self._work_off(line)
        self._sync_now_and_then()
        return 0 if left <= 0 else self._after_silence(line)

    def _read(self, line: Line) -> bytes:
        """What has come; what was counted before nothing came is no frame's."""
        errors = line.errors()
        if not (content := line.read()) and not self._frames.is_open:
            self._errors = errors
        return content

    def _hear(self, content: bytes, line: Line) -> None:
        self._last_byte_s = self._clock.monotonic()
        listened_s = self._last_byte_s - (self._listening_s or 0)
        if self._heard_nothing and listened_s < self._link.idle_s:
            self._frames.joined_late()
        self._heard_nothing = False
        steps = self._doubted(self._frames.feed(content), line)
        self._waiting += steps
        # What a device says all the time to say nothing keeps no session open.
        if any(isinstance(step, Data | End) for step in steps):
            self._last_data_s = self._last_byte_s

    def _doubted(self, steps: list[Step], line: Line) -> list[Step]:
        """The same; frames without check sums that end after the line failed are not whole."""
        errors = line.errors()
        if errors == self._errors or None in {errors, self._errors}:
            return steps
        return [
            End(How.DISTURBED) if isinstance(step, End) and step.how in _UNCHECKED else step
            for step in steps
        ]

    def _turn_away(self) -> None:
        """Nobody listens for a while; what comes meanwhile may be lost."""
        if self._frames.is_open:
            self._frames.joined_late()
        self._listening_s, self._heard_nothing = None, True

    def _after_silence(self, line: Line) -> float | None:
        """End what the quiet ends; in how many seconds it may end more."""
        quiet_s = self._clock.monotonic() - self._last_byte_s
        patience_s = self._link.idle_s * (_HANDSHAKE_IDLES if self._frames.is_handshake else 1)
        if self._frames.is_open:
            if quiet_s < patience_s:
                return patience_s - quiet_s
            self._waiting += self._doubted(self._frames.quiet(), line)
            self._work_off(line)
        if not self._session.is_open:
            return None
        if (left_s := self._session_left_s()) > 0:
            return left_s
        self._end_session()
        return None

    def _session_left_s(self) -> float:
        quiet_s = self._clock.monotonic() - self._last_data_s
        return self._link.idle_s * _SESSION_IDLES - quiet_s

    def _end_session(self) -> None:
        if self._session.is_open:
            taken, self.notice = self._session.end()
            self._taken += taken

    # Steps; one that a full card stopped is done again

    def _work_off(self, line: Line) -> None:
        while self._waiting:
            match step := self._waiting[0]:
                case Data(content) if content:
                    self._waiting[0] = Data(content[self._write(content) :])
                    continue
                case Data():
                    pass
                case Reply():
                    self._sync()
                    line.write(step.content)
                case End():
                    self._finish(step, line)
            self._waiting.pop(0)

    def _write(self, content: bytes) -> int:
        """How much of it was written; a card may have room for a part."""
        if self._open is None:
            self._open = self._staging.draft()
        return self._staging.write(self._open[1], content)

    def _sync(self) -> None:
        if self._open:
            os.fdatasync(self._open[1].fileno())
            self._synced_s = self._clock.monotonic()

    def _sync_now_and_then(self) -> None:
        if self._clock.monotonic() - self._synced_s >= _SYNC_S:
            self._sync()

    # Frames

    def _finish(self, end: End, line: Line) -> None:
        if self._open:
            self._ended = self._close(end.how)
        if self._ended:
            self._accept(self._ended, end.how, line)
            self._ended = None
        elif end.how not in _WHOLE:
            self._session.doubt()

    def _close(self, how: How) -> Piece:
        """Only a whole frame gets a name: after a power cut nobody knows how another ended."""
        path, file = self._open or self._staging.draft()
        if how in _WHOLE:
            piece = self._staging.finished(path, file)
        else:
            file.close()
            piece = Piece(path, self._staging.name_for(path))
        self._open = None
        return piece

    def _accept(self, piece: Piece, how: How, line: Line) -> None:
        match how:
            case How.TOO_LONG:
                self._reject(piece, FrameTooLong(name=piece.name, most_kib=self._link.max_kib))
            case How.DISTURBED:
                self._reject(piece, LineErrors(name=piece.name))
            case How.BROKEN | How.NOISE:
                self._file_cut(piece)
            case How.MLLP:
                self._answer(piece, line)
            case How.END | How.ASTM:
                self._file(piece)

    def _file_cut(self, piece: Piece) -> None:
        """Only what its own format says to be whole is."""
        if problem := self._staging.judged(piece, ended=False, doubt=_STOPPED):
            self._reject(piece, problem)
        else:
            self._taken += self._session.add_image(piece)

    def _answer(self, piece: Piece, line: Line) -> None:
        """Keep an HL7 message; then, and only then, say so (MLLP release 1, 2.2)."""
        content = piece.path.read_bytes()
        understood = self._file(piece)
        code, now = "AA" if understood else "AE", self._clock.utc().strftime("%Y%m%d%H%M%S")
        line.write(b"\x0b" + message.answer(content[: message.MOST_BYTES], code, now) + b"\x1c\r")

    def _file(self, piece: Piece) -> bool:
        """Put a whole frame where it belongs; whether it is a message that was understood."""
        if piece.path.suffix in {message.HL7, message.ASTM}:
            understood = self._session.add_message(piece)
            self._taken += 1
            return understood
        if problem := self._staging.judged(piece):
            self._reject(piece, problem)
        else:
            self._taken += self._session.add_image(piece)
        return False

    def _reject(self, piece: Piece, problem: Quarantined | Ignored) -> None:
        """What is not understood may have been a message about somebody else."""
        self._staging.take(piece, problem)
        self._session.doubt()
        self._taken += 1
