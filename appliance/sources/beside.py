"""Owns the sidecars of one folder of a medium: read once, then asked for each image in it."""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from appliance.intake.sidecars import is_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.settings.schema import Profile

_LARGEST_BYTES = 4 << 20
_MOST_BYTES = 32 << 20
_MOST_NAMES = 100_000
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Beside:
    """Which sidecars describe which file of `folder`.

    The same rule as `intake.sidecars.sidecars_of`, for folders with thousands of files: one of the
    same name counts, another one where it mentions the file. What is larger than any description,
    or more than the box cares to remember of one folder, describes nothing.
    """

    def __init__(self, folder: Path, profile: Profile | None) -> None:
        """Read the sidecars of `folder`. OSErrors of the folder fly, those of a sidecar wait."""
        self.folder = folder
        self._unread: dict[str, OSError] = {}
        self._digests: dict[str, str] = {}
        self._named: dict[str, list[str]] = {}
        self._names: list[str] = []
        self._starts: list[int] = []
        self._said = b""
        self._read(profile)

    def of(self, path: Path) -> dict[Path, str]:
        """The sidecars that describe `path`, and their SHA-256.

        Raises OSError where the one of its name is there and could not be read.
        """
        for stem in (path.stem, path.name):
            if stem in self._unread:
                raise self._unread[stem]
        names = {*self._named.get(path.stem, ()), *self._named.get(path.name, ())}
        names.update(self._mentioning(os.fsencode(path.name)))
        names.discard(path.name)
        return {self.folder / name: self._digests[name] for name in sorted(names)}

    def _read(self, profile: Profile | None) -> None:
        texts: list[bytes] = []
        size_bytes = 0
        for path in _sidecars(self.folder, profile):
            try:
                text = _text(path, min(_LARGEST_BYTES, _MOST_BYTES - size_bytes))
            except OSError as error:
                self._unread[path.stem] = error
                continue
            if text is None:
                continue
            self._digests[path.name] = hashlib.sha256(text).hexdigest()
            self._named.setdefault(path.stem, []).append(path.name)
            self._names.append(path.name)
            self._starts.append(size_bytes)
            texts.append(text + b"\0")  # no name reaches from one text into the next
            size_bytes += len(text) + 1
        self._said = b"".join(texts)

    def _mentioning(self, name: bytes) -> Iterator[str]:
        found = self._said.find(name)
        while found >= 0:
            which = bisect_right(self._starts, found) - 1
            yield self._names[which]
            last = which + 1 == len(self._starts)
            found = -1 if last else self._said.find(name, self._starts[which + 1])


def _sidecars(folder: Path, profile: Profile | None) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, _MOST_NAMES)]
    return [path for name in sorted(names) if is_sidecar(path := folder / name, profile)]


def _text(path: Path, most_bytes: int) -> bytes | None:
    """The content of a small regular file; None for anything else."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    with os.fdopen(os.open(path, _LOOK), "rb") as file:
        too_large = os.fstat(file.fileno()).st_size > most_bytes
        return None if too_large else file.read(most_bytes)
