"""Proves the links that need devices this kernel has not: in an emulated guest with Debian's own.

Sticks pulled while they are read, the box as a stick whose power is cut, a mounted share that
drops, a serial adapter that goes. At the end the PACS has each export: whole, and none twice.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.prove import links_drive, links_serial, links_share, links_stick
from tests.prove.box import end_tidily
from tests.prove.guest_image import AMD64, ARM64
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from tests.prove.guest_image import Arch

_KINDS: Mapping[str, ModuleType] = {
    "stick": links_stick,
    "drive": links_drive,
    "share": links_share,
    "serial": links_serial,
}
_ARCHS = {"amd64": AMD64, "arm64": ARM64}
_ROUNDS_ELSEWHERE = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Prove what is asked for; 0, or 1 where something was lost, half or doubled."""
    parser = argparse.ArgumentParser(prog="./dev prove links", description=__doc__)
    parser.add_argument("--only", choices=_KINDS, action="append", help="this kind of link")
    parser.add_argument("--arch", choices=_ARCHS, help="on this machine only (default: both)")
    parser.add_argument("--rounds", type=int, help="fewer of them")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    end_tidily()
    faults = 0
    for name in (options.arch,) if options.arch else _ARCHS:
        for kind in options.only or _KINDS:
            faults += not _proved(kind, _ARCHS[name], options.rounds, Random(options.seed))
    return 1 if faults else 0


def _proved(kind: str, arch: Arch, rounds: int | None, random: Random) -> bool:
    """Run one kind on one machine, and say how it went."""
    module = _KINDS[kind]
    count = rounds or (module.ROUNDS if arch is AMD64 else min(module.ROUNDS, _ROUNDS_ELSEWHERE))
    started_s = time.monotonic()
    try:
        with TemporaryDirectory(prefix="jembatan-proof-") as folder:
            found = module.prove(arch, Path(folder), count, random)
    except NotProved as reason:
        print(f"NOT PROVED: {kind} on {arch.debian}: {reason}", flush=True)
        return False
    seconds = time.monotonic() - started_s
    print(f"proved: {kind} on {arch.debian}: {found}; {seconds:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
