"""Owns what came over a line and is not accepted yet: a folder of the box for each source.

A frame is written here as it comes. Once its end was seen it gets its final name, durably; what
still has none after a restart was cut off, unless its own format says that it is whole.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from appliance import durable
from appliance.convert import message
from appliance.durable import Draft
from appliance.errors import DiskFull, Incomplete, IsSidecar
from appliance.intake import complete
from appliance.intake.accept import evidence_digest, shown_name
from appliance.journal.spool import digest_of
from appliance.model import Arrival
from appliance.peek import Format, Misfit, opened
from appliance.settings.naming import made_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.errors import Ignored, Quarantined
    from appliance.intake.accept import Intake
    from appliance.settings.links import SerialLink
    from appliance.settings.schema import Profile

_UNFINISHED = ".part"
_RESERVE_SHARE, _RESERVE_BYTES = 1 / 8, 64 << 20  # of the card, left for what is here already
_HEAD = 256
_SUFFIXES = {
    Format.DICOM: ".dcm",
    Format.TIFF: ".tif",
    Format.PNG: ".png",
    Format.BMP: ".bmp",
    Format.JPEG: ".jpg",
    Format.PDF: ".pdf",
    Format.POSTSCRIPT: ".ps",
    Format.PCL: ".pcl",
    Format.TEXT: ".txt",
}
_ENDLESS = frozenset({Format.POSTSCRIPT, Format.PCL, Format.TEXT, None})
"""Kinds of files in which half of one looks like a whole one."""

_MESSAGES = frozenset({message.HL7, message.ASTM})
CUT_OFF = "the line, or the box, stopped before its end was seen"


class Piece(NamedTuple):
    """A file that came, and what it is called below its source."""

    path: Path
    name: str


class Staging:
    """The folder of one source; belongs to one thread."""

    def __init__(
        self,
        folder: Path,
        source: SerialLink,
        profile: Profile | None,
        intake: Intake,
        clock: Clock,
    ) -> None:
        """Use `folder`, made where it is missing."""
        self.folder = folder
        self._source = source
        self._profile = profile
        self._intake = intake
        self._clock = clock
        self._listening_fd = -1
        durable.make_folder(folder)

    def listen(self) -> None:
        """Something may come from now on: `is_listening` says so until `deafen`."""
        self._listening_fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._listening_fd, fcntl.LOCK_SH)

    def deafen(self) -> None:
        """The line is closed: nothing can come any more."""
        os.close(self._listening_fd)

    def must_have_room(self) -> None:
        """Raises DiskFull before bytes are taken off a line that nobody could keep."""
        card = os.statvfs(self.folder)
        reserve = min(card.f_blocks * card.f_frsize * _RESERVE_SHARE, _RESERVE_BYTES)
        if card.f_bavail * card.f_frsize < reserve:
            raise DiskFull(where=self.folder)

    def leftovers(self) -> Iterator[Path]:
        """Files of an earlier run, whatever folders lie between."""
        yield from (path for path in sorted(self.folder.rglob("*")) if path.is_file())

    def draft(self) -> tuple[Path, BinaryIO]:
        """A new file, its name durable, to be written while it comes."""
        path = self.folder / f".{self.any_name()}{_UNFINISHED}"
        with durable.room_needed(self.folder):
            file = path.open("xb", buffering=0)
            durable.fsync_folder(self.folder)
        return path, file

    def write(self, file: BinaryIO, content: bytes) -> int:
        """Write a piece of a draft; how much of it the card had room for. Raises DiskFull."""
        with durable.room_needed(self.folder):
            return file.write(content)

    def finished(self, path: Path, file: BinaryIO) -> Piece:
        """Give a draft whose end was seen its name; durable when this returns. Raises DiskFull."""
        target = self.folder / self.name_for(path)
        with durable.room_needed(self.folder):
            Draft(path, file).publish(target)
        file.close()
        return Piece(target, target.name)

    def name_for(self, path: Path) -> str:
        """A name for a file that came without one: when it came, what is in it, its kind."""
        return f"{made_up(self._clock.utc(), digest_of(path)[:8])}{_suffix(path)}"

    def any_name(self) -> str:
        """A name for a file that is still to come without one."""
        return made_up(self._clock.utc(), os.urandom(4).hex())

    def judged(
        self, piece: Piece, *, ended: bool = True, doubt: str = CUT_OFF
    ) -> Quarantined | Ignored | None:
        """What is wrong with a file; `ended` where something else than its format said its end."""
        if not ended and not proves_its_end(piece.path):
            return Incomplete(name=piece.name, detail=doubt)
        if piece.path.suffix == _suffix(piece.path) in _MESSAGES:
            return IsSidecar(name=piece.name)
        return complete.check(piece.path, reports=True).problem(piece.name)

    def take(
        self,
        piece: Piece,
        verdict: Quarantined | Ignored | None = None,
        sidecars: Sequence[Path] = (),
        *,
        keep: bool = False,
    ) -> None:
        """Accept a file, and only then let go of it here (not with `keep`).

        Raises DiskFull, ChangedMeanwhile.
        """
        digest = digest_of(piece.path)
        kept = {path.name: digest_of(path) for path in sidecars}
        evidence = evidence_digest(self._profile, piece.name, kept)
        fingerprint = f"content:{digest}:{evidence}"
        arrival = Arrival(self._source.name, piece.name, piece.path, fingerprint)
        self._intake.accept(arrival, self._profile, sidecars, verdict, sha256=digest)
        if not keep:
            durable.remove(piece.path)


def is_listening(folder: Path) -> bool:
    """Whether a process has the line of a source open whose folder this is."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def is_draft(path: Path) -> bool:
    """Whether a file's end was not seen before the box stopped."""
    return path.name.startswith(".") and path.suffix == _UNFINISHED


def sent_name(path: Path) -> str:
    """What the sender called a file, as it may be written anywhere; never a path."""
    return shown_name(path.name.replace("\\", "/").rpartition("/")[2]) or "file"


def proves_its_end(path: Path) -> bool:
    """Whether the file is whole by what its own format says."""
    try:
        with opened(path) as peek:
            endless = peek.kind(reports=True) in _ENDLESS
    except Misfit:
        return False
    return not endless and complete.check(path).wholeness is complete.Wholeness.WHOLE


def _suffix(path: Path) -> str:
    try:
        with opened(path) as peek:
            head = peek.at(0, min(peek.size, _HEAD))
            form = peek.kind(reports=True)
    except Misfit:
        return ".bin"
    return message.suffix_of(head) or (_SUFFIXES[form] if form else ".bin")
