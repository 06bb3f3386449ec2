"""Owns watching a folder and all below it by inotify, which itself watches one level only."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inotify_simple import INotify, flags

if TYPE_CHECKING:
    from collections.abc import Iterator

_MASK = (
    flags.CLOSE_WRITE
    | flags.MOVED_TO
    | flags.CREATE
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
    | flags.DONT_FOLLOW
)
_GONE = flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT | flags.IGNORED


class News(NamedTuple):
    """What one look at the tree brought."""

    closed: tuple[Path, ...]  # their writer has finished with them, or gave them their name
    found: tuple[Path, ...]  # they lie in folders that are new here; nobody told more of them
    named: tuple[Path, ...]  # their names are new: somebody begins to write them, or linked them
    lost_sight: bool  # events were dropped, or the top folder went away: scan everything again


class Tree:
    """A folder under watch; symbolic links are neither followed nor reported.

    `denied` are the folders below it that cannot be read, and why.
    """

    def __init__(self, top: Path) -> None:
        """Watch `top`. Raises FileNotFoundError, PermissionError, NotADirectoryError."""
        self._top = top
        self._inotify = INotify(nonblocking=True)
        self._folders: dict[int, Path] = {}
        self.denied: dict[Path, OSError] = {}
        try:
            self._watch(top)
        except OSError:
            self._inotify.close()
            raise

    def fileno(self) -> int:
        """For select()."""
        return int(self._inotify.fileno())

    def close(self) -> None:
        """Stop watching."""
        self._inotify.close()

    def scan(self) -> Iterator[Path]:
        """Every file that is there now; folders met on the way come under watch."""
        yield from self._enter(self._top)

    def retry(self) -> Iterator[Path]:
        """Files in folders that could not be read before; no event tells of a new permission."""
        for folder in list(self.denied):
            del self.denied[folder]
            yield from self._enter(folder)

    def news(self) -> News:
        """What happened since the last look; never waits."""
        closed: list[Path] = []
        found: list[Path] = []
        named: list[Path] = []
        lost_sight = False
        for event in self._inotify.read(timeout=0):
            folder = self._folders.get(event.wd)
            if event.mask & flags.Q_OVERFLOW or (event.mask & _GONE and folder == self._top):
                lost_sight = True
            elif event.mask & flags.IGNORED:
                self._folders.pop(event.wd, None)
            elif folder is None or not event.name:
                continue
            elif event.mask & flags.ISDIR:
                # Files written before the watch stood would go unseen: look inside at once.
                found.extend(self._enter(folder / event.name))
            elif event.mask & (flags.CLOSE_WRITE | flags.MOVED_TO):
                closed.append(folder / event.name)
            elif event.mask & flags.CREATE:
                named.append(folder / event.name)
        return News(_once(closed), _once(found), _once(named), lost_sight)

    def _enter(self, folder: Path) -> Iterator[Path]:
        try:
            self._watch(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == self._top:
                raise
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:  # else it came and went
                self.denied[folder] = error
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._enter(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)

    def _watch(self, folder: Path) -> None:
        self._folders[self._inotify.add_watch(folder, _MASK)] = folder


def _once(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))
