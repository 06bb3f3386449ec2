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
from appliance.desk.address import address
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
from appliance.intake import complete
from appliance.model import Instance
from appliance.part10 import MEDIA_DIRECTORY, Part10
from appliance.settings import values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.clock import Clock
    from appliance.settings.schema import Tls

_TRIES = 2  # of one whose outcome is unknown


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
    target: Target,
    associations: int = 1,
    clock: Clock | None = None,
) -> Report:
    """Send the files, and those in the folders, there; waits until all is answered.

    Raises Refused where there is nothing to send.
    """
    clock = clock or SystemClock()
    start_s = clock.monotonic()
    crew = _Crew(target, associations)
    useless = []
    for looked_at in _looked_at(paths):
        if isinstance(looked_at, Part10):
            crew.hand(looked_at)
        else:
            useless.append(looked_at)
    sent = crew.results()
    if not sent and not useless:
        raise Refused(what="Sending", why="there is no file in what was named")
    return Report((*useless, *sent), clock.monotonic() - start_s)


def target_of(to: str, calling: str, tls: Tls | None = None) -> Target:
    """Read AET@HOST:PORT. Raises Refused."""
    called, host, port = address(to)
    for title in (called, calling):
        if fault := values.ae_title(title):
            raise Refused(what="The AE title", why=fault)
    return Target(host, port, called, calling, tls)


def _looked_at(paths: Sequence[Path]) -> Iterator[Part10 | Sent]:
    """The files that can be sent, and what became of those that cannot."""
    for path in paths:
        is_folder = path.is_dir()
        for each in _below(path) if is_folder else [path]:
            file = _whole(each)
            # A disk's table of contents lies among its images; nobody stores it.
            if is_folder and isinstance(file, Part10) and file.sop_class_uid == MEDIA_DIRECTORY:
                continue
            yield file


def _whole(path: Path) -> Part10 | Sent:
    try:
        file = part10.read(path)
        problem = complete.check(path).problem(str(path))
    except OSError as error:
        return Sent(path, problem=_denied(path, error))
    except Problem as why:
        return Sent(path, problem=why)
    return Sent(path, file.sop_instance_uid, problem=problem) if problem else file


def _below(folder: Path) -> Iterator[Path]:
    """Every file in the folder and the folders in it, in the order of their names."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield folder  # looking at it will say why it cannot be
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path)
        else:
            yield Path(os.path.realpath(path)) if entry.is_symlink() else path


class _Crew:
    """Workers with an association each, who send files while further ones are looked at."""

    def __init__(self, target: Target, workers: int) -> None:
        self._target = target
        self._files: list[Part10] = []
        self._contexts: dict[tuple[str, str], None] = {}
        self._done: dict[int, Sent] = {}
        self._stopped: AssociationFailed | None = None
        self._crash: BaseException | None = None
        self._news = threading.Condition()
        self._waiting: deque[int] = deque()
        self._is_all = False
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def hand(self, file: Part10) -> None:
        """Have one more file sent."""
        with self._news:
            self._contexts[_context_of(file)] = None
            self._waiting.append(len(self._files))
            self._files.append(file)
            self._news.notify()

    def results(self) -> list[Sent]:
        """What became of the files, in their order, once all are answered."""
        with self._news:
            self._is_all = True
            self._news.notify_all()
        for thread in self._threads:
            thread.join()
        if self._crash:
            raise self._crash
        if self._done:  # what one worker could not send is left when the others were through
            self._work()
        return [
            self._done.get(number) or _not_sent(file, self._stopped)
            for number, file in enumerate(self._files)
        ]

    def _next(self) -> int | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._is_all)
            return self._waiting.popleft() if self._waiting else None

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised where the results are asked for
            self._crash = error

    def _work(self) -> None:
        link: Link | None = None
        while (number := self._next()) is not None:
            try:
                for _ in range(_TRIES):
                    link = self._link_for(self._files[number], link)
                    self._done[number] = done = _sent(self._files[number], link)
                    if not isinstance(done.problem, OutcomeUnknown):
                        break
            except AssociationFailed as problem:
                with self._news:
                    self._stopped = problem
                    self._waiting.appendleft(number)
                    self._news.notify()
                return
        if link:
            link.release()

    def _link_for(self, file: Part10, link: Link | None) -> Link:
        """The link, or another one if it is gone or the file's context did not fit on it."""
        context = _context_of(file)
        if link:
            if link.alive() and link.offered(*context):
                return link
            link.release()
        with self._news:
            contexts = (context, *self._contexts)
        return Link.open(self._target, contexts)


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
