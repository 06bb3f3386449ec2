"""Owns by what name boxes tell each other apart on sticks: made up once, and kept with the data.

Not the board's serial: that is half of what opens the card (appliance/box/vault.py), and a stick
lies in the same drawer.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box.sealed import LETTERS

if TYPE_CHECKING:
    from pathlib import Path

_FORM = re.compile(f"[{LETTERS}]{{4}}-[{LETTERS}]{{4}}")


def name_of(root: Path) -> str:
    """The name of the box whose state lies at `root`; made where it has none yet."""
    path = root / "box" / "name"
    if path.exists() and _FORM.fullmatch(found := path.read_text(encoding="ascii").strip()):
        return found
    text = "".join(secrets.choice(LETTERS) for _ in range(8))
    name = f"{text[:4]}-{text[4:]}"
    durable.publish(path, f"{name}\n".encode(), 0o644)
    return name
