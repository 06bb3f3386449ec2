"""Owns reading a share of another machine: through a mount of the kernel, or without it.

Both say the same of a file: its name, its size and the times the other machine gives it. Inodes
are not among them, as the kernel makes them up anew with each mount where a server has none.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.board.disk import room
from appliance.board.mount import Helper
from appliance.board.smb.cifs import OPEN_SHARE, is_offline
from appliance.errors import Declined, DiskFull, NoCifs, NoHelper, ShareDialect, ShareOffline
from appliance.intake.accept import shown_name
from appliance.journal.spool import digest_of
from appliance.sources.media.volume import DEEPEST, MOST_FILES, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.board.mount import Mounted
    from appliance.settings.links import ShareLink

_LONGEST_NAME_BYTES = 255
_WITHOUT_THE_KERNEL = frozenset({NoHelper.code, NoCifs.code, ShareDialect.code})
_NO_NETWORK = frozenset({errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EPERM})


class Entry(NamedTuple):
    """A file on the share as it was listed."""

    name: str  # its path below the folder of the settings
    size_bytes: int
    written_at: float
    changed_at: float

    @property
    def shown(self) -> str:
        """Its name as it may be written anywhere."""
        return shown_name(self.name)

    @property
    def folder(self) -> str:
        """The folder it lies in; "" for the top."""
        return self.name.rpartition("/")[0]

    @property
    def basename(self) -> str:
        """Its name in that folder."""
        return self.name.rpartition("/")[2]


class Listing(NamedTuple):
    """All that one look at the share found; `unread` are folders and why not."""

    entries: list[Entry]
    unread: dict[str, str]


class Remote(Protocol):
    """A share that can be read. OSErrors and Problems fly; `is_offline` tells which mean all."""

    def listing(self) -> Listing:
        """Everything that is there now; never less because the connection was lost."""
        ...

    def must_be_there(self) -> None:
        """Raise what is wrong, unless the share as a whole can be read."""
        ...

    def digest(self, entry: Entry) -> str:
        """SHA-256 of what a file holds now."""
        ...

    def fetched(self, entry: Entry, beside: Sequence[Entry]) -> AbstractContextManager[Path]:
        """The file, and the sidecars `beside` it, where they can be opened."""
        ...

    @property
    def rest_s(self) -> float:
        """How long nothing must have been read before it is let go of, once it was lost."""
        ...

    def close(self) -> None:
        """Let go of the share."""
        ...


def reach(link: ShareLink, run_dir: Path, staging: Path) -> Remote:
    """The share, by the kernel where it can; files go through `staging` where it cannot.

    Raises NoHelper, ShareOffline, ShareRefused, ShareMissing, ShareDialect (or Declined with their
    codes).
    """
    try:
        mounted, _ = Helper(run_dir, link.mount).mount(OPEN_SHARE, source=link.name)
    except (NoHelper, Declined) as problem:
        if problem.code not in _WITHOUT_THE_KERNEL:
            raise
        try:
            return ByClient(link, staging)
        except ShareOffline as offline:
            if problem.code != ShareDialect.code and not _is_ours(offline):
                raise
            raise problem from None  # the modality may well answer: it is we who have no network
    return ByKernel(mounted)


def _is_ours(offline: ShareOffline) -> bool:
    """Whether it was this service that has no network."""
    cause = offline.__cause__
    return isinstance(cause, OSError) and cause.errno in _NO_NETWORK


class ByKernel:
    """A share that the devices service mounted for us."""

    # The kernel may still be closing what was read, and who ends the mount meanwhile dies of a BUG
    # (Linux 6.12: "Dentry still in use", "Busy inodes after unmount of cifs").
    rest_s = 90.0

    def __init__(self, mounted: Mounted) -> None:
        """Read below its root."""
        self._mounted = mounted
        self._volume = Volume(mounted.root)
        self._root = self._identity()

    def listing(self) -> Listing:
        """Everything that is there now."""
        self.must_be_there()
        entries = [entry for path in self._volume.files() if (entry := self._entry(path))]
        for error in self._volume.unread.values():
            if is_offline(error):
                raise error
        self.must_be_there()
        unread = {
            self._volume.name(path): str(error.strerror)
            for path, error in self._volume.unread.items()
        }
        return Listing(entries, unread | self._volume.unlisted)

    def must_be_there(self) -> None:
        """A share that was lost, or is another one now, must never look empty."""
        if self._identity() != self._root:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def digest(self, entry: Entry) -> str:
        """SHA-256 of what a file holds now."""
        path = self._path(entry)
        _forget(path)
        return digest_of(path)

    @contextmanager
    def fetched(self, entry: Entry, beside: Sequence[Entry]) -> Iterator[Path]:
        """The file where it lies, and everything beside it."""
        yield self._path(entry)

    def close(self) -> None:
        """Let go of the mount."""
        self._mounted.close()

    def _path(self, entry: Entry) -> Path:
        return self._mounted.root / entry.name

    def _entry(self, path: Path) -> Entry | None:
        try:
            found = path.lstat()
        except OSError as error:
            if is_offline(error):
                raise
            return None  # it went, or is shown and may not be looked at
        name = path.relative_to(self._mounted.root).as_posix()
        return Entry(name, found.st_size, found.st_mtime, found.st_ctime)

    def _identity(self) -> tuple[int, int, int]:
        top, system = os.stat(self._mounted.root), os.statvfs(self._mounted.root)  # noqa: PTH116
        return top.st_dev, top.st_ino, system.f_fsid


def _forget(path: Path) -> None:
    """Have the next reading of a file ask the other machine: not all mounts do by themselves."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


class ByClient:
    """A share that is read over a connection of our own."""

    rest_s = 0.0

    def __init__(self, link: ShareLink, staging: Path) -> None:
        """Connect; what is fetched lies below `staging` while it is looked at."""
        from appliance.board.smb.client import SmbClient  # noqa: PLC0415 - large, rarely needed

        self._client = SmbClient(link)
        self._staging = staging
        self._fetches = count(1)
        shutil.rmtree(staging, ignore_errors=True)

    def listing(self) -> Listing:
        """Everything that is there now."""
        found = Listing([], {})
        for folder, files in self._client.walk(DEEPEST):
            if isinstance(files, OSError):
                found.unread[shown_name(folder)] = str(files.strerror)
            else:
                found.entries.extend(Entry(*file) for file in files)
            if len(found.entries) > MOST_FILES:
                found.unread["."] = f"there are more than {MOST_FILES} files"
                break
        return found

    def must_be_there(self) -> None:
        """Whether it still answers."""
        self._client.listed("")

    def digest(self, entry: Entry) -> str:
        """SHA-256 of what a file holds now."""
        digest = _Digest()
        self._client.read(entry.name, digest)
        return digest.hexdigest()

    @contextmanager
    def fetched(self, entry: Entry, beside: Sequence[Entry]) -> Iterator[Path]:
        """Copies of the file and of the sidecars beside it, under their own names."""
        folder = self._staging / str(next(self._fetches))
        folder.mkdir(parents=True)
        try:
            for sidecar in beside:
                self._fetch(sidecar, folder)
            yield self._fetch(entry, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _fetch(self, entry: Entry, folder: Path) -> Path:
        """A copy, for which and for its copy in the spool there must be room."""
        if room(folder).free_bytes < 2 * entry.size_bytes:
            raise DiskFull(where=self._staging)
        target = folder / _local_name(entry.basename)
        with target.open("wb") as file:
            self._client.read(entry.name, file)
        with suppress(OSError, OverflowError, ValueError):  # times of a machine without a clock
            os.utime(target, (entry.written_at, entry.written_at))
        return target


class _Digest:
    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._digest.update(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _local_name(name: str) -> str:
    """`name`, cut where it is longer than names can be here; its ending stays."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST_NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()
    ending = os.fsencode("." + name.rpartition(".")[2])[-16:]
    return digest + os.fsdecode(ending)
