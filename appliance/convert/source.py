"""Owns what a reader is given and what it brings back; the readers differ in nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.errors import Incomplete, Problem, Unreadable
from appliance.peek import EndsEarly, Misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.model import BodyKind, Claim, Repair, Slice
    from appliance.peek import Format
    from appliance.settings.schema import Profile

    Produce = Callable[[Callable[[bytes], object]], object]

_LONGEST_DETAIL = 200


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
    repairs: tuple[Repair, ...] = ()


@contextmanager
def decoding(source: Source, form: Format) -> Iterator[None]:
    """Decoders of foreign bytes fail in any way they like; here it becomes one sentence.

    An OSError with a number is the machine's trouble, not the file's: it flies, and so does
    MemoryError, since it is the worker that knows how much there is.
    """
    try:
        yield
    except (Problem, MemoryError):
        raise
    except EndsEarly as error:
        raise Incomplete(name=source.name, detail=error.detail) from error
    except Misfit as error:
        raise Unreadable(name=source.name, format=form, detail=error.detail) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        words = str(error).replace(str(source.path), "the file") or type(error).__name__
        detail = " ".join(words.split())[:_LONGEST_DETAIL].rstrip(".")
        raise Unreadable(name=source.name, format=form, detail=detail) from error
