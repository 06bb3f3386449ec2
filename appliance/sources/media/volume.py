"""Owns foreign media: the walk through a file system nobody vouches for, the judging of its files.

A medium may be pulled, broken or made to do harm. Nothing here follows a link, opens a device or
goes on for ever, and one thing that cannot be read never keeps the others from being taken.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.intake.accept import evidence_digest, modified_at, shown_name
from appliance.intake.complete import Wholeness, check_export
from appliance.intake.sidecars import Beside, is_sidecar
from appliance.journal.spool import digest_of
from appliance.model import Arrival
from appliance.settings.naming import IMAGE_SUFFIXES
from appliance.sources.media.dicomdir import is_dicomdir
from appliance.sources.patience import is_junk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.errors import Quarantined
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import Source
    from appliance.settings.schema import Profile

DEEPEST = 64
"""How many folders may lie in each other."""

MOST_FILES = 1_000_000
MOST_FOLDERS = 200_000
MOST_IN_FOLDER = 100_000
"""What is more than that is left, and said: a broken file system can list for ever."""

_MOST_BROKEN_BYTES = 256 << 20
_NO_EXPORTS = frozenset(
    {
        *("lost+found", "system volume information", "$recycle.bin", "recycler", "recycled"),
        *(".trashes", ".spotlight-v100", ".fseventsd", ".temporaryitems"),
    }
)
"""Folders of the file system itself; what somebody deleted is in some, and must not come back."""
_GONE = frozenset(
    {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOMEDIUM, errno.ESHUTDOWN}
)
_WORN = "the medium fails there, and may hold more than it shows"
_LOOP = "it leads back to a folder it lies in"


def may_be_gone(error: OSError) -> bool:
    """Whether this is what reading from a medium that was pulled looks like."""
    return error.errno in _GONE


# Walking


class Volume:
    """The files below `root`, which is on a medium (or any folder).

    `unread` are the folders that could not be read, and why; `unlisted` the names of those of
    which not everything was listed; `strange` counts what is neither file nor folder. They tell of
    the last walk.
    """

    def __init__(self, root: Path, errors: Callable[[], int | None] = lambda: None) -> None:
        """Nothing is read yet; `errors`: how often the disk has failed, None where not known."""
        self.root = root
        self._errors = errors
        self.unread: dict[Path, OSError] = {}
        self.unlisted: dict[str, str] = {}
        self.strange = 0
        self._folders = 0

    def files(self) -> Iterator[Path]:
        """Every regular file, folder by folder, names in order.

        Raises OSError where the root itself cannot be read.
        """
        self.unread, self.unlisted, self.strange, self._folders = {}, {}, 0, 0
        for number, path in enumerate(self._walk(self.root, ())):
            if number == MOST_FILES:
                self.unlisted["."] = f"there are more than {MOST_FILES} files"
                return
            yield path

    def files_again(self) -> Iterator[Path]:
        """The files below the folders that could not be read the last time."""
        unread, self.unread = self.unread, {}
        for folder in unread:
            above = ((0, 0),) * len(folder.relative_to(self.root).parts)
            yield from self._walk(folder, above)

    def name(self, path: Path) -> str:
        """Where a file lies below the root, as it may be shown."""
        return shown_name(path.relative_to(self.root).as_posix())

    def _walk(self, folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
        try:
            status = folder.lstat() if above else folder.stat()  # the root may be a /proc link
            listing = self._listed(folder)
        except OSError as error:
            if not above:
                raise
            self._pass_over(folder, error)
            return
        self.strange += listing.strange
        for name in listing.files:
            yield folder / name
        this = (status.st_dev, status.st_ino)
        if this in above:
            self.unlisted[self.name(folder)] = _LOOP
        elif len(above) == DEEPEST and listing.folders:
            self.unlisted[self.name(folder)] = f"it is the {DEEPEST}th folder in another"
        else:
            for name in listing.folders:
                if self._folders == MOST_FOLDERS:
                    self.unlisted["."] = f"there are more than {MOST_FOLDERS} folders"
                    return
                self._folders += 1
                yield from self._walk(folder / name, (*above, this))

    def _pass_over(self, folder: Path, error: OSError) -> None:
        if error.errno == errno.ELOOP:  # the kernel saw it first
            self.unlisted[self.name(folder)] = _LOOP
        else:
            self.unread[folder] = error

    def _listed(self, folder: Path) -> _Listing:
        """What lies in a folder; if the disk fails meanwhile, what it shows the second time.

        FAT and ISO 9660 drivers pass over the part of a folder that cannot be read, and say
        nothing; a disk that only had to try again does not fail twice.
        """
        listing, has_failed = self._seen(folder)
        if has_failed:
            listing, has_failed = self._seen(folder)
        if has_failed:
            self.unlisted[self.name(folder)] = _WORN
        return listing

    def _seen(self, folder: Path) -> tuple[_Listing, bool]:
        """What lies in a folder, and whether the disk failed meanwhile."""
        before = self._errors()
        listing = self._listing(folder)
        return listing, self._errors() not in {before, None}

    def _listing(self, folder: Path) -> _Listing:
        found = _Listing()
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_IN_FOLDER):
                self._sort(entry, found)
            if next(entries, None):
                self.unlisted[self.name(folder)] = f"it lists more than {MOST_IN_FOLDER} files"
        found.files.sort()
        found.folders.sort()
        return found

    def _sort(self, entry: os.DirEntry[str], found: _Listing) -> None:
        try:
            if entry.is_dir(follow_symlinks=False):
                if not _is_of_the_system(entry.name):
                    found.folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                found.files.append(entry.name)
            else:
                found.strange += 1
        except OSError as error:
            self.unread[Path(entry.path)] = error


def _is_of_the_system(folder: str) -> bool:
    name = folder.lower()
    return name in _NO_EXPORTS or name.startswith(".trash-")


@dataclass(slots=True)
class _Listing:
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    strange: int = 0


# Judging


class Kind(StrEnum):
    """What a file on a medium is."""

    EXPORT = "export"  # whole
    UNFINISHED = "unfinished"  # ends early: cut off, or still being written
    BROKEN = "broken"  # contradicts itself, or is empty
    SIDECAR = "sidecar"  # describes others
    FOREIGN = "foreign"  # nothing a modality exports


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, and what is wrong with it."""

    kind: Kind
    problem: Quarantined | None = None


class Fate(StrEnum):
    """What became of a file on a medium."""

    TAKEN = "taken"  # accepted, on the card
    KNOWN = "known"  # was accepted before; nothing was written
    LEFT = "left"  # not for us; nothing was written


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, and what it was."""

    fate: Fate
    judgement: Judgement


class Taker:
    """Takes the files of one source's media, each only once; belongs to one thread."""

    def __init__(
        self, source: Source, profile: Profile | None, journal: Journal, intake: Intake
    ) -> None:
        """Take for `source`."""
        self._source = source
        self._profile = profile
        self._journal = journal
        self._intake = intake
        self._beside: Beside | None = None

    def afresh(self) -> None:
        """Forget which sidecars lie where: the medium is another, or may have changed."""
        self._beside = None

    def judge(self, path: Path, name: str) -> Judgement:
        """Look what a file is; cheap unless its format has no lengths. OSErrors fly.

        What is not understood, but looks or is called like an export, is one that broke.
        """
        if is_junk(path.name) or is_dicomdir(path.name):
            return Judgement(Kind.FOREIGN)
        if is_sidecar(path, None):
            return Judgement(Kind.SIDECAR)
        verdict = check_export(path, self._profile)
        kind = _KINDS[verdict.wholeness]
        if kind is Kind.FOREIGN and (verdict.format or path.suffix.lower() in IMAGE_SUFFIXES):
            kind = Kind.BROKEN
        return Judgement(kind, verdict.problem(name))

    def beside(self, path: Path) -> dict[Path, str]:
        """The sidecars that describe a file, and their SHA-256.

        Raises OSError where one that may describe it cannot be read, or kept.
        """
        if self._beside is None or self._beside.folder != path.parent:
            self._beside = Beside(path.parent, self._profile)
        found = self._beside.of(path)
        for sidecar in found:
            if sidecar.lstat().st_size > _MOST_BROKEN_BYTES:
                raise OSError(errno.EFBIG, "its sidecar is too large to be kept", str(sidecar))
        return {sidecar: self._beside.digest(sidecar) for sidecar in found}

    def take(
        self, path: Path, name: str, judgement: Judgement | None = None, *, sha256: str = ""
    ) -> Outcome:
        """Accept a file unless it is known or foreign; when this returns it is on the card.

        `name` is as `Volume.name` makes it; `judgement` and `sha256` where the caller has them.
        Raises OSError (it, or a sidecar of its name, cannot be read), ChangedMeanwhile, DiskFull.
        """
        found = judgement or self.judge(path, name)
        if not self._is_wanted(path, found):
            return Outcome(Fate.LEFT, found)
        sidecars = self.beside(path)
        digest = sha256 or digest_of(path)
        evidence = evidence_digest(
            self._profile, name, {beside.name: sha for beside, sha in sidecars.items()}
        )
        arrival = Arrival(self._source.name, name, path, f"content:{digest}:{evidence}")
        if self._journal.arrivals.knows(arrival, modified_at(path)):
            return Outcome(Fate.KNOWN, found)
        kept = () if found.problem else tuple(sidecars)
        self._intake.accept(arrival, self._profile, kept, found.problem, sha256=digest)
        return Outcome(Fate.TAKEN, found)

    def _is_wanted(self, path: Path, found: Judgement) -> bool:
        """Sidecars come with the images they describe; a broken giant would only fill the card."""
        match found.kind:
            case Kind.EXPORT:
                return True
            case Kind.UNFINISHED | Kind.BROKEN:
                return path.lstat().st_size <= _MOST_BROKEN_BYTES
            case Kind.SIDECAR | Kind.FOREIGN:
                return False


_KINDS = {
    Wholeness.WHOLE: Kind.EXPORT,
    Wholeness.GROWING: Kind.UNFINISHED,
    Wholeness.HOLLOW: Kind.UNFINISHED,
    Wholeness.BROKEN: Kind.BROKEN,
    Wholeness.EMPTY: Kind.BROKEN,
    Wholeness.UNKNOWN: Kind.FOREIGN,
}
