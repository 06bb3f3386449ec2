"""Owns one-off conversion: exports to DICOM files, by the stages' own rules, without a queue."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import durable, part10
from appliance.convert import formats
from appliance.errors import Held, Ignored, NotThere, Problem, Quarantined, SourceDenied
from appliance.identify import rules
from appliance.intake import complete
from appliance.intake.accept import modified_at
from appliance.intake.sidecars import is_sidecar, sidecars_of
from appliance.journal.spool import Spool
from appliance.model import Slice
from appliance.route.compose import compose
from appliance.settings.load import load
from appliance.settings.schema import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
                {"source": str(source), "code": problem.code, "sentence": problem.sentence}
                for source, problem in self.held
            ],
        }


def convert(
    paths: Sequence[Path], out: Path, profile: str | None = None, config: Path | None = None
) -> Report:
    """Write a DICOM file below `out` for every export in `paths`; folders are walked.

    Raises BadSettings, NotThere (no such profile), DiskFull.
    """
    chosen = _profile(profile, config)
    report = Report()
    with tempfile.TemporaryDirectory(dir=_made(out), prefix=".converting-") as work:
        spool = Spool(Path(work))
        for top, path in _files(paths):
            if is_sidecar(path, chosen):
                continue
            try:
                report.objects += _converted(path, path.relative_to(top), chosen, spool, out)
            except (Held, Ignored, Quarantined) as problem:
                report.held.append((path, problem))
            except OSError as error:
                report.held.append((path, SourceDenied(path=path, detail=error.strerror)))
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
            yield from ((path, file) for file in sorted(path.rglob("*")) if file.is_file())
        else:
            yield path.parent, path


def _converted(
    path: Path, below: Path, profile: Profile | None, spool: Spool, out: Path
) -> list[Made]:
    name, now = below.as_posix(), datetime.now().astimezone()
    reports = complete.expects_reports(profile)
    if problem := complete.check(path, reports=reports).problem(name):
        raise problem
    with path.open("rb") as file:
        stored = spool.keep(file)
    bodies, evidence = formats.read(
        stored.path,
        name,
        profile,
        sidecars={each.name: each for each in sidecars_of(path, profile)},
        modified_at=modified_at(path),
        arrived_at=now,
        make_body=lambda produce: spool.make(produce).path,
    )
    identity = rules.decide(name, evidence, profile)
    instances = [
        compose(
            body,
            evidence=evidence,
            identity=identity,
            profile=profile,
            destination=_FOLDER,
            source=path.parent.name,
            arrived_at=now,
        )
        for body in bodies
    ]
    made = [_written(instance, path, out) for instance in instances]
    for sha256 in {stored.sha256, *(s.path.name for body in bodies for s in body.slices)}:
        spool.path(sha256).unlink(missing_ok=True)
    return made


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
