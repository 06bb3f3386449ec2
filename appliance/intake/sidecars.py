"""Owns which files describe which: a sidecar says whose image it lies beside."""

from __future__ import annotations

import errno
import os
import re
import string
from bisect import bisect_right
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from appliance.journal.spool import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

    from appliance.settings.schema import Profile

_SUFFIXES = {
    "auto": (".csv", ".json", ".xml", ".ini", ".hl7", ".astm"),
    "csv": (".csv",),
    "json": (".json",),
    "xml": (".xml",),
    "ini": (".ini",),
    "hl7": (".hl7",),
    "astm": (".astm",),
    "none": (),
}
_MESSAGES = frozenset({".hl7", ".astm"})
_NUMBER = re.compile(r"[\d.]*")
_OF_NAMES = frozenset(
    (string.ascii_letters + string.digits + "-_.").encode() + bytes(range(0x80, 0x100))
)
"""Bytes that make one name with what stands beside them; above 7F are letters beyond ASCII."""

_FOLDER_VIEW = "desktop.ini"  # how Windows shows a folder; it names files as a sidecar would
_LARGEST_BYTES = 4 << 20
"""What is longer lists no files."""

_REMEMBERED_BYTES = 32 << 20
_MOST_NAMES = 1_000_000
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_sidecar(path: Path, profile: Profile | None) -> bool:
    """Whether a file of that name describes others, under that profile."""
    return path.suffix.lower() in _suffixes(profile) and path.name.lower() != _FOLDER_VIEW


def is_named_like(sidecar: PurePath, path: PurePath) -> bool:
    """Whether a sidecar is by its name that of one file, and no list of many."""
    return sidecar.stem in {path.stem, path.name}


def sidecars_of(path: Path, profile: Profile | None) -> tuple[Path, ...]:
    """The sidecars that lie beside `path` and describe it, sorted by name. OSErrors fly."""
    return Beside(path.parent, profile, remembered_bytes=0).of(path)


def described_by(sidecar: Path, profile: Profile | None) -> tuple[Path, ...]:
    """The files beside a sidecar that it may describe. OSErrors fly."""
    text = _text(sidecar)
    beside = (f for f in _files(sidecar.parent) if not is_sidecar(f, profile))
    return tuple(
        sorted(
            f
            for f in beside
            if is_named_like(sidecar, f)
            or (_may_mention(sidecar, f) and _find(text, os.fsencode(f.name)) >= 0)
        )
    )


class Beside:
    """The sidecars of one folder, as they are now, and which of its files each describes.

    One of the same name (`film.csv` or `film.tif.csv` for `film.tif`) always counts; another one
    in the folder only where it mentions the file's name, so that a list of one patient is never
    taken for every image around it. A mention is the whole name: `11.tif` is none of `1.tif`.
    """

    def __init__(
        self, folder: Path, profile: Profile | None, remembered_bytes: int = _REMEMBERED_BYTES
    ) -> None:
        """Read the sidecars of `folder`; what is more than is to be remembered is read each time.

        OSErrors of the folder fly, those of a sidecar wait for whom it may describe.
        """
        self.folder = folder
        self._profile = profile
        self._named: dict[str, list[Path]] = {}
        self._read: list[Path] = []
        self._starts: list[int] = []
        self._said = b""
        self._unread: list[Path] = []
        self._digests: dict[Path, str] = {}
        self._remember(remembered_bytes)

    def of(self, path: Path) -> tuple[Path, ...]:
        """The sidecars that describe a file of the folder, sorted by name.

        Raises OSError where one that may describe it cannot be read: it is not known whose it is.
        """
        if is_sidecar(path, self._profile):
            return ()
        found = {*self._named.get(path.stem, ()), *self._named.get(path.name, ())}
        found.update(each for each in self._mentioning(path) if _may_mention(each, path))
        found.update(each for each in self._unread if each not in found and _says(each, path))
        return tuple(sorted(found))

    def digest(self, sidecar: Path) -> str:
        """The SHA-256 of one of them. OSErrors fly."""
        if sidecar not in self._digests:
            self._digests[sidecar] = digest_of(sidecar)
        return self._digests[sidecar]

    def _remember(self, most_bytes: int) -> None:
        texts: list[bytes] = []
        size_bytes = 0
        for path in sorted(f for f in _files(self.folder) if is_sidecar(f, self._profile)):
            self._named.setdefault(path.stem, []).append(path)
            text = _text_within(path, most_bytes - size_bytes)
            if text is None:
                self._unread.append(path)
                continue
            self._read.append(path)
            self._starts.append(size_bytes)
            texts.append(text + b"\0")  # no name reaches from one text into the next
            size_bytes += len(text) + 1
        self._said = b"".join(texts)

    def _mentioning(self, path: Path) -> Iterator[Path]:
        name = os.fsencode(path.name)
        found = _find(self._said, name)
        while found >= 0:
            which = bisect_right(self._starts, found) - 1
            yield self._read[which]
            last = which + 1 == len(self._starts)
            found = -1 if last else _find(self._said, name, self._starts[which + 1])


def _says(sidecar: Path, path: Path) -> bool:
    """Whether a sidecar that is not remembered mentions a file.

    One that cannot be read and has another file's name is taken to be about that one alone.
    """
    try:
        return _may_mention(sidecar, path) and _find(_text(sidecar), os.fsencode(path.name)) >= 0
    except OSError:
        if any(is_named_like(sidecar, f) for f in _files(sidecar.parent) if f != sidecar):
            return False
        raise


def _may_mention(sidecar: PurePath, path: PurePath) -> bool:
    """Whether a file's name in such a sidecar can be meant for the file.

    A description names its images in places of their own, where each is compared once more. A
    message has words and numbers for anything, and speaks of whatever it is given to.
    """
    if sidecar.suffix.lower() not in _MESSAGES:
        return True
    return bool(path.suffix) and not _NUMBER.fullmatch(path.name)


def _find(text: bytes, name: bytes, start: int = 0) -> int:
    """Where `name` stands from `start` on, and not as a part of a longer one; -1: nowhere."""
    found = text.find(name, start)
    while found >= 0 and not _OF_NAMES.isdisjoint(_around(text, found, len(name))):
        found = text.find(name, found + 1)
    return found


def _around(text: bytes, start: int, length: int) -> bytes:
    """The bytes before and after a stretch."""
    return text[max(start - 1, 0) : start] + text[start + length : start + length + 1]


def _suffixes(profile: Profile | None) -> tuple[str, ...]:
    return _SUFFIXES[profile.sidecar if profile else "auto"]


def _files(folder: Path) -> Iterator[Path]:
    """The regular files of a folder; a broken file system can list for ever."""
    with os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_NAMES):
            if entry.is_file(follow_symlinks=False):
                yield folder / entry.name
        if next(entries, None):
            raise OSError(errno.EFBIG, "there are too many files in its folder", str(folder))


def _text(path: Path) -> bytes:
    """What a sidecar says of other files. OSErrors fly."""
    with os.fdopen(os.open(path, _LOOK), "rb") as file:
        is_list = os.fstat(file.fileno()).st_size <= _LARGEST_BYTES
        return file.read(_LARGEST_BYTES) if is_list else b""


def _text_within(path: Path, most_bytes: int) -> bytes | None:
    """The same; None where it is more than is to be remembered, or cannot be read now."""
    if most_bytes <= 0:
        return None
    with suppress(OSError):
        text = _text(path)
        return text if len(text) <= most_bytes else None
    return None
