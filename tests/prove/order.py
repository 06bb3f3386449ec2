"""Owns the order in which the card must be written, checked in a record of system calls. Pure.

file fsync < rename < folder fsync < COMMIT's fsync < acknowledge. Acknowledged is: a file logged
as taken, a modality answered (over the network or a serial line), an object's first byte sent, a
source's file deleted, what a line brought let go of.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

FILM = "P0"
"""How the names of the films begin, in the log too."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.prove.strace import Call

RECORDED = [
    "openat",
    "write",
    "writev",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "mkdir",
    "unlink",
    "ftruncate",
    "sendto",
    "sendmsg",
    "sendfile",
]

_SYNCS = frozenset({"fsync", "fdatasync"})
_WRITES = frozenset({"write", "writev", "pwrite64", "ftruncate", "sendfile", "copy_file_range"})
_P_DATA = r'"\4\0'
_MESSAGE = r'"\v'  # how MLLP begins
_TAKEN = f": took {FILM}"


class Places(NamedTuple):
    """Where the box and its source lie, the port at which modalities call, a line to another."""

    root: str
    export: str
    port: int
    line: str

    @property
    def spool(self) -> str:
        return f"{self.root}/var/spool"

    @property
    def staged(self) -> str:
        """What came over the line is here until it is accepted."""
        return f"{self.root}/var/serial"

    def keeps(self, path: str) -> bool:
        """Whether the name at `path` matters after a cut: a stored file or folder, an export."""
        drafts = f"{self.spool}/tmp"
        kept = (f"{self.spool}/", f"{self.export}/", f"{self.staged}/")
        return path.startswith(kept) and not path.startswith(drafts)


class Record:
    """What was recorded, by thread."""

    def __init__(self, calls: Iterable[Call], places: Places) -> None:
        self.places = places
        self.calls = [call for call in calls if call.succeeded]

    def faults(self) -> list[str]:
        """Everything that was done in a wrong order, or that should be there and is not."""
        return [
            *self._missing(),
            *self._renamed_before_their_bytes_were_safe(),
            *self._relied_on_before_their_names_were_safe(),
            *self._committed_before_published(),
            *self._acknowledged_before_committed(),
        ]

    # What happened

    def publications(self) -> list[Call]:
        """Files that got their name in the spool."""
        return [c for c in self.renames() if c.paths[-1].startswith(self.places.spool)]

    def renames(self) -> list[Call]:
        inside = f"{self.places.root}/"
        return [
            c for c in self.calls
            if c.name.startswith("rename") and c.paths[-1].startswith(inside)
        ]  # fmt: skip

    def takings(self) -> list[Call]:
        """Files logged as taken."""
        return [c for c in self.calls if c.name == "write" and _TAKEN in c.arguments]

    def answers(self) -> list[Call]:
        """The first thing that each thread said to a modality that had sent an object."""
        return self._first_data(f":{self.places.port}->", is_in=True)

    def replies(self) -> list[Call]:
        """Messages that were answered over the line."""
        return [
            c for c in self.calls
            if c.name == "write" and _MESSAGE in c.arguments
            and c.path.partition("<")[0] == self.places.line
        ]  # fmt: skip

    def sendings(self) -> list[Call]:
        """The first byte of DICOM data that each thread put on the line to a PACS."""
        return self._first_data(f":{self.places.port}->", is_in=False)

    def _first_data(self, line: str, *, is_in: bool) -> list[Call]:
        first: dict[int, Call] = {}
        for call in self.calls:
            is_to_a_peer = call.name.startswith("send") and "<TCP" in call.arguments
            if is_to_a_peer and _P_DATA in call.arguments and (line in call.arguments) is is_in:
                first.setdefault(call.thread, call)
        return list(first.values())

    def deletions(self) -> list[Call]:
        """Files deleted from the source."""
        return [
            c for c in self.calls
            if c.name == "unlink" and c.path.startswith(f"{self.places.export}/")
        ]  # fmt: skip

    def removals(self) -> list[Call]:
        """Files that came over the line, let go of."""
        return [
            c for c in self.calls
            if c.name == "unlink" and c.path.startswith(f"{self.places.staged}/")
        ]  # fmt: skip

    # The rules

    def _missing(self) -> Iterator[str]:
        seen = {
            "published": self.publications(),
            "logged as taken": self.takings(),
            "answered to a modality": self.answers(),
            "answered over the line": self.replies(),
            "let go of that the line brought": self.removals(),
            "sent": self.sendings(),
            "deleted from the source": self.deletions(),
        }
        yield from (f"nothing was {what}" for what, calls in seen.items() if not calls)

    def _renamed_before_their_bytes_were_safe(self) -> Iterator[str]:
        for rename in self.renames():
            draft = rename.paths[-2]
            written = [c for c in self.calls if c.name in _WRITES and c.path == draft]
            if not self._synced(draft, written[-1] if written else None, rename):
                yield f"{draft} got its name before its bytes were synced"

    def _relied_on_before_their_names_were_safe(self) -> Iterator[str]:
        for change in self.calls:
            if change.name not in {"rename", "renameat2", "mkdir", "unlink"}:
                continue
            name = change.paths[-1]
            if not self.places.keeps(name):
                continue
            folder = str(PurePosixPath(name).parent)
            relied = next((c for c in self._of(change) if self._relies(c, change)), None)
            if not self._synced(folder, change, relied):
                yield f"{change.name} of {name}: relied on before {folder} was synced"

    def _committed_before_published(self) -> Iterator[str]:
        for taken in (*self.takings(), *self.answers(), *self.replies()):
            published = [c for c in self.publications() if _is_over(c, taken)]
            published = [c for c in published if c.thread == taken.thread]
            commits = [c for c in self._commits(taken) if _is_over(c, taken)]
            if not published or not any(_is_over(published[-1], c) for c in commits):
                yield f"committed before it was published: {taken.arguments}"

    def _acknowledged_before_committed(self) -> Iterator[str]:
        answered = (*self.answers(), *self.replies(), *self.sendings())
        for call in (*self.takings(), *answered, *self.removals()):
            yield from self._unsafe(call, call)
        for deletion in self.deletions():
            for sending in self.sendings():
                yield from self._unsafe(deletion, sending)

    def _unsafe(self, acknowledgement: Call, committer: Call) -> Iterator[str]:
        """`acknowledgement` relies on what the thread of `committer` wrote to the journal."""
        written = [c for c in self._commits(committer) if _is_over(c, acknowledgement)]
        if not written:
            yield f"nothing was committed before {acknowledgement.name} {acknowledgement.path}"
        elif not self._synced(written[-1].path, written[-1], acknowledgement):
            what = f"{acknowledgement.name} {acknowledgement.arguments[:120]}"
            yield f"the COMMIT was not synced before {what}"

    # Who did what, and when

    def _of(self, call: Call) -> list[Call]:
        """What the same thread did."""
        return [c for c in self.calls if c.thread == call.thread]

    def _commits(self, call: Call) -> list[Call]:
        """What the same thread wrote to the journal."""
        return [c for c in self._of(call) if c.name in _WRITES and c.path.endswith("-wal")]

    def _relies(self, call: Call, change: Call) -> bool:
        is_commit = call.name in _WRITES and call.path.endswith("-wal")
        return _is_over(change, call) and (is_commit or _TAKEN in call.arguments)

    def _synced(self, path: str, after: Call | None, before: Call | None) -> bool:
        """Whether `path` was synced between two calls, by whichever thread."""
        return any(
            call.name in _SYNCS
            and call.path == path
            and (after is None or _is_over(after, call))
            and (before is None or _is_over(call, before))
            for call in self.calls
        )


def _is_over(first: Call, second: Call) -> bool:
    """Whether `first` had ended when `second` began."""
    return first.ended < second.begun
