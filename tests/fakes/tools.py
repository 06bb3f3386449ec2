"""Owns a stand-in for the programs that change the machine: it writes down what they were told.

nft alone is the real one, in a network namespace of its own: rules are read by what reads them.
"""

from __future__ import annotations

import shutil
import subprocess

from appliance.errors import ToolFailed


class Tools:
    """Called as `appliance.box.tool.run`; `told` has what came, `broken` programs fail."""

    def __init__(self, *broken: str) -> None:
        self.told: list[str] = []
        self.broken = set(broken)
        self.broken_once: set[str] = set()

    def __call__(self, name: str, *words: str) -> str:
        self.told.append(" ".join((name, *words)))
        if name in self.broken | self.broken_once:
            self.broken_once.discard(name)
            raise ToolFailed(name=name, said="broken on purpose")
        if name == "nft" and shutil.which("nft"):
            check = ["unshare", "--map-root-user", "--net", "nft", "--check", *words]
            done = subprocess.run(check, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ToolFailed(name=name, said=done.stderr)
        return ""
