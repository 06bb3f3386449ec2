"""Owns reading foreign bytes at arm's length: each file in a process of its own, forked for it.

That process can do little (see cage) and ends with the file. What it finds comes over a line, and
the service stores it; so its death, whatever the cause, costs the one file.
"""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from appliance import durable
from appliance.convert import formats, testimony, unpack, wire
from appliance.convert.cage import cage_for, cage_for_unpacking
from appliance.convert.source import Source
from appliance.convert.warm import warm
from appliance.convert.wire import Dropped, OutOfTime, Silence, Word
from appliance.errors import Crashed, TooLarge, TooSlow, WorkerDied
from appliance.model import Evidence, Slice
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import NoReturn

    from appliance.convert.cage import Cage
    from appliance.convert.source import Produce
    from appliance.convert.testimony import Reading
    from appliance.convert.wire import Line, PatientLine
    from appliance.errors import Problem
    from appliance.journal.spool import Spool, Stored
    from appliance.model import Body, Instance

    Job = Callable[[Callable[[Produce], Path]], Reading]

_T = TypeVar("_T")

_DIGEST_BYTES = 64
_LEAST_COMPUTED = 1 / 8  # of its time


class Worker:
    """Reads one file after the other; its process must have one thread only, for it forks."""

    def __init__(self, spool: Spool, beat: Callable[[], object] = lambda: None) -> None:
        """Store bodies in `spool`; `beat` is called now and then while a reader is at work."""
        warm()
        self._spool = spool
        self._beat = beat

    def read(
        self,
        path: Path,
        name: str,
        profile: Profile | None,
        *,
        sidecars: Mapping[str, Path],
        modified_at: datetime | None,
        arrived_at: datetime | None,
        reports: bool = False,
    ) -> Reading:
        """As formats.read, for a file and sidecars that lie in the spool; to be called in custody.

        Raises what it raises, and Crashed, TooSlow or TooLarge where the file is too much for its
        reader; WorkerDied where the reader was ended by somebody else, or got no time; DiskFull.
        """

        def job(make_body: Callable[[Produce], Path]) -> Reading:
            return formats.read(
                path,
                name,
                profile,
                sidecars=sidecars,
                modified_at=modified_at,
                arrived_at=arrived_at,
                make_body=make_body,
                reports=reports,
            )

        cage = cage_for(path, [self._spool.folder])
        return self._read(name, {path.name: path.stat().st_size}, cage, job)

    def unpack(self, instance: Instance, transfer_syntax_uid: str, name: str) -> Body | None:
        """As unpack.unpacked, of an object of the item called `name`; None where it needs none.

        To be called in custody. Raises what it raises, and as `read` does.
        """
        paths = {piece.path for piece in instance.pieces if isinstance(piece, Slice)}
        files = {path.name: path.stat().st_size for path in paths}

        def job(make_body: Callable[[Produce], Path]) -> Reading:
            source = Source(Path(name), name, Profile(), make_body)
            return unpack.unpacked(source, instance, transfer_syntax_uid), Evidence()

        cage = cage_for_unpacking(instance.size_bytes, [self._spool.folder])
        bodies, _ = self._read(name, files, cage, job)
        return bodies[0] if bodies else None

    def _read(self, name: str, files: dict[str, int], cage: Cage, job: Job) -> Reading:
        """Have the job done; what it brings speaks of `files`, digest to size, or of its own."""

        def work(line: Line) -> Reading:
            return job(_sender(line, self._spool))

        with closing(Reader(cage, work, testimony.told, self._beat)) as reader:
            try:
                text = self._answer(reader.line, cage.most_body_bytes, files)
            except OutOfTime:
                raise _lateness(name, reader.end(), cage) from None
            except OverflowError:
                what = f"unpacked it has more than {cage.most_body_bytes >> 20} MB"
                raise TooLarge(name=name, what=what) from None
            except Silence:
                raise _death(name, reader.ended(), cage) from None
        # What it ran out of is room for what lies there for a moment; nothing else is written.
        with durable.room_needed(Path(tempfile.gettempdir())):
            return testimony.believed(text, name, files, self._spool)

    def _answer(self, line: PatientLine, most_bytes: int, files: dict[str, int]) -> bytes:
        """Store what bodies come, as `files`, until the answer comes."""
        while (frame := line.frame())[0] is Word.BODY:
            with suppress(Dropped):
                stored = self._stored(line, most_bytes - sum(files.values()))
                files[stored.sha256] = stored.size_bytes
                line.answer(stored.sha256.encode())
        if frame[0] is not Word.ANSWER or frame[1] > testimony.MOST_BYTES:
            raise Silence
        return line.hear(frame[1])

    def _stored(self, line: PatientLine, most_bytes: int) -> Stored:
        def produce(write: Callable[[bytes], object]) -> None:
            for piece in line.body(most_bytes):
                write(piece)

        return self._spool.make(produce)


class Reader(Generic[_T]):
    """One forked process, and the line to it."""

    def __init__(
        self,
        cage: Cage,
        work: Callable[[Line], _T],
        tell: Callable[[Callable[[], _T]], bytes],
        beat: Callable[[], object],
    ) -> None:
        """Have `work` done there; what it returns or raises comes over the line as `tell` says."""
        self.line, theirs = wire.pair(cage.patience_s, beat)
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            theirs.close()
            self.line.close()
            raise
        if not self._pid:
            _live(cage, work, tell, theirs, parent)
        theirs.close()

    def ended(self) -> int:
        """Its exit status, as of a process that has hung up."""
        return os.waitstatus_to_exitcode(self._wait())

    def end(self) -> float:
        """End it, whatever it still does; for how many seconds it has computed."""
        os.kill(self._pid, signal.SIGKILL)
        pid, self._pid = self._pid, 0
        usage = os.wait4(pid, 0)[2]
        return usage.ru_utime + usage.ru_stime

    def close(self) -> None:
        """End it where it has not ended."""
        self.line.close()
        if self._pid:
            self.end()

    def _wait(self) -> int:
        pid, self._pid = self._pid, 0
        return os.waitpid(pid, 0)[1]


def has_computed(computed_s: float, cage: Cage) -> bool:
    """Whether a reader that was not done in time did work, or waited for the machine."""
    return computed_s >= cage.patience_s * _LEAST_COMPUTED


def _lateness(name: str, computed_s: float, cage: Cage) -> Problem:
    """What it says about the file that its reader was not done in time.

    One that hardly computed waited for the machine, for its card or its memory: as in _death.
    """
    if not has_computed(computed_s, cage):
        return WorkerDied(name=name)
    return TooSlow(name=name, seconds=round(cage.patience_s))


def _death(name: str, status: int, cage: Cage) -> Problem:
    """What a reader's end says about the file."""
    if status == -signal.SIGKILL:
        # No reader ends itself like that: somebody wanted memory back, or the service to end. As
        # if it had met the service: it starts again, and the journal knows how often it tried.
        return WorkerDied(name=name)
    if status == -signal.SIGXCPU:
        return TooSlow(name=name, seconds=round(cage.patience_s))
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return Crashed(name=name, how=how)


# --- in the forked process ----------------------------------------------------------------------


def _live(
    cage: Cage,
    work: Callable[[Line], _T],
    tell: Callable[[Callable[[], _T]], bytes],
    line: Line,
    parent: int,
) -> NoReturn:
    """Work, tell, and end: nothing of what the service was about to do goes on here."""

    def read() -> _T:
        cage.enter(parent, [line.fileno()])
        return work(line)

    status = 1
    try:
        line.say(Word.ANSWER, tell(read))
        status = 0
    finally:
        os._exit(status)


def _sender(line: Line, spool: Spool) -> Callable[[Produce], Path]:
    """What makes a body here: the service stores it, and says under which name."""

    def make_body(produce: Produce) -> Path:
        line.say(Word.BODY)
        try:
            produce(lambda piece: line.say(Word.PIECE, piece))
        except BaseException:
            line.say(Word.DROP)
            raise
        line.say(Word.END)
        return spool.path(line.hear(_DIGEST_BYTES).decode())

    return make_body
