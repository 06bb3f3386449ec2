"""Owns a box in a parcel: what a spare needs to go on, sealed, in a folder of a stick.

Inside is a tar stream: `about.json`, then settings and password (`etc/`), what the machine is
called and reached by (`box/`), the journal, the spool files that are needed by what is not done,
and files that lie in shares of the box and were not taken in yet. What the card did not give back
of the spool is not in it, and named by `missing.json`. Beside it, in the open, `parcel.json` says
what it is, and no word of a patient: what it consists of, when and by which box it was written. It
is written last: without it there is no parcel.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from appliance.box import volumes
from appliance.box.sealed import Opener, Sealer
from appliance.box.volumes import Volume
from appliance.errors import CardFailed, ParcelDamaged, ParcelNewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from appliance.box.sealed import Key

FORMAT = 1
HANDOVER, BACKUP = "handover", "backup"
LABEL = "parcel.json"
ABOUT = "about.json"
MISSING = "missing.json"
_LONGEST_LABEL = 1 << 20
_WHERE_LACKING = frozenset({"missing", "drives"})
"""What stands on a label only where something is."""
_BLOCK_BYTES = 1 << 20
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on the outside."""

    kind: str  # handover or backup
    move: str  # its number, made anew each time
    box: str  # that wrote it, by its name on sticks
    made_at: str  # a stamp, as right as that box's clock
    version: str
    schema: int  # migrations of its journal
    event: int  # the last one that its journal knows
    settings: int  # version of its settings; 0 for none
    unsent: int  # spool files in it
    missing: int = 0  # spool files that belong in it, and that the card did not give back
    drives: str = ""  # names of drives the box poses as with something on them that is not in it
    volumes: tuple[Volume, ...] = ()

    @property
    def size_bytes(self) -> int:
        """How much the sealed files take."""
        return sum(volume.size_bytes for volume in self.volumes)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that goes in: its name there, where it lies here, its digest where it has one."""

    name: str
    path: Path
    sha256: str = ""


def write(
    folder: Path,
    label: Label,
    key: Key,
    entries: Iterable[Entry],
    tell: Callable[[int], None] = lambda _: None,
) -> Label:
    """Make the parcel in an empty folder and read it back; its label as it stands there.

    `tell` is told how many bytes went in so far. OSErrors of the stick fly, and that a file is
    not there; raises ParcelDamaged where the stick does not give back what it was given, and
    CardFailed where a file cannot be read as it was.
    """
    writer = volumes.Writer(folder)
    try:
        sealer = Sealer(key, writer.put)
        _pack(sealer, label, entries, tell)
        sealer.finish()
        writer.close()
    finally:
        writer.abandon()
    volumes.verify(folder, writer.volumes)
    whole = Label(**{**_fields(label), "volumes": tuple(writer.volumes)})
    volumes.publish(folder / LABEL, _encoded(whole))
    return whole


def _pack(
    sealer: Sealer, label: Label, entries: Iterable[Entry], tell: Callable[[int], None]
) -> None:
    done_bytes = 0
    with tarfile.open(
        fileobj=sealer, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BLOCK_BYTES
    ) as tar:
        about = json.dumps(_fields(label)).encode()
        _add(tar, ABOUT, io.BytesIO(about), len(about), 0o600)
        for entry in entries:
            with _opened(entry.path) as file:
                there = os.fstat(file.fileno())
                reading = _Reading(file, entry)
                _add(tar, entry.name, reading, there.st_size, stat.S_IMODE(there.st_mode))
                reading.must_be_it()
            done_bytes += there.st_size
            tell(done_bytes)


class _Reading:
    """A file of the card while it is read: its failures are not the stick's."""

    def __init__(self, file: BinaryIO, entry: Entry) -> None:
        self._file = file
        self._entry = entry
        self._digest = hashlib.sha256()

    def read(self, size_bytes: int) -> bytes:
        """So many bytes. Raises CardFailed."""
        with card_in_words(self._entry.name):
            content = self._file.read(size_bytes)
        if len(content) < size_bytes:
            raise CardFailed(what=self._entry.name, why="it became shorter while it was read")
        self._digest.update(content)
        return content

    def must_be_it(self) -> None:
        """Raise CardFailed where something else was read than was expected."""
        if self._entry.sha256 not in {"", self._digest.hexdigest()}:
            raise CardFailed(what=self._entry.name, why="it changed while it was read")


@contextmanager
def card_in_words(what: str) -> Iterator[None]:
    """What goes wrong with the card, in a sentence; that something is not there flies."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CardFailed(what=what, why=(error.strerror or str(error)).lower()) from error


def _opened(path: Path) -> BinaryIO:
    with card_in_words(path.name):
        return os.fdopen(os.open(path, _LOOK), "rb")


def _add(
    tar: tarfile.TarFile, name: str, file: BinaryIO | _Reading, size_bytes: int, mode: int
) -> None:
    told = tarfile.TarInfo(name)
    told.size, told.mode = size_bytes, mode
    tar.addfile(told, cast("BinaryIO", file))


def label(folder: Path) -> Label | None:
    """What stands on the parcel of a folder; None where there is none. Raises ParcelDamaged."""
    try:
        with (folder / LABEL).open("rb") as file:
            said = json.loads(file.read(_LONGEST_LABEL))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ParcelDamaged(why="its label cannot be read") from None
    return _label(said)


def _label(said: Any) -> Label:
    try:
        if said.pop("format") != FORMAT:
            raise ParcelNewer(why="it is written in a form not known here")
        parts = tuple(Volume(**each) for each in said.pop("volumes"))
        return Label(**said, volumes=parts)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ParcelDamaged(why="its label cannot be read") from None


def read(
    folder: Path, outside: Label, passphrase: str, unpack: Callable[[str, int, BinaryIO], None]
) -> Key:
    """Hand every file of a parcel to `unpack`, by its name and mode; the key it was sealed with.

    Nothing of it may be acted upon before this returns: only then it is known to be whole. Raises
    ParcelDamaged, WrongPassphrase; OSErrors fly.
    """
    volumes.verify(folder, outside.volumes)
    with closing(volumes.stream(folder, outside.volumes)) as sealed:
        opener = Opener(sealed, passphrase)
        with tarfile.open(fileobj=opener, mode="r|", bufsize=_BLOCK_BYTES) as tar:
            for member, file in _files(tar):
                if member.name == ABOUT:
                    _must_be(outside, json.loads(file.read()))
                else:
                    unpack(member.name, member.mode, file)
        opener.finish()
    return opener.key


def _files(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, BinaryIO]]:
    try:
        for member in tar:
            file = tar.extractfile(member)
            if file is None or not _is_plain(member):
                raise ParcelDamaged(why=f"{member.name!r} has no business in it")
            yield member, file  # type: ignore[misc]  # an IO[bytes] is what it is
    except tarfile.TarError as error:
        raise ParcelDamaged(why=str(error)) from error


def _is_plain(member: tarfile.TarInfo) -> bool:
    """A file, below the folder it is unpacked into."""
    path = PurePosixPath(member.name)
    return member.isreg() and not path.is_absolute() and ".." not in path.parts


def _must_be(outside: Label, inside: object) -> None:
    """What stands outside anybody may have written; what counts is what stands inside."""
    told = {name: value for name, value in _fields(outside).items() if name != "volumes"}
    if not isinstance(inside, dict) or {**inside, "volumes": None} != {**told, "volumes": None}:
        raise ParcelDamaged(why="its label is not its own")


def _fields(label: Label) -> dict[str, Any]:
    """All but the volumes. That nothing is missing, an older box would not understand."""
    told = {name: value for name, value in asdict(label).items() if name != "volumes"}
    return {name: value for name, value in told.items() if value or name not in _WHERE_LACKING}


def _encoded(label: Label) -> bytes:
    parts = [asdict(volume) for volume in label.volumes]
    return json.dumps({"format": FORMAT, **_fields(label), "volumes": parts}, indent=1).encode()


def files_below(top: Path, prefix: str) -> Iterator[Entry]:
    """Every regular file below a folder, its links not followed; nothing where there is none."""
    for path in sorted(top.rglob("*")):
        if stat.S_ISREG(path.lstat().st_mode):
            yield Entry(f"{prefix}/{path.relative_to(top).as_posix()}", path)
