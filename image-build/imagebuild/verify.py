"""Owns the proof that a build is reproducible: once more, from nothing but the same packages."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild import build
from imagebuild.archive import POOL, sha256
from imagebuild.command import run, say
from imagebuild.errors import NotReproduced
from imagebuild.recipe import CACHE, CACHE_VARIABLE, OUT

if TYPE_CHECKING:
    from imagebuild.build import Asked
    from imagebuild.recipe import Recipe

_PARTS = ("root.squashfs", "boot.vfat", "Image", "initrd")


def verify(recipe: Recipe, asked: Asked) -> Path:
    """Build, build again with an empty cache, compare. Raises NotReproduced with what differs."""
    first = build.build(recipe, asked)
    again = CACHE / "again"
    shutil.rmtree(again, ignore_errors=True)
    again.mkdir()
    run("cp", "--archive", "--link", POOL, again)
    say("once more, from nothing")
    words = [sys.executable, "-m", "imagebuild", "--board", asked.board, "--mirror", asked.mirror]
    if asked.keys:
        words += ["--keys", str(asked.keys)]
    second = Path(run(*words, env={**os.environ, CACHE_VARIABLE: str(again)}).strip())
    differing = [name for name in _PARTS if sha256(OUT / name) != sha256(second.parent / name)]
    if sha256(first) != sha256(second) or differing:
        raise NotReproduced(one=first, other=second, parts=", ".join(differing) or "the card")
    say(f"twice the same: {sha256(first)}")
    shutil.rmtree(again)
    return first
