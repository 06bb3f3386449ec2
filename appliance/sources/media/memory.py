"""Owns what is remembered of the files on a share, and which of them describe which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.intake.sidecars import is_sidecar
from appliance.sources.media.dicomdir import is_dicomdir
from appliance.sources.patience import has_unfinished_name, is_junk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.settings.schema import Profile
    from appliance.sources.media.remote import Entry, Listing

_MOST_REMEMBERED = 100_000
_LARGEST_SIDECAR_BYTES = 4 << 20
_SUFFIX = re.compile(r"\.[A-Za-z]\w{0,4}$")


@dataclass(slots=True)
class Seen:
    """What is known of one file while its size, times and own sidecars stay the same."""

    stamp: tuple[Entry, ...]  # the file's own entry first
    still_since_s: float
    sha256: str = ""  # of the last reading
    read_s: float = 0.0  # when that ended
    known: bool = False  # the journal has accepted these bytes under that name
    settled: bool = False  # there is nothing more to do
    foreign: bool = False  # it is not for us
    doubtful: bool = False  # another file could look the same
    stumbles: int = 0  # how often the share was lost while this file was read

    @property
    def is_wanted(self) -> bool:
        """Whether it may be an image that is still to be taken."""
        entry = self.stamp[0]
        return not (
            self.settled
            or self.known
            or entry.size_bytes == 0
            or has_unfinished_name(entry.basename)
        )

    def read_again(self, sha256: str, now_s: float) -> None:
        """Its bytes are others than at the last reading, whatever its times say."""
        self.sha256, self.read_s, self.still_since_s = sha256, now_s, now_s
        self.known = False


class Memory:
    """Everything seen on one share since the service started, also while the share is away."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._seen: dict[str, Seen] = {}

    def saw(self, entry: Entry, own: Iterable[Entry], now_s: float) -> None:
        """A file was listed; one that changed begins anew."""
        stamp = (entry, *own)
        seen = self._seen.get(entry.name)
        if seen is None or seen.stamp != stamp:
            self._seen[entry.name] = Seen(stamp, now_s)

    def of(self, entry: Entry) -> Seen:
        """What is remembered of a file that `saw` was told of."""
        return self._seen[entry.name]

    def vanished(self, listing: Listing) -> list[Entry]:
        """Files that are listed no more and were not taken, unless under another name.

        To be asked before `saw` is told of that listing. They are forgotten; so is what is listed
        no more of the others, once there is too much to remember.
        """
        there = {entry.name for entry in listing.entries}
        renamed = _Traces(entry for entry in listing.entries if entry.name not in self._seen)
        gone = [
            seen.stamp[0]
            for name, seen in self._seen.items()
            if name not in there
            and seen.is_wanted
            and not _is_below(seen.stamp[0], listing.unread)
        ]
        full = len(self._seen) > _MOST_REMEMBERED
        forgotten = self._seen.keys() - there if full else {entry.name for entry in gone}
        for name in forgotten:
            del self._seen[name]
        return [entry for entry in gone if not renamed.has(entry)]

    def came_back(self) -> None:
        """The share was away, and its machine's clock may have begun anew.

        FAT knows times to two seconds only, old Linux to one, and nothing but the last change: a
        file that replaced one of the same size could look the same.
        """
        for seen in self._seen.values():
            coarse = seen.stamp[0].written_at % 1 == 0
            seen.doubtful = seen.settled and not seen.foreign and coarse

    def doubt_one(self) -> None:
        """Have one doubtful file read again, at leisure: the one read longest ago."""
        doubtful = (seen for seen in self._seen.values() if seen.doubtful)
        if seen := min(doubtful, key=lambda seen: seen.read_s, default=None):
            seen.doubtful, seen.settled, seen.sha256 = False, False, ""


class _Traces:
    """What renamed files would have kept of what they were."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._traces = {trace for entry in entries for trace in _traces(entry)}

    def has(self, entry: Entry) -> bool:
        return bool(self._traces & _traces(entry))


def _traces(entry: Entry) -> set[tuple[object, object]]:
    bare = _SUFFIX.sub("", entry.basename)  # which many a writer gives a file at its end
    return {(entry.size_bytes, entry.written_at), (entry.folder, bare)}


def _is_below(entry: Entry, folders: Iterable[str]) -> bool:
    return any(folder == "." or entry.shown.startswith(f"{folder}/") for folder in folders)


class Companions:
    """Which sidecars of a listing may describe which file."""

    def __init__(self, entries: Iterable[Entry], profile: Profile | None) -> None:
        """Sort them by folder and name."""
        self._profile = profile
        self._named: dict[tuple[str, str], list[Entry]] = {}
        self._lists: dict[str, list[Entry]] = {}
        files: list[Entry] = []
        sidecars: list[Entry] = []
        for entry in entries:
            (sidecars if self._is_sidecar(entry) else files).append(entry)
        described = {key for entry in files for key in _keys(entry)} if sidecars else set()
        for sidecar in sidecars:
            key = (sidecar.folder, Path(sidecar.basename).stem)
            if key in described:
                self._named.setdefault(key, []).append(sidecar)
            else:
                self._lists.setdefault(sidecar.folder, []).append(sidecar)

    def own(self, entry: Entry) -> tuple[Entry, ...]:
        """The sidecars that carry the file's name."""
        found = (self._named.get(key, ()) for key in _keys(entry))
        return tuple(dict.fromkeys(sidecar for sidecars in found for sidecar in sidecars))

    def of(self, entry: Entry) -> tuple[Entry, ...]:
        """Those, and the lists in its folder that may mention it."""
        return (*self.own(entry), *self._lists.get(entry.folder, ()))

    def is_aside(self, entry: Entry) -> bool:
        """Whether its name says that it is not to be taken by itself."""
        name = Path(entry.basename)
        return (
            is_junk(name.name)
            or is_dicomdir(name.name)
            or is_sidecar(name, None)
            or is_sidecar(name, self._profile)
        )

    def _is_sidecar(self, entry: Entry) -> bool:
        small = entry.size_bytes <= _LARGEST_SIDECAR_BYTES
        return small and is_sidecar(Path(entry.basename), self._profile)


def _keys(entry: Entry) -> set[tuple[str, str]]:
    return {(entry.folder, Path(entry.basename).stem), (entry.folder, entry.basename)}
