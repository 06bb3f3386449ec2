"""Owns one-off conversion: exports to DICOM files, by the stages' own rules, without a queue."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance import durable, part10
from appliance.convert.worker import Worker
from appliance.errors import (
    Held,
    Ignored,
    NotThere,
    Problem,
    Quarantined,
    SourceDenied,
    WorkerDied,
)
from appliance.identify import rules
from appliance.intake import complete
from appliance.intake.accept import modified_at
from appliance.intake.sidecars import is_sidecar, sidecars_of
from appliance.journal.spool import Spool, digest_of
from appliance.model import Slice
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.settings.load import load
from appliance.settings.schema import Destination
from appliance.sources.patience import is_junk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.model import Instance
    from appliance.settings.schema import Profile

_FOLDER = Destination("the folder", "localhost", 104, "FOLDER")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Made:
    """One DICOM file that was written."""

    path: Path
    source: Path
    sop_class: str
    uid: str


class Progress(NamedTuple):
    """How far it is: files done, of how many, and what became of them."""

    done: int
    files: int
    objects: int
    held: int


@dataclass(slots=True)
class Report:
    """What became of all files."""

    objects: list[Made] = field(default_factory=list)
    held: list[tuple[Path, Problem]] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        """Why some were not written."""
        return [problem for _, problem in self.held]

    def document(self) -> dict[str, object]:
        """The result of `jembatan convert --json`."""
        return {
            "objects": [
                {
                    "path": str(made.path),
                    "source": str(made.source),
                    "sop_class": made.sop_class,
                    "uid": made.uid,
                }
                for made in self.objects
            ],
            "held": [
                {
                    "source": str(source),
                    "code": problem.code,
                    "sentence": problem.sentence,
                    "hint": problem.hint,
                }
                for source, problem in self.held
            ],
        }


def convert(
    paths: Sequence[Path],
    out: Path,
    profile: str | None = None,
    config: Path | None = None,
    tell: Callable[[Progress], object] = lambda _: None,
) -> Report:
    """Write a DICOM file below `out` for every export in `paths`; folders are walked.

    `tell` hears of every file that is done. Raises BadSettings, NotThere (no such profile),
    DiskFull.
    """
    chosen = _profile(profile, config)
    files = [each for each in _files(paths) if not is_sidecar(each[1], chosen)]
    report = Report()
    with tempfile.TemporaryDirectory(dir=_made(out), prefix=".converting-") as work:
        bench = _Bench(chosen, Spool(Path(work)), out)
        for number, (top, path) in enumerate(files, 1):
            try:
                report.objects += bench.converted(path, path.relative_to(top).as_posix())
            except (Held, Ignored, Quarantined, WorkerDied) as problem:
                report.held.append((path, problem))
            except FileNotFoundError:
                report.held.append((path, NotThere(what=f"file {path}")))
            except OSError as error:
                report.held.append((path, SourceDenied(path=path, detail=error.strerror)))
            tell(Progress(number, len(files), len(report.objects), len(report.held)))
    return report


def _profile(name: str | None, config: Path | None) -> Profile | None:
    if name is None:
        return None
    profiles = load(config).profiles if config else ()
    for profile in profiles:
        if profile.name == name:
            return profile
    raise NotThere(what=f"profile {name} in {config or 'the settings (give --config)'}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Every file with the folder its name is told from."""
    for path in paths:
        if path.is_dir():
            files = (each for each in sorted(path.rglob("*")) if each.is_file())
            yield from ((path, each) for each in files if not is_junk(each.name))
        else:
            yield path.parent, path


class _Bench:
    """Where one file after the other is worked on, and what lies there meanwhile."""

    def __init__(self, profile: Profile | None, spool: Spool, out: Path) -> None:
        self._profile = profile
        self._spool = spool
        self._out = out
        self._worker = Worker(spool)
        self._sidecars: dict[Path, Path] = {}  # which are many images' often

    def converted(self, path: Path, name: str) -> list[Made]:
        """The objects of one file, called `name` below what was given. Raises what holds it."""
        if problem := complete.check_export(path, self._profile).problem(name):
            raise problem
        try:
            return [_written(each, path, self._out) for each in self._composed(path, name)]
        finally:
            for left in {*self._spool.files()} - {*self._sidecars.values()}:
                left.unlink()

    def _composed(self, path: Path, name: str) -> list[Instance]:
        now = datetime.now().astimezone()
        bodies, evidence = self._worker.read(
            self._kept(path),
            name,
            self._profile,
            sidecars={each.name: self._sidecar(each) for each in sidecars_of(path, self._profile)},
            modified_at=modified_at(path),
            arrived_at=now,
        )
        identity = rules.decide(name, evidence, self._profile)
        case = Case(evidence, identity, self._profile, path.parent.name, now, len(bodies))
        return [compose(body, case, _FOLDER) for body in bodies]

    def _sidecar(self, path: Path) -> Path:
        if path not in self._sidecars:
            self._sidecars[path] = self._kept(path)
        return self._sidecars[path]

    def _kept(self, path: Path) -> Path:
        """A file under its digest: itself where the file system can do that, else a copy."""
        place = self._spool.path(digest_of(path))
        durable.make_folder(place.parent)
        try:
            place.hardlink_to(path)
        except FileExistsError:
            return place
        except OSError:
            with path.open("rb") as file:
                return self._spool.keep(file).path
        return place


def _written(instance: Instance, source: Path, out: Path) -> Made:
    target = out / f"{instance.sop_instance_uid}.dcm"
    with durable.draft(out) as new:
        new.file.write(part10.head(instance))
        for piece in instance.pieces:
            for chunk in _chunks(piece) if isinstance(piece, Slice) else (piece,):
                new.file.write(chunk)
        new.publish(target)
    return Made(target, source, instance.sop_class_uid, instance.sop_instance_uid)


def _chunks(piece: Slice) -> Iterator[bytes]:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        left = piece.length
        while left and (chunk := file.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk
