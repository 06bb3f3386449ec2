"""Owns the build's command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from imagebuild import advisories, archive, build, locks, verify
from imagebuild.command import say
from imagebuild.errors import NotBuilt
from imagebuild.recipe import BOARDS, Recipe


def main(words: list[str]) -> int:
    """The exit status: 0 done, 1 refused (a line says why, another what to do), 2 wrong usage, 3 a
    check without Debian's archive.
    """
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.verb in {"build", "verify"} and asked.board is None:
        parser.error("which board? --board rpi or --board vm")
    # Whoever builds: what is made for the image has the modes that the build says.
    os.umask(0o022)
    try:
        return _act(asked, Recipe.load())
    except NotBuilt as problem:
        print(f"./dev image: {problem.sentence}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        return 1


def _act(asked: argparse.Namespace, recipe: Recipe) -> int:
    if asked.verb == "relock":
        locks.relock(recipe, asked.mirror)
        return 0
    if asked.verb == "check":
        return advisories.check(recipe, asked.mirror, asked.debian, asked.pypi)
    make = verify.verify if asked.verb == "verify" else build.build
    made = make(recipe, build.Asked(asked.board, asked.mirror, asked.keys, asked.bundle))
    say("done")
    print(made)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev image", description="the card's image")
    parser.add_argument(
        "verb", nargs="?", choices=("build", "verify", "relock", "check"), default="build"
    )
    parser.add_argument("--board", choices=BOARDS, help="build: which board the card is for")
    parser.add_argument("--bundle", action="store_true", help="build: an update file, too")
    given = os.environ.get("JEMBATAN_KEYS")
    parser.add_argument(
        "--keys", type=Path, default=given and Path(given), help="build: the folder of its keys"
    )
    parser.add_argument("--mirror", default=archive.MIRROR, help="where Debian's archives are")
    parser.add_argument("--debian", type=Path, help="check: the security tracker's data, JSON")
    parser.add_argument("--pypi", type=Path, help="check: OSV's advisories for PyPI, a zip file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
