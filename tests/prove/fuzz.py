"""Proves that no file, however spoilt, costs more than itself: mutants, by the thousand, through
the worker.

Each ends converted, or held or quarantined for a reason with a code; no reader takes more memory
or time than it may, and at least half of the mutants of every kind come as far as their decoder.
What was converted must also compose, for that happens in a service that is not confined; and a
picture of it is drawn, or is not.
"""

from __future__ import annotations

import argparse
import mmap
import multiprocessing
import os
import resource
import shutil
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.convert import formats, sidecar
from appliance.convert.draw import Wish
from appliance.convert.preview import Undrawable, picture
from appliance.convert.worker import Worker
from appliance.errors import Crashed, Held, Ignored, Problem, Quarantined
from appliance.intake import complete
from appliance.journal.spool import Spool
from appliance.model import BodyKind, Identity
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.settings.schema import Destination, Profile
from tests.prove.fuzz_kinds import IMAGE, KINDS, known
from tests.prove.machine import CHECKOUT
from tests.prove.mutants import mutant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.convert.testimony import Reading
    from tests.prove.fuzz_kinds import Kind

COUNT = 5000
MOST_BYTES, MOST_S, LEAST_REACHED = 256 << 20, 10.0, 0.5

_NOW = datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC)
_DESTINATION = Destination("pacs", "localhost", 104, "PACS")
_SOMEBODY = Identity({"PatientID": "P1", "PatientName": "DOE", "StudyDate": "20260102"}, "trust")
_WISH = Wish(frame=1, side=192)
_KEPT = CHECKOUT / ".cache" / "fuzz"
_MOST_FAULTS = 20
_PART = 500


@dataclass
class Result:
    """What became of the mutants of one kind."""

    name: str
    seed: str
    codes: Counter[str] = field(default_factory=Counter)
    reached: int = 0
    peak_bytes: int = 0
    longest_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.codes.total()

    def __add__(self, other: Result) -> Result:
        return Result(
            self.name,
            self.seed,
            self.codes + other.codes,
            self.reached + other.reached,
            max(self.peak_bytes, other.peak_bytes),
            max(self.longest_s, other.longest_s),
            self.faults + other.faults,
        )

    def failures(self) -> Iterator[str]:
        """Why nothing is proved by it."""
        yield from self.faults[:_MOST_FAULTS]
        if self.peak_bytes > MOST_BYTES:
            yield f"a reader had {self.peak_bytes >> 20} MB"
        if self.longest_s > MOST_S:
            yield f"one took {self.longest_s:.1f} s"
        if self.reached < LEAST_REACHED * self.count:
            yield f"only {self.reached} of {self.count} reached the decoder"

    def row(self) -> str:
        """For the table."""
        stopped = ", ".join(f"{n} {c}" for c, n in self.codes.most_common() if c != "converted")
        reached = f"{self.reached / max(self.count, 1):.0%}"
        return (
            f"| {self.name} | {self.count} | {reached} | {self.codes['converted']} | {stopped} "
            f"| {self.peak_bytes >> 20} | {self.longest_s:.2f} |"
        )


HEAD = """\
| kind | mutants | reach the decoder | converted | stopped, by code | peak MB | longest s |
|---|---:|---:|---:|---|---:|---:|"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 0, or 1 where a mutant got through."""
    parser = argparse.ArgumentParser(prog="./dev prove fuzz", description=__doc__)
    parser.add_argument("--format", action="append", help="only these kinds of input")
    parser.add_argument("--count", type=int, default=COUNT, help="of mutants, for each kind")
    parser.add_argument("--seed", default="1", help="the same seed makes the same mutants")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    options = parser.parse_args(argv)
    kinds = [known(name) for name in options.format] if options.format else KINDS
    print(f"seed {options.seed}, mutants {options.first} to {options.first + options.count - 1}")
    print(HEAD, flush=True)
    numbers = range(options.first, options.first + options.count)
    failed = False
    for result in results([kind.name for kind in kinds], numbers, options.seed):
        print(result.row(), flush=True)
        for failure in result.failures():
            failed = True
            print(f"NOT PROVED: {result.name}: {failure}", flush=True)
    return int(failed)


def results(names: Sequence[str], numbers: range, seed: str) -> Iterator[Result]:
    """Part by part, each in a process of its own, as many at once as there are processors."""
    fresh = multiprocessing.get_context("spawn")
    parts = [numbers[at : at + _PART] for at in range(0, len(numbers), _PART)]
    jobs = [(name, part, seed) for name in names for part in parts]
    with ProcessPoolExecutor(os.cpu_count(), fresh, max_tasks_per_child=1) as pool:
        done = pool.map(fuzzed, *zip(*jobs, strict=True))
        for name in names:
            yield sum(islice(done, len(parts)), Result(name, seed))


def fuzzed(name: str, numbers: range, seed: str) -> Result:
    """What becomes of the mutants of one kind with these numbers."""
    kind = known(name)
    result = Result(name, seed)
    with TemporaryDirectory(dir=_memory_or_disk(), prefix="jembatan-fuzz-") as folder:
        trial = Trial(kind, Path(folder))
        for number in numbers:
            content = mutant(kind.samples, kind.way, f"{seed} {name} {number}")
            profile = kind.profiles[number % len(kind.profiles)]
            since_s = time.monotonic()
            try:
                code, reached = trial.outcome(content, profile)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                code, reached = "a fault", True
                result.faults.append(f"{_kept(name, seed, number, content)}: {error!r}")
            result.longest_s = max(result.longest_s, time.monotonic() - since_s)
            result.codes[code] += 1
            result.reached += reached
    result.peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return result


class Trial:
    """A worker with a spool of its own, and a bell that the decoder of one kind rings."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._beside = folder / f"film{kind.sidecar}"
        self._spool = Spool(folder / "spool")
        self._worker = Worker(self._spool)
        self._bell = mmap.mmap(-1, 1)  # shared with what is forked
        if kind.sidecar:
            setattr(sidecar, "read", self._ringing(sidecar.read))  # noqa: B010 - mypy minds the other way
        else:
            assert kind.form
            table: Any = formats._READERS  # noqa: SLF001 - the product has no door for this
            table[kind.form] = self._ringing(table[kind.form])

    def outcome(self, content: bytes, profile: Profile) -> tuple[str, bool]:
        """The code of what became of it, and whether it came as far as its decoder.

        Raises what a worker never may.
        """
        self._bell[0] = 0
        is_whole = self._is_whole(content, profile)
        try:
            reading = self._read(content, profile)
            self._must_compose(reading, profile)
            self._is_looked_at(reading)
            code = "converted"
        except (Held, Ignored, Quarantined) as problem:
            code = problem.code
            if isinstance(problem, Crashed) and not _is_death(problem):
                raise
        finally:
            for file in self._spool.files():
                shutil.rmtree(file.parent, ignore_errors=True)  # or soon there were 256 of them
        return code, is_whole and bool(self._bell[0])

    def _is_whole(self, content: bytes, profile: Profile) -> bool:
        self._beside.write_bytes(content)
        if self._kind.sidecar:
            return complete.check(self._beside).problem("film") is None
        verdict = complete.check_export(self._beside, profile)
        if self._kind.reports:
            verdict = complete.check(self._beside, reports=True)
        return verdict.problem("film") is None

    def _read(self, content: bytes, profile: Profile) -> Reading:
        image = IMAGE if self._kind.sidecar else content
        sidecars = {self._beside.name: content} if self._kind.sidecar else {}
        return self._worker.read(
            self._spool.keep(BytesIO(image)).path,
            "film.png",
            profile,
            sidecars={n: self._spool.keep(BytesIO(c)).path for n, c in sidecars.items()},
            modified_at=_NOW,
            arrived_at=_NOW,
            reports=self._kind.reports,
        )

    def _must_compose(self, reading: Reading, profile: Profile) -> None:
        """Held for a reason, or an object; anything else would stop the service that composes."""
        bodies, evidence = reading
        case = Case(evidence, _SOMEBODY, profile, "cr", _NOW, len(bodies))
        for body in bodies:
            try:
                compose(body, case, _DESTINATION)
            except Problem as problem:
                assert problem.code  # noqa: PT017 - the road holds it for that

    def _is_looked_at(self, reading: Reading) -> None:
        for body in reading[0]:
            if body.kind is not BodyKind.DOCUMENT:
                with suppress(Undrawable):
                    picture(body, _WISH, self._spool.folder, lambda: None)

    def _ringing(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def ringing(*given: Any) -> Any:
            self._bell[0] = 1
            return read(*given)

        return ringing


def _is_death(crash: Crashed) -> bool:
    """Whether a decoder died; any other crash is a mistake of ours."""
    return str(crash.facts["how"]).startswith(("SIG", "exit status"))


def _kept(name: str, seed: str, number: int, content: bytes) -> Path:
    _KEPT.mkdir(parents=True, exist_ok=True)
    path = _KEPT / f"{name.replace(' ', '-')}-{seed}-{number}"
    path.write_bytes(content)
    return path.relative_to(CHECKOUT)


def _memory_or_disk() -> str | None:
    """Where files are made and gone in a moment: in memory if there is room."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > 1 << 30 else None


if __name__ == "__main__":
    sys.exit(main())
