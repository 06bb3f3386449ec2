"""Owns which files describe which: a sidecar says whose image it lies beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings.schema import Profile

_SUFFIXES = {
    "auto": (".csv", ".json", ".hl7", ".astm"),
    "csv": (".csv",),
    "json": (".json",),
    "hl7": (".hl7",),
    "astm": (".astm",),
    "none": (),
}
_LARGEST_BYTES = 4 << 20


def is_sidecar(path: Path, profile: Profile | None) -> bool:
    """Whether a file of that name describes others, under that profile."""
    return path.suffix.lower() in _suffixes(profile)


def sidecars_of(path: Path, profile: Profile | None) -> tuple[Path, ...]:
    """The sidecars that lie beside `path`, sorted by name.

    One of the same name (`film.csv` or `film.tif.csv` for `film.tif`) always counts; another one
    in the folder only where it mentions the file's name, so that a list of one patient is never
    taken for every image around it.
    """
    if is_sidecar(path, profile):
        return ()
    beside = (f for f in path.parent.iterdir() if is_sidecar(f, profile) and f.is_file())
    return tuple(sorted(f for f in beside if _is_named_like(f, path) or _mentions(f, path.name)))


def described_by(sidecar: Path, profile: Profile | None) -> tuple[Path, ...]:
    """The files beside a sidecar that it may describe."""
    beside = (f for f in sidecar.parent.iterdir() if f.is_file() and not is_sidecar(f, profile))
    return tuple(
        sorted(f for f in beside if _is_named_like(sidecar, f) or _mentions(sidecar, f.name))
    )


def _suffixes(profile: Profile | None) -> tuple[str, ...]:
    return _SUFFIXES[profile.sidecar if profile else "auto"]


def _is_named_like(sidecar: Path, path: Path) -> bool:
    return sidecar.stem in {path.stem, path.name}


def _mentions(sidecar: Path, name: str) -> bool:
    if sidecar.stat().st_size > _LARGEST_BYTES:
        return False
    return name.encode() in sidecar.read_bytes()
