"""Owns `jembatan send`: files and folders to one peer, now, over the product's own sender."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import part10
from appliance.clock import SystemClock
from appliance.dicom.association import Link, Target
from appliance.errors import (
    AssociationFailed,
    NotThere,
    OutcomeUnknown,
    Problem,
    Refused,
    SourceDenied,
)
from appliance.forward import outcome
from appliance.model import Instance
from appliance.settings import values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.clock import Clock
    from appliance.part10 import Part10

_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file; `status` in hex is what the peer answered, if it did."""

    path: Path
    uid: str = ""
    size_bytes: int = 0
    status: str | None = None
    problem: Problem | None = None
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all of them."""

    objects: tuple[Sent, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Sent, ...]:
        """What was not sent."""
        return tuple(each for each in self.objects if not each.is_sent)

    def document(self) -> dict[str, object]:
        """The result of `jembatan send --json`."""
        return {
            "sent": len(self.objects) - len(self.failed),
            "failed": len(self.failed),
            "bytes": sum(each.size_bytes for each in self.objects if each.is_sent),
            "seconds": round(self.seconds, 3),
            "objects": [
                {
                    "path": str(each.path),
                    "uid": each.uid,
                    "status": each.status,
                    "sentence": each.problem.sentence if each.problem else "It has been stored.",
                }
                for each in self.objects
            ],
        }

    def complaints(self) -> Iterator[str]:
        """One line for each cause of failure, with its files and a hint."""
        causes: dict[tuple[str, str], list[Path]] = {}
        for each in self.failed:
            if each.problem:
                cause = (each.problem.sentence, each.problem.hint)
                causes.setdefault(cause, []).append(each.path)
        for (sentence, hint), paths in causes.items():
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            yield f"{paths[0]}{more}: {sentence} {hint}".strip()


def send(
    paths: Sequence[Path],
    to: str,
    calling: str,
    associations: int = 1,
    clock: Clock | None = None,
) -> Report:
    """Send the files, and those in the folders, to AET@HOST:PORT; waits until all is answered.

    Raises Refused where that cannot even be tried.
    """
    clock = clock or SystemClock()
    start_s = clock.monotonic()
    target = target_of(to, calling)
    files, useless = _looked_at(paths)
    if not files and not useless:
        raise Refused(what="Sending", why="there is no file in what was named")
    sent = _Round(target, files).run(min(associations, len(files))) if files else ()
    return Report((*useless, *sent), clock.monotonic() - start_s)


def target_of(to: str, calling: str) -> Target:
    """Read AET@HOST:PORT. Raises Refused."""
    called, _, place = to.rpartition("@")
    host, _, port = place.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
        raise Refused(what=f"The destination {to}", why="it is written AETITLE@HOST:PORT")
    for title in (called, calling):
        if fault := values.ae_title(title):
            raise Refused(what="The AE title", why=fault)
    return Target(host.strip("[]"), int(port), called, calling)


def _looked_at(paths: Sequence[Path]) -> tuple[list[Part10], list[Sent]]:
    """The heads of the files that can be sent, and what became of the others."""
    files: list[Part10] = []
    useless: list[Sent] = []
    for path in paths:
        is_folder = path.is_dir()
        for each in _below(path) if is_folder else [path]:
            try:
                file = part10.read(each)
            except OSError as error:
                useless.append(Sent(each, problem=_denied(each, error)))
            except Problem as problem:
                useless.append(Sent(each, problem=problem))
            else:
                # A disk's table of contents lies among the images; nobody stores it.
                if not (is_folder and file.sop_class_uid == part10.MEDIA_DIRECTORY):
                    files.append(file)
    return files, useless


def _below(folder: Path) -> Iterator[Path]:
    """Every file in the folder and the folders in it, in the order of their names."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path)
        else:
            yield path.resolve() if entry.is_symlink() else path


class _Round:
    """The files on their way: workers, each with an association, take the next one that waits."""

    def __init__(self, target: Target, files: Sequence[Part10]) -> None:
        self._target = target
        self._files = files
        self._contexts = dict.fromkeys(map(_context_of, files))
        self._waiting = deque(enumerate(files))
        self._again: set[int] = set()
        self._done: dict[int, Sent] = {}
        self._stopped: AssociationFailed | None = None

    def run(self, workers: int) -> list[Sent]:
        """What became of the files, in their order."""
        others = [threading.Thread(target=self._work) for _ in range(workers - 1)]
        for thread in others:
            thread.start()
        self._work()
        for thread in others:
            thread.join()
        return [
            self._done.get(number) or _not_sent(file, self._stopped)
            for number, file in enumerate(self._files)
        ]

    def _work(self) -> None:
        """Take what waits until nothing does; without an association, leave it to the others."""
        link: Link | None = None
        while self._waiting:
            try:
                number, file = self._waiting.popleft()
            except IndexError:  # another worker was faster
                break
            try:
                link = self._link_for(file, link)
            except AssociationFailed as problem:
                self._stopped = problem
                self._waiting.appendleft((number, file))
                return
            self._done[number] = done = _sent(file, link)
            if isinstance(done.problem, OutcomeUnknown) and number not in self._again:
                self._again.add(number)
                self._waiting.append((number, file))
        if link:
            link.release()

    def _link_for(self, file: Part10, link: Link | None) -> Link:
        """The link, or another one if it is gone or the file's context did not fit on it."""
        context = _context_of(file)
        if link:
            if link.alive() and link.offered(*context):
                return link
            link.release()
        return Link.open(self._target, (context, *self._contexts))


def _sent(file: Part10, link: Link) -> Sent:
    try:
        answer = link.store(_instance(file))
    except OSError as error:
        return _not_sent(file, _denied(file.path, error))
    except Problem as problem:
        return _not_sent(file, problem)
    verdict = outcome.of_answer(link.target, answer)
    return replace(
        _not_sent(file, verdict.why),
        status=None if answer.status is None else f"{answer.status:04X}",
        is_sent=verdict.action is outcome.Action.SENT,
    )


def _not_sent(file: Part10, problem: Problem | None) -> Sent:
    return Sent(file.path, file.sop_instance_uid, file.data_set.length, problem=problem)


def _denied(path: Path, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return NotThere(what=f"file {path}")
    return SourceDenied(path=path, detail=(error.strerror or str(error)).lower())


def _context_of(file: Part10) -> tuple[str, str]:
    return file.sop_class_uid, file.transfer_syntax_uid


def _instance(file: Part10) -> Instance:
    """The file's data set as it is; who asks for no confirmation needs no other UIDs."""
    return Instance(
        number=1,
        sop_class_uid=file.sop_class_uid,
        sop_instance_uid=file.sop_instance_uid,
        study_instance_uid="",
        series_instance_uid="",
        transfer_syntax_uid=file.transfer_syntax_uid,
        digest="",
        pieces=(file.data_set,),
    )
