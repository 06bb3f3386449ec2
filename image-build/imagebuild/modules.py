"""Owns which of the kernel's modules the box keeps: those of the recipe, and what they need."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imagebuild.errors import ModuleMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from imagebuild.recipe import Modules


@dataclass(frozen=True)
class Chosen:
    """Modules by their path below the kernel's folder of modules, in the order of loading."""

    kept: tuple[str, ...]
    early: tuple[str, ...]
    """In the initial RAM disk."""


def choose(
    needs: Mapping[str, tuple[str, ...]], builtin: Iterable[str], wanted: Modules
) -> Chosen:
    """What is kept of a kernel. Raises ModuleMissing for a pattern that nothing answers to.

    `needs`: each module's path, and the paths of what must be loaded before it, in this order;
    `builtin`: paths of what the kernel has without a module.
    """
    known = [*needs, *builtin]
    for pattern in (*wanted.early, *wanted.keep):
        if not any(answers(path, pattern) for path in known):
            raise ModuleMissing(pattern=pattern)
    dropped = {path for path in needs if any(answers(path, drop) for drop in wanted.drop)}
    early = _with_needs(needs, (path for path in _matching(needs, wanted.early)))
    keep = (path for path in _matching(needs, wanted.keep) if path not in dropped)
    return Chosen(kept=_with_needs(needs, (*early, *keep)), early=early)


def answers(path: str, pattern: str) -> bool:
    """Whether `kernel/drivers/mmc/core/mmc_block.ko.xz` is meant by a pattern.

    A pattern without a slash means the module's name, one with a slash a path below kernel/; `-`
    and `_` are one, as everywhere with modules.
    """
    whole = path.removeprefix("kernel/").replace("-", "_")
    pattern = pattern.replace("-", "_")
    if "/" in pattern:
        return fnmatch(whole, pattern)
    return fnmatch(name_of(whole), pattern)


def name_of(path: str) -> str:
    """A module's name, as the kernel has it, of its path."""
    return PurePosixPath(path).name.split(".")[0].replace("-", "_")


def _matching(needs: Mapping[str, object], patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from sorted(path for path in needs if answers(path, pattern))


def _with_needs(needs: Mapping[str, tuple[str, ...]], wanted: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for one in wanted for path in (*needs.get(one, ()), one)))


def read_needs(folder: Path) -> dict[str, tuple[str, ...]]:
    """depmod's table of a kernel's folder of modules; the last needed is the first to load."""
    needs = {}
    for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, needed = line.partition(":")
        needs[path] = tuple(reversed(needed.split()))
    return needs


def read_builtin(folder: Path) -> list[str]:
    """What this kernel has built in."""
    return (folder / "modules.builtin").read_text(encoding="ascii").splitlines()


def prune(folder: Path, kept: Iterable[str]) -> None:
    """Delete every module that is not kept, unpack the others, and drop folders left empty.

    The root file system compresses better what was not compressed before.
    """
    wanted = set(kept)
    for path in sorted(folder.rglob("*.ko*")):
        if str(path.relative_to(folder)) in wanted and path.suffix == ".xz":
            path.with_suffix("").write_bytes(content(path))
            path.unlink()
        elif str(path.relative_to(folder)) not in wanted:
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def content(path: Path) -> bytes:
    """A module as the kernel takes it."""
    packed = path.read_bytes()
    return lzma.decompress(packed) if path.suffix == ".xz" else packed
