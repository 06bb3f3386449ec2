"""Owns reading sidecars: which entry of a description, or which message, speaks of an image."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from appliance.convert import message
from appliance.convert.entries import NAME_COLUMNS, entries
from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST_BYTES = 4 << 20
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']""")


def read(sidecar: Path, name: str, image: str, charset: str) -> Mapping[str, str]:
    """What the sidecar called `name` says of `image` (a path below its source): keyword to text.

    Nothing where it does not speak of the image. A message speaks of whatever it was kept with:
    of images it knows nothing. Raises SidecarUnclear.
    """
    if sidecar.stat().st_size > _LARGEST_BYTES:
        raise SidecarUnclear(name=name, why="it is too long for a description of images")
    if name.lower().endswith((message.HL7, message.ASTM)):
        return message.read(sidecar.read_bytes(), name, charset)
    said = entries(_decoded(sidecar.read_bytes(), name, charset), name)
    named = [entry for entry in said if _is_about(entry, image)]
    own = named or (said if _is_named_like(name, image) and not _names(said) else [])
    if len(own) > 1:
        raise SidecarUnclear(name=name, why=f"it has {len(own)} entries for {image}")
    return {k: v for k, v in own[0].items() if k.lower() not in NAME_COLUMNS} if own else {}


def _decoded(content: bytes, name: str, charset: str) -> str:
    for encoding in filter(None, (_declared(content), "utf-8-sig", charset)):
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise SidecarUnclear(name=name, why="its character set is not known; name it in the profile")


def _declared(content: bytes) -> str:
    """The character set that a text says it has, by its byte order mark or as XML does."""
    if content.startswith(_UTF_16):
        return "utf-16"
    found = _XML_ENCODING.match(content)
    return found[1].decode() if found else ""


def _names(said: list[dict[str, str]]) -> bool:
    return any(key.lower() in NAME_COLUMNS for entry in said for key in entry)


def _is_about(entry: Mapping[str, str], image: str) -> bool:
    wanted = {image.lower(), PurePosixPath(image).name.lower()}
    return any(
        value.replace("\\", "/").lower() in wanted
        for key, value in entry.items()
        if key.lower() in NAME_COLUMNS
    )


def _is_named_like(sidecar: str, image: str) -> bool:
    path = PurePosixPath(image)
    return PurePosixPath(sidecar).stem in {path.stem, path.name}
