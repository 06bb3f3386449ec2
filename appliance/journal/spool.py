"""Owns the bytes: content-addressed files under DIR/var/spool, each named by its SHA-256.

A file is published before the row that names it, so a crash in between leaves a stray, never a
row without bytes. `custody` keeps the sweep of strays away from whoever is between the two. What
comes in over minutes cannot keep it away so long: there the lock on the draft itself does.

What was made here of another file could be made again, and is swept once no row names it. What
came from outside may be the only copy there is: a card can lose the rows of what was acknowledged,
and then nothing tells such a file from one whose row never came to be. So it stays.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from appliance import durable
from appliance.errors import DiskFull, Refused
from appliance.peek import Peek

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

_CHUNK = 1 << 20
_LARGE_BYTES = 16 << 20
_IOV_MAX = 1024
_PATIENCE_S = 2.0
_GLANCE_S = 0.01
_LOST = frozenset({errno.ENOENT, errno.EIO, errno.EUCLEAN, errno.EBADMSG})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MADE = stat.S_ISVTX
"""Borne by what was made here; of a file it means nothing to Linux."""
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Reserve(NamedTuple):
    """Room on the card that is left alone: so much of a whole, but no more than `most_bytes`."""

    share: float
    most_bytes: int


# A card that is full to the last byte would stay so: what is here could not be converted any more,
# no proof be written down, and so nothing be purged.
_FOR_WHAT_IS_HERE = Reserve(1 / 8, 1 << 30)
_FOR_THE_JOURNAL = Reserve(1 / 32, 1 << 26)


class Stored(NamedTuple):
    """A file in the spool."""

    sha256: str
    size_bytes: int
    path: Path


class Incoming:
    """A file that is received, hashed while it comes."""

    def __init__(self, spool: Spool, draft: durable.Draft) -> None:
        """Use Spool.incoming."""
        self._spool = spool
        self._draft = draft
        self._fd = draft.file.fileno()
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._room_bytes = 0  # that was seen to be there, and not yet used

    def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Add to the end. Raises DiskFull."""
        size_bytes = sum(map(len, chunks))
        if size_bytes > self._room_bytes:
            self._room_bytes = max(size_bytes, _CHUNK)
            _need_room(self._spool.folder, self._room_bytes, _FOR_WHAT_IS_HERE)
        self._room_bytes -= size_bytes
        for chunk in chunks:
            self._digest.update(chunk)
        self._size_bytes += size_bytes
        with durable.room_needed(self._spool.folder):
            self._append(chunks, size_bytes)

    def _append(self, chunks: Sequence[bytes | memoryview], size_bytes: int) -> None:
        """All of it, however little the file system takes at a time."""
        written = os.writev(self._fd, chunks[:_IOV_MAX])
        while written < size_bytes:
            whole = memoryview(b"".join(chunks))
            written += os.write(self._fd, whole[written:])

    def peek(self) -> Peek:
        """A look into what has come so far."""
        return Peek(lambda length, offset: os.pread(self._fd, length, offset), self._size_bytes)

    def settle(self) -> None:
        """Before custody is taken: have done what takes long with a large file."""
        if self._size_bytes > _LARGE_BYTES:
            os.fsync(self._fd)

    def publish(self) -> Stored:
        """Make it durable under its name; in custody, which is kept until its row is committed."""
        digest = self._digest.hexdigest()
        stored = Stored(digest, self._size_bytes, self._spool.path(digest))
        self._draft.publish(stored.path)
        return stored


class Spool:
    """The folder of bytes; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, made where it is missing."""
        self.folder = folder
        self._drafts = folder / "tmp"
        durable.make_folder(self._drafts)
        self._gate = folder / "gate"
        self._books = folder / "lock"

    def path(self, sha256: str) -> Path:
        """Where the bytes of that digest lie (or would)."""
        return self.folder / sha256[:2] / sha256

    def keep(self, incoming: BinaryIO, agree: Callable[[str], object] = lambda _: None) -> Stored:
        """Copy a file in, hashing on the way; durable when this returns.

        `agree` is told the digest before anything lies here under it, and may raise. Raises
        DiskFull, also where what is left is needed for what came before.
        """
        with self._draft(lambda write: _pump(incoming, write), _FOR_WHAT_IS_HERE) as (new, stored):
            agree(stored.sha256)
            new.publish(stored.path)
        return stored

    def make(self, produce: Callable[[Callable[[bytes], object]], object]) -> Stored:
        """Store what `produce` hands to the writer it is given; durable when this returns.

        It is made of what is here, and can be made again. Raises DiskFull, also where what is left
        is needed for the journal.
        """
        with self._draft(produce, _FOR_THE_JOURNAL) as (new, stored):
            if not self._came(stored.path):
                fd = new.file.fileno()
                os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) | _MADE)
            new.publish(stored.path)
        return stored

    @contextmanager
    def _draft(
        self, produce: Callable[[Callable[[bytes], object]], object], reserve: Reserve
    ) -> Iterator[tuple[durable.Draft, Stored]]:
        """All that it produces, to be published in the block as what it is called there."""
        digest = hashlib.sha256()
        with durable.draft(self._drafts) as new:

            def write(chunk: bytes) -> None:
                _need_room(self.folder, len(chunk), reserve)
                digest.update(chunk)
                new.file.write(chunk)

            produce(write)
            name = digest.hexdigest()
            yield new, Stored(name, new.file.tell(), self.path(name))

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A file to be received; gone at the end of the block unless it was published.

        Raises DiskFull.
        """
        while True:
            with durable.draft(self._drafts) as draft:
                fcntl.flock(draft.file, fcntl.LOCK_EX)
                # A sweep may have taken it for a dead writer's before it was locked.
                if os.fstat(draft.file.fileno()).st_nlink:
                    yield Incoming(self, draft)
                    return

    def is_whole(self, sha256: str) -> bool:
        """Whether the bytes of that digest are here, can be read and are unchanged.

        OSErrors fly that say nothing of the file itself.
        """
        try:
            return digest_of(self.path(sha256)) == sha256
        except OSError as error:
            if error.errno in _LOST:
                return False
            raise

    def files(self) -> list[Path]:
        """All files that lie here, drafts aside."""
        return sorted(self.folder.glob("[0-9a-f][0-9a-f]/*"))

    def strays(self, known: Iterable[str]) -> list[Path]:
        """The files that `known` does not name, or that lie in the wrong place."""
        paths = {self.path(sha256) for sha256 in known}
        return [file for file in self.files() if file not in paths]

    def came(self, strays: Iterable[Path]) -> list[Path]:
        """Those of them that came from outside, and so may be the only copy."""
        return [stray for stray in strays if self._came(stray)]

    def _came(self, file: Path) -> bool:
        """Whether it is there, no folder, nothing that was made here, and where it belongs."""
        if not _SHA256.fullmatch(file.name) or file != self.path(file.name):
            return False
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            return False
        except OSError:
            return True  # nobody can tell, so it stays
        return stat.S_ISREG(mode) and not is_made(mode)

    @contextmanager
    def custody(self) -> Iterator[None]:
        """Held from before a file is published until its row is committed; not to be nested."""
        with _locked(self._gate, fcntl.LOCK_SH):
            fd = _lock(self._books, fcntl.LOCK_SH)
        try:
            yield
        finally:
            os.close(fd)

    def sweep(
        self,
        known: Callable[[], Iterable[str]],
        is_over: Callable[[Collection[str]], Collection[str]],
        make_sure: Callable[[], object] = lambda: None,
    ) -> list[str]:
        """Delete strays: drafts of dead writers, and files that `known` does not name.

        What came from outside goes only where `is_over` returns its name. Before it deletes such
        files it has the caller `make_sure` that they will not be known after all. Returns the
        names removed; nothing where somebody does not come to the end of publishing.
        """
        try:
            with self.settled(_PATIENCE_S):
                for draft in self._drafts.iterdir():
                    _remove_abandoned(draft)
                strays = self._needless(self.strays(known()), is_over)
                if strays:
                    make_sure()
                for stray in strays:
                    durable.remove(stray)
        except Refused:
            return []
        return [stray.name for stray in strays]

    def _needless(
        self, strays: list[Path], is_over: Callable[[Collection[str]], Collection[str]]
    ) -> list[Path]:
        came = {stray.name for stray in self.came(strays)}
        stays = came - set(is_over(came)) if came else came
        return [stray for stray in strays if stray.name not in stays]

    @contextmanager
    def settled(self, patience_s: float) -> Iterator[None]:
        """Nobody is between publishing and committing while this is held.

        Newcomers wait at the gate, so that a busy road cannot put this off for ever. Raises
        Refused where somebody inside is not done when the patience ends.
        """
        with _locked(self._gate, fcntl.LOCK_EX):
            try:
                fd = _lock_within(self._books, fcntl.LOCK_EX, patience_s)
            except BlockingIOError:
                raise Refused(
                    what="A look at all stored files", why="a service is still storing one"
                ) from None
            try:
                yield
            finally:
                os.close(fd)


def _remove_abandoned(draft: Path) -> None:
    """Delete a draft whose lock nobody holds; those never locked come and go in custody.

    Deleted while the lock is ours: whoever has just made it waits, and then sees that it is gone.
    """
    with suppress(FileNotFoundError, BlockingIOError):
        fd = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()
        finally:
            os.close(fd)


def _need_room(folder: Path, size_bytes: int, reserve: Reserve) -> None:
    """Raise DiskFull where `size_bytes` more would use up what is to be left alone."""
    card = os.statvfs(folder)
    spare = min(card.f_blocks * card.f_frsize * reserve.share, reserve.most_bytes)
    if card.f_bavail * card.f_frsize < size_bytes + spare:
        raise DiskFull(where=folder)


def is_made(mode: int) -> bool:
    """Whether the mode of a file here says that it was made of another one."""
    return bool(mode & _MADE)


def digest_of(path: Path) -> str:
    """SHA-256 of a regular file in hex, read in chunks; links are not followed, OSErrors fly."""
    with os.fdopen(os.open(path, _LOOK), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pump(source: BinaryIO, write: Callable[[bytes], object]) -> None:
    while chunk := source.read(_CHUNK):
        write(chunk)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    fd = _lock(path, how)
    try:
        yield
    finally:
        os.close(fd)


def _lock(path: Path, how: int) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(fd, how)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock_within(path: Path, how: int, patience_s: float) -> int:
    """flock() knows no timeout: look, and look again."""
    for _ in range(int(patience_s / _GLANCE_S)):
        with suppress(BlockingIOError):
            return _lock(path, how | fcntl.LOCK_NB)
        time.sleep(_GLANCE_S)
    return _lock(path, how | fcntl.LOCK_NB)
