"""Owns what a profile's `filename` pattern says about a file: the first evidence, also its key."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.settings.schema import Profile

IMAGE_SUFFIXES = frozenset(
    [
        ".dcm",
        ".dicom",
        ".ima",
        ".tif",
        ".tiff",
        ".png",
        ".bmp",
        ".dib",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpc",
        ".jls",
        ".pdf",
    ]
)
"""What exports are called."""


_MADE_UP = re.compile(r"\.?[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(\.[0-9A-Za-z]+)?")


def made_up(now: datetime, mark: str) -> str:
    """What a file is called here that came without a name; `mark` is eight hexadecimal digits."""
    return f"{now:%Y%m%dT%H%M%SZ}-{mark}"


def named(profile: Profile | None, name: str) -> dict[str, str]:
    """DICOM keywords and values that `name`, a path below its source, holds; often nothing.

    Nothing in one that was made up here, though its source may be set by now to another protocol,
    by which names come. A group that runs to the end of the path has swallowed the file's suffix,
    which belongs to nobody's name: it is cut off.
    """
    found = re.search(profile.filename, name) if profile and profile.filename else None
    if not found or _MADE_UP.fullmatch(name):
        return {}
    stem_end = len(name) - _suffix_length(name)
    groups = {
        keyword: name[found.start(keyword) : min(found.end(keyword), stem_end)].strip()
        for keyword in found.re.groupindex
        if found.start(keyword) >= 0
    }
    return {keyword: value for keyword, value in groups.items() if value}


def _suffix_length(name: str) -> int:
    suffix = PurePosixPath(name).suffix
    return len(suffix) if suffix.lower() in IMAGE_SUFFIXES | {".txt"} else 0
