"""Owns reading sidecars: what a CSV or JSON file, or a message, says of an image."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from appliance.convert import message
from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME_COLUMNS = frozenset({"file", "filename", "file_name"})
_DELIMITERS = ",;\t"
_LARGEST_BYTES = 4 << 20


def read(sidecar: Path, name: str, image: str, charset: str) -> Mapping[str, str]:
    """What the sidecar called `name` says of `image` (a path below its source): keyword to text.

    Nothing where it does not speak of the image. A message speaks of whatever it was kept with:
    of images it knows nothing. Raises SidecarUnclear.
    """
    if sidecar.stat().st_size > _LARGEST_BYTES:
        raise SidecarUnclear(name=name, why="it is too long for a description of images")
    if name.lower().endswith((message.HL7, message.ASTM)):
        return message.read(sidecar.read_bytes(), name, charset)
    text = _decoded(sidecar.read_bytes(), name, charset)
    entries = _json(text, name) if name.lower().endswith(".json") else _csv(text, name)
    named = [entry for entry in entries if _is_about(entry, image)]
    own = named or (entries if _is_named_like(name, image) and not _names(entries) else [])
    if len(own) > 1:
        raise SidecarUnclear(name=name, why=f"it has {len(own)} entries for {image}")
    return {k: v for k, v in own[0].items() if k.lower() not in _NAME_COLUMNS} if own else {}


def _decoded(content: bytes, name: str, charset: str) -> str:
    for encoding in filter(None, ("utf-8-sig", charset)):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SidecarUnclear(name=name, why="its character set is not known; name it in the profile")


def _csv(text: str, name: str) -> list[dict[str, str]]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.DictReader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        return [
            {str(k).strip(): str(v or "").strip() for k, v in row.items() if k is not None}
            for row in rows
        ]
    except csv.Error as error:
        raise SidecarUnclear(name=name, why="it is not CSV") from error


def _json(text: str, name: str) -> list[dict[str, str]]:
    """A flat object, a list of such, or an object of such by file name."""
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SidecarUnclear(name=name, why="it is not JSON") from error
    if isinstance(data, dict) and data and all(isinstance(v, dict) for v in data.values()):
        return [{"file": key, **_flat(value)} for key, value in data.items()]
    entries = data if isinstance(data, list) else [data]
    return [_flat(entry) for entry in entries if isinstance(entry, dict)]


def _flat(entry: Mapping[str, object]) -> dict[str, str]:
    plain = {k: v for k, v in entry.items() if not isinstance(v, bool)}
    return {str(k): str(v) for k, v in plain.items() if isinstance(v, str | int | float)}


def _names(entries: list[dict[str, str]]) -> bool:
    return any(key.lower() in _NAME_COLUMNS for entry in entries for key in entry)


def _is_about(entry: Mapping[str, str], image: str) -> bool:
    wanted = {image.lower(), PurePosixPath(image).name.lower()}
    return any(
        value.replace("\\", "/").lower() in wanted
        for key, value in entry.items()
        if key.lower() in _NAME_COLUMNS
    )


def _is_named_like(sidecar: str, image: str) -> bool:
    path = PurePosixPath(image)
    return PurePosixPath(sidecar).stem in {path.stem, path.name}
