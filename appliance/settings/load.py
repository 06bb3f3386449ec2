"""Owns reading settings as a whole: a text or a file becomes checked settings, or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import BadSettings
from appliance.settings.reader import Fault, read
from appliance.settings.rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings.schema import Settings


def settings_path(root: Path) -> Path:
    """Where the settings in force stand."""
    return root / "etc" / "jembatan.toml"


def parse(text: str, file: str = "jembatan.toml") -> Settings:
    """Checked settings from a TOML text. Raises BadSettings naming every fault in `file`."""
    settings, faults = read(text)
    faults += [fault for rule in RULES for fault in rule(settings)]
    if faults:
        raise refusal(file, *faults)
    return settings


def load(path: Path) -> Settings:
    """Checked settings from a file. Raises BadSettings, also where it cannot be read."""
    return parse(text_of(path), path.name)


def text_of(path: Path) -> str:
    """The text of a settings file; a byte order mark that an editor left is dropped."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text (byte {error.start})"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    raise refusal(path.name, Fault("file", reason))


def refusal(file: str, *faults: Fault) -> BadSettings:
    """The faults of a file as one problem, a line each."""
    return BadSettings(faults="\n".join(f"{file}: {fault}" for fault in faults))
