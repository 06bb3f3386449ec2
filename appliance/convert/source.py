"""Owns what a reader is given and what it brings back; the readers differ in nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.model import BodyKind, Claim, Slice
    from appliance.settings.schema import Profile

    Produce = Callable[[Callable[[bytes], object]], object]


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be read, where it lies in the spool, and what may be asked about it."""

    path: Path
    name: str
    profile: Profile
    make_body: Callable[[Produce], Path]  # stores what is written, durably


@dataclass(frozen=True, slots=True)
class Found:
    """One object as its format shows it: pixels (or data set) as slices, and what it proves."""

    kind: BodyKind
    transfer_syntax_uid: str
    slices: tuple[Slice, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
