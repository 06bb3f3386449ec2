"""Owns the programs that put the image together: a small Debian of the image's own suite.

They come from a lock too, so that the image does not depend on the release of the machine it is
built on. They run in a root directory of their own and see one folder of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild import cache, layers, locks
from imagebuild.command import run
from imagebuild.foreign import machine
from imagebuild.recipe import TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

SEEN = "/work"
"""Where the tools see the folder they work in."""

_ENTER = """
mount --bind "$WORK" "$ROOT$SEEN"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
exec chroot "$ROOT" "$@"
"""


@dataclass(frozen=True)
class Tools:
    """The tools' root directory, and the folder of this machine that they work in."""

    root: Path
    work: Path
    epoch_s: int

    def see(self, path: Path) -> str:
        """A path below the folder as the tools have it."""
        return f"{SEEN}/{path.relative_to(self.work)}"

    def run(
        self, *words: str | Path, env: Mapping[str, str] | None = None, text: str | None = None
    ) -> str:
        """What a tool prints; a Path is given to it as it sees it. Raises CommandFailed."""
        seen = (self.see(word) if isinstance(word, Path) else word for word in words)
        there = {"WORK": str(self.work), "ROOT": str(self.root), "SEEN": SEEN}
        fixed = {"PATH": "/usr/sbin:/usr/bin", "SOURCE_DATE_EPOCH": str(self.epoch_s)}
        return run(
            *("unshare", "--mount", "sh", "-ec", _ENTER, "sh", *seen),
            env={**there, **fixed, **(env or {})},
            text=text,
        )


def tools(work: Path, epoch_s: int) -> Tools:
    """The tools of this machine's architecture; made now where they are not there."""
    lock = locks.require_tools(machine())
    file = locks.tools_file(machine())
    debs = lock.layer(TOOLS, file)
    mason = layers.Mason(machine(), debs)
    built = mason.build([(TOOLS, debs)])

    def make(place: Path) -> None:
        layers.unpack(built, place)
        (place / SEEN.strip("/")).mkdir()

    return Tools(cache.kept("tools", cache.key([built.key, SEEN]), make), work, epoch_s)
