"""Owns the recovery key of the card between its making and the moment somebody has it.

DIR/etc/recovery-key.txt lies on the encrypted partition that the key opens; it goes when a person
says on the page that the key is written down. Who has the key then is nobody's here to know.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance import durable

if TYPE_CHECKING:
    from pathlib import Path


def keep(root: Path, key: str, owner: int = -1) -> None:
    """Write the key down for `owner` (a user's number) alone; who claims the box is shown it."""
    durable.make_folder(root / "etc")
    durable.publish(_path(root), f"{key}\n".encode(), mode=0o600)
    os.chown(_path(root), owner, -1)


def kept(root: Path) -> str:
    """The key; "" where somebody has it already, or the box has none (a workstation)."""
    path = _path(root)
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def forget(root: Path) -> None:
    """Somebody has it: it is not kept here any longer."""
    if _path(root).exists():
        durable.remove(_path(root))


def _path(root: Path) -> Path:
    return root / "etc" / "recovery-key.txt"
