"""Owns real images in every encoding that modalities send, made by DCMTK from tests/data."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance import part10
from appliance.elements import DEFLATED_LE

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parents[1] / "data" / "dicom"


class Way(NamedTuple):
    """How a file is made, of what, and what DCMTK's storescu must be told to send it as it is."""

    made_by: tuple[str, ...]
    of: str
    proposing: str


# Each with a UID of its own (+ua), and without the group lengths that no sender of DCMTK's keeps.
WAYS: Mapping[str, Way] = {
    "jpeg-baseline": Way(("dcmcjpeg", "+eb", "+ua", "-g"), "SC_rgb.dcm", "-xy"),
    "jpeg-lossless": Way(("dcmcjpeg", "+e1", "+ua", "-g"), "SC_rgb.dcm", "-xs"),
    "jpeg-ls": Way(("dcmcjpls", "+ua", "-g"), "SC_rgb.dcm", "-xt"),
    "jpeg-2000": Way(("dcmconv", "-g"), "US1_J2KI.dcm", "-xw"),
    "rle": Way(("dcmcrle", "+ua", "-g"), "SC_rgb_2frame.dcm", "-xr"),
    "deflated": Way(("dcmconv", "+td", "-g"), "vlut_04.dcm", "-xd"),
    "big-endian": Way(("dcmconv", "+tb", "-g"), "SC_rgb.dcm", "-xb"),
}


class Encoded(NamedTuple):
    """A DICOM file, and what of it is sent."""

    path: Path
    uid: str
    transfer_syntax_uid: str
    data_set: bytes


def encoded(name: str, folder: Path) -> Encoded:
    """Make the file of that way in `folder`."""
    way, path = WAYS[name], folder / f"{name}.dcm"
    command = [*way.made_by, str(_DATA / way.of), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return read(path)


def read(path: Path) -> Encoded:
    """A DICOM file; unpacked where it is deflated, which DCMTK does anew whenever it sends."""
    found = part10.read(path)
    data_set = path.read_bytes()[found.data_set_offset :]
    if found.transfer_syntax_uid == DEFLATED_LE:
        data_set = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data_set)
    return Encoded(path, found.sop_instance_uid, found.transfer_syntax_uid, data_set)
