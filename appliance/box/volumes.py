"""Owns a long stream as several files on a stick: FAT holds no file of 4 GiB.

Every file is on the stick when its writer is closed, and its hash is known; `verify` reads them
back from the stick itself, not from memory.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from appliance import durable
from appliance.errors import DiskFull, ParcelDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Volume:
    """One file, as it was written."""

    name: str
    size_bytes: int
    sha256: str


@dataclass
class Writer:
    """Puts what it is given into files `part-001` and so on of a folder."""

    folder: Path
    largest_bytes: int = LARGEST_BYTES
    volumes: list[Volume] = field(default_factory=list)
    _file: BinaryIO | None = None
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _size_bytes: int = 0

    def put(self, content: bytes) -> None:
        """Add to the end; OSErrors fly."""
        rest = memoryview(content)
        while rest:
            if self._file is None or self._size_bytes == self.largest_bytes:
                self._next()
            part = rest[: self.largest_bytes - self._size_bytes]
            self._write(part)
            rest = rest[len(part) :]

    def close(self) -> None:
        """All of it is on the stick when this returns; OSErrors fly."""
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self.volumes.append(Volume(self._name, self._size_bytes, self._digest.hexdigest()))
        self.abandon()
        durable.fsync_folder(self.folder)

    def abandon(self) -> None:
        """Let go of the file; what it holds counts for nothing."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    @property
    def _name(self) -> str:
        return f"part-{len(self.volumes) + 1:03}"

    def _next(self) -> None:
        self.close()
        # Unbuffered: a stick that is gone fails here, and not at the end.
        self._file = (self.folder / self._name).open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def _write(self, part: memoryview) -> None:
        if self._file is None:  # pragma: no cover - put() opens it
            return
        written = 0
        while written < len(part):
            written += self._file.write(part[written:]) or 0
        self._digest.update(part)
        self._size_bytes += len(part)


def publish(path: Path, content: bytes) -> None:
    """Write a small file in the place of what was there, and read it back; OSErrors fly.

    Without a mode: FAT has none. Raises ParcelDamaged where something else came back.
    """
    if not path.parent.is_dir():  # the stick is gone: no folder is made in its place
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    try:
        with durable.draft(path.parent) as new:
            new.file.write(content)
            new.publish(path)
    except DiskFull as full:  # which says what to do about the card, and this is the stick
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from full
    with path.open("rb") as file:
        os.fsync(file.fileno())  # FAT writes with it where what took a name begins
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if file.read() != content:
            raise ParcelDamaged(why=f"{path.name} is not what was written")


def verify(folder: Path, volumes: Sequence[Volume]) -> None:
    """Read the files back. Raises ParcelDamaged; OSErrors fly."""
    for volume in volumes:
        if _digest(folder / volume.name, volume) != volume.sha256:
            raise ParcelDamaged(why=f"{volume.name} is not what was written")


def _digest(path: Path, volume: Volume) -> str:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != volume.size_bytes:
                raise ParcelDamaged(why=f"{volume.name} has another length than it was given")
            # From the stick: what the kernel still has in memory proves nothing about it.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ParcelDamaged(why=f"{volume.name} is missing") from None


class Reader(io.RawIOBase):
    """The files of a folder as the one stream they are."""

    def __init__(self, folder: Path, volumes: Sequence[Volume]) -> None:
        """Begin with the first."""
        super().__init__()
        self._paths = iter([folder / volume.name for volume in volumes])
        self._file: BinaryIO | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Go on from file to file; OSErrors fly."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io's Buffer is no type
        while True:
            if self._file is None:
                path = next(self._paths, None)
                if path is None:
                    return 0
                self._file = path.open("rb")
            content = self._file.read(len(room))
            if content:
                room[: len(content)] = content
                return len(content)
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def stream(folder: Path, volumes: Sequence[Volume]) -> BinaryIO:
    """The same, buffered: a read brings as much as it asks for, to the end."""
    return io.BufferedReader(Reader(folder, volumes), _CHUNK_BYTES)
