"""Owns making release keys: python3 -m imagebuild.newkeys FOLDER NAME (see keys/README.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from imagebuild.keys import make

_WORDS = 2


def main(words: list[str]) -> int:
    """The exit status: 0 made, 2 wrong usage."""
    if len(words) != _WORDS or Path(words[0]).exists():
        print("usage: python3 -m imagebuild.newkeys NEW-FOLDER NAME", file=sys.stderr)
        return 2
    made = make(Path(words[0]).resolve(), words[1])
    print(f"made {made.folder}; read image-build/keys/README.md about keeping it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
