"""Owns finding frames in what comes over a line; pure: bytes in, steps out, no clock, no files.

Three kinds are told apart by how they begin: ASTM E1381 (ENQ, then numbered frames with check
sums), HL7 MLLP (VT ... FS CR), and anything else, which begins and ends as the settings say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

ENQ, ACK, NAK, EOT, STX, VT = b"\x05", b"\x06", b"\x15", b"\x04", b"\x02", b"\x0b"
_MLLP_END = b"\x1c"
_BLANK = b"\0\r\n\x04"  # between two frames: the line's own ends of line and of job
_PREAMBLE_BYTES, _DICM = 128, b"DICM"  # PS3.10 7.1: a DICOM file may begin with zeros
_ETX = b"\x03"
_ASTM_FRAME = re.compile(
    rb"\x02([0-7])([^\x02\x03\x05\x17]*)([\x03\x17])([0-9A-Fa-f]{2})\r\n?", re.DOTALL
)
_ASTM_SPOILT = re.compile(
    rb"\x02[^\x02]*?[\x03\x17][^\x02]{0,4}\n|\x02[^\x02]*(?=\x02)", re.DOTALL
)
_OF_A_LINK = (b"\0", b"\r", b"\n", ENQ, ACK, NAK, EOT)
_LONGEST_ASTM_FRAME = 64_000 + 7
_NUMBERS = 8


class How(Enum):
    """How a frame ended."""

    END = auto()  # by its end bytes, or because the line was quiet
    ASTM = auto()  # by EOT
    MLLP = auto()  # by FS
    NOISE = auto()  # it was none: it came outside of one
    BROKEN = auto()  # its beginning or its end was not heard, or the device began again
    TOO_LONG = auto()  # it was cut off
    DISTURBED = auto()  # the line lost or damaged something meanwhile; Frames cannot know


@dataclass(frozen=True, slots=True)
class Data:
    """More of the open frame; the first opens it."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The open frame is over."""

    how: How


@dataclass(frozen=True, slots=True)
class Reply:
    """To be sent once all that came before is safe."""

    content: bytes


Step = Data | End | Reply


class _At(Enum):
    REST = auto()
    RAW = auto()
    NOISE = auto()
    MLLP = auto()
    ASTM = auto()
    SWALLOW = auto()  # the rest of a frame that was too long


class Frames:
    """One line's frames."""

    def __init__(self, start: bytes, end: bytes, most_bytes: int) -> None:
        """Frames begin with `start` and end with `end`, where those are given."""
        self._start, self._end, self._most = start, end, most_bytes
        self._at = _At.REST
        self._pending = b""
        self._length = 0
        self._number = 0
        self._is_late = self._lacks_more = False
        self._steps: list[Step] = []
        self._turns = {
            _At.REST: self._rest,
            _At.RAW: self._raw,
            _At.NOISE: self._noise,
            _At.MLLP: self._mllp,
            _At.ASTM: self._astm,
            _At.SWALLOW: self._swallow,
        }

    @property
    def is_open(self) -> bool:
        """Whether something has begun that has not ended."""
        return self._at is not _At.REST or bool(self._pending.strip(_BLANK))

    @property
    def is_handshake(self) -> bool:
        """Whether a device waits for our answers, and so may be slower."""
        return self._at is _At.ASTM

    def feed(self, content: bytes) -> list[Step]:
        """What to do about `content`."""
        self._pending += content
        self._steps = []
        while self._pending and self._turns[self._at]():
            pass
        return self._steps

    def joined_late(self) -> None:
        """What comes next, or is open, may lack something: for a while nobody listened."""
        self._is_late = True

    def quiet(self) -> list[Step]:
        """What to do where nothing came for a while: whatever is open is over."""
        self._steps = []
        if self._is_open_at_rest():
            self._at = _At.NOISE if self._start else _At.RAW
        if self._at not in {_At.REST, _At.SWALLOW}:
            self._put(self._pending)
            self._over(self._how_in_silence())
        self._pending, self._at = b"", _At.REST
        return self._steps

    def _is_open_at_rest(self) -> bool:
        return self._at is _At.REST and self.is_open

    def _how_in_silence(self) -> How:
        if self._at is _At.NOISE:
            return How.NOISE
        return How.END if self._at is _At.RAW and not self._end else How.BROKEN

    # Steps

    def _put(self, content: bytes) -> None:
        """Keep bytes of the open frame, as many as a frame may have."""
        room = self._most - self._length
        if content[:room]:
            self._steps.append(Data(content[:room]))
            self._length += len(content[:room])
        if len(content) > room:
            self._over(How.TOO_LONG)
            self._at = _At.SWALLOW

    def _over(self, how: How) -> None:
        if self._length or self._lacks_more:
            late = self._is_late and how is How.END
            self._steps.append(End(How.BROKEN if late else how))
        self._length, self._at = 0, _At.REST
        self._is_late = self._lacks_more = False

    def _drop(self, count: int) -> None:
        self._pending = self._pending[count:]

    # Turns: each takes something from what is pending, and says whether there may be more to do

    def _rest(self) -> bool:
        if self._start and self._pending.startswith(self._start):
            return self._begin_raw()
        if self._drop_blank():
            return self._at is not _At.REST
        if self._start and self._start.startswith(self._pending):
            return self._begin_raw()
        if self._pending.startswith(ENQ):
            self._drop(1)
            self._number, self._at = 0, _At.ASTM
            self._steps.append(Reply(ACK))
        elif self._pending.startswith(VT):
            self._drop(1)
            self._at = _At.MLLP
        elif self._start:
            return self._begin_raw()
        elif self._pending:
            self._at = _At.RAW
        return True

    def _drop_blank(self) -> bool:
        """Whether a DICOM file begins, or may: its zeros are its own."""
        after = self._pending.lstrip(_BLANK)
        blank = len(self._pending) - len(after)
        zeros = blank - len(self._pending[:blank].rstrip(b"\0"))
        may_go_on = len(after) < len(_DICM) or zeros >= _PREAMBLE_BYTES
        if self._start or not zeros or not may_go_on or not _DICM.startswith(after[:4]):
            self._drop(blank)
            return False
        self._drop(blank - min(zeros, _PREAMBLE_BYTES))
        if after.startswith(_DICM):
            self._at = _At.RAW
        return True

    def _begin_raw(self) -> bool:
        if self._pending.startswith(self._start):
            self._drop(len(self._start))
            self._at, self._is_late = _At.RAW, False
            return True
        if self._start.startswith(self._pending):
            return False  # perhaps the first of several start bytes
        self._at = _At.NOISE
        return True

    def _raw(self) -> bool:
        found = self._pending.find(self._end) if self._end else -1
        if found >= 0:
            content = self._pending[:found]
            self._drop(found + len(self._end))
            self._put(content)
            if self._at is _At.RAW:
                self._over(How.END)
            self._at = _At.REST
            return True
        # The end bytes may lie across two reads.
        keep = max(len(self._end) - 1, 0)
        content = self._pending[: max(len(self._pending) - keep, 0)]
        self._drop(len(content))
        self._put(content)
        return self._at is not _At.RAW

    def _noise(self) -> bool:
        found = self._pending.find(self._start)
        sure = max(len(self._pending) - len(self._start) + 1, 0)
        content = self._pending[: sure if found < 0 else found]
        self._drop(len(content))
        self._put(content)
        if found >= 0:
            self._over(How.NOISE)
        return bool(content) or found >= 0

    def _mllp(self) -> bool:
        again = self._pending.find(VT)
        found = self._pending.find(_MLLP_END)
        if 0 <= again < (found if found >= 0 else len(self._pending)):
            content = self._pending[:again]
            self._drop(again)
            self._put(content)
            self._over(How.BROKEN)
            return True
        content = self._pending if found < 0 else self._pending[:found]
        self._drop(len(content) + (found >= 0))
        self._put(content)
        if found >= 0 and self._at is _At.MLLP:
            self._over(How.MLLP)
        return True

    def _swallow(self) -> bool:
        found = self._pending.find(self._end) if self._end else -1
        self._drop(len(self._pending) if found < 0 else found + len(self._end))
        if found >= 0:
            self._at = _At.REST
        return True

    def _astm(self) -> bool:
        """One frame, or one control byte, of a message (E1381 6.3, 6.4)."""
        if self._pending[:1] == STX:
            return self._astm_frame()
        if not (self._length or self._lacks_more or self._pending[:1] in _OF_A_LINK):
            self._at = _At.REST  # it asked whether we listen, and does not speak E1381
            return True
        if self._pending[:1] == EOT:
            self._over(How.BROKEN if self._lacks_more else How.ASTM)
        elif self._pending[:1] == ENQ:
            # The device did not hear us, and begins anew.
            self._over(How.BROKEN)
            self._number, self._at = 0, _At.ASTM
            self._steps.append(Reply(ACK))
        self._drop(1)
        return True

    def _astm_frame(self) -> bool:
        if found := _ASTM_FRAME.match(self._pending):
            self._drop(found.end())
            self._check(found)
            return True
        if spoilt := _ASTM_SPOILT.match(self._pending):
            self._drop(spoilt.end())
            self._refuse()
            return True
        if len(self._pending) > _LONGEST_ASTM_FRAME:
            self._pending = b""
            self._refuse()
        return False

    def _refuse(self) -> None:
        self._lacks_more = True
        self._steps.append(Reply(NAK))

    def _check(self, frame: re.Match[bytes]) -> None:
        said = int(frame[4], 16)
        summed = sum(frame[0][1 : frame.end(3) - frame.start()]) % 256
        number = int(frame[1])
        if summed != said or number not in {self._number, (self._number + 1) % _NUMBERS}:
            self._refuse()
        elif number == self._number and self._length:
            self._steps.append(Reply(ACK))  # it came before, and our answer was not heard
        else:
            self._number, self._lacks_more = number, frame[3] != _ETX
            self._put(frame[2])
            if self._at is _At.ASTM:
                self._steps.append(Reply(ACK))
