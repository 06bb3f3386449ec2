"""Owns the moment a file becomes ours: hash, publish, journal row; acknowledged only then."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from appliance import durable
from appliance.errors import ChangedMeanwhile
from appliance.journal.codec import dump
from appliance.journal.spool import digest_of
from appliance.settings.naming import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.errors import Ignored, Quarantined
    from appliance.journal.arrivals import Accepted
    from appliance.journal.journal import Journal
    from appliance.journal.spool import Stored
    from appliance.model import Arrival
    from appliance.settings.schema import Profile


class Intake:
    """The one way in, for every kind of source."""

    def __init__(self, journal: Journal) -> None:
        """Accept into `journal`."""
        self._journal = journal

    def accept(
        self,
        arrival: Arrival,
        profile: Profile | None,
        sidecars: Sequence[Path] = (),
        verdict: Quarantined | Ignored | None = None,
        *,
        sha256: str = "",
    ) -> Accepted:
        """Take a file over; when this returns it survives a pulled plug.

        `sidecars` are kept with it. `verdict` sets it aside at once, bytes and all. Its bytes must
        be those of `sha256` where that is given, else the file that `arrival.fingerprint` says.
        Raises ChangedMeanwhile (look again later), DiskFull, and OSError where it cannot be read.
        """
        with self._journal.spool.custody():
            kept = {_text(path.name): self._keep_once(path) for path in sidecars}
            stored = self._stored(arrival, sha256) or self._unchanged(arrival, sha256)
            return self._journal.arrivals.add(
                arrival,
                stored,
                evidence_digest=evidence_digest(profile, arrival.name, kept),
                sidecars=kept,
                modified_at=modified_at(arrival.path),
                verdict=verdict,
            )

    def _stored(self, arrival: Arrival, sha256: str) -> Stored | None:
        """The file's bytes, where they are here already and are those that are wanted."""
        here = self._journal.arrivals.stored(arrival)
        return here if here and sha256 in {"", here.sha256} else None

    def _unchanged(self, arrival: Arrival, sha256: str) -> Stored:
        """The file's bytes, kept; a writer that came back meanwhile has not finished with it."""
        with _opened(arrival.path) as incoming:

            def must_be_it(found: str) -> None:
                now = fingerprint(os.fstat(incoming.fileno()))
                if found != sha256 if sha256 else now != arrival.fingerprint:
                    raise ChangedMeanwhile(name=shown_name(arrival.path.name))

            return self._journal.spool.keep(incoming, must_be_it)

    def _keep_once(self, path: Path) -> str:
        """The digest of a file that may be here already: a list comes with each of its images."""
        sha256 = digest_of(path)
        here = self._journal.spool.path(sha256)
        if not here.exists():
            with _opened(path) as incoming:
                return self._journal.spool.keep(incoming).sha256
        durable.fsync_folder(here.parent)  # whoever published it may not have come to that yet
        return sha256


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def shown_name(name: str) -> str:
    """`name` as it may be written anywhere: what nobody can see or decode is percent-encoded."""
    return "".join(char if char.isprintable() else _percent(char) for char in name)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))


def evidence_digest(profile: Profile | None, name: str, sidecars: Mapping[str, str]) -> str:
    """What the name and the sidecars say, as one digest; "" where they say nothing.

    The sidecars' content counts, not their names: an image and its sidecar renamed together are
    the same evidence.
    """
    said = {"name": dict(named(profile, name)), "sidecars": sorted(sidecars.values())}
    if not any(said.values()):
        return ""
    return hashlib.sha256(dump(said).encode()).hexdigest()


def fingerprint(stat: os.stat_result) -> str:
    """Changes when the file does; not the device number, which a reboot may change."""
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def _text(name: str) -> str:
    """A name as text, also where its bytes are none."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def modified_at(path: Path) -> datetime:
    """When the file says it was written last; long ago where that is beyond all calendars."""
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)
