"""Owns making an object anew for another transfer syntax, as convert and route do together."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from appliance import part10
from appliance.convert import unpack
from appliance.convert.source import Source
from appliance.forward.encoding import needs_pixels
from appliance.journal.spool import Spool
from appliance.model import Instance
from appliance.route.recode import recoded
from appliance.settings.schema import Profile
from tests.builders import objects

if TYPE_CHECKING:
    from pydicom import Dataset

    from appliance.model import Body

NAME = "film.dcm"


def instance_of(path: Path) -> Instance:
    """A DICOM file as something to be sent."""
    found = part10.read(path)
    return Instance(
        1,
        found.sop_class_uid,
        found.sop_instance_uid,
        "1.2.3.1",
        "1.2.3.2",
        found.transfer_syntax_uid,
        "digest",
        (found.data_set,),
    )


def pixels_for(instance: Instance, wanted: str, folder: Path) -> Body | None:
    """What convert makes for it."""
    if not needs_pixels(instance.transfer_syntax_uid, wanted):
        return None
    spool = Spool(folder)
    source = Source(
        Path(NAME), NAME, Profile(), make_body=lambda produce: spool.make(produce).path
    )
    bodies = unpack.unpacked(source, instance, wanted)
    return bodies[0] if bodies else None


def remade(instance: Instance, wanted: str, folder: Path) -> Instance:
    """The same object in the syntax `wanted`."""
    return recoded(instance, pixels_for(instance, wanted, folder), wanted, "pacs")


def saved(instance: Instance, path: Path) -> Path:
    """The object as a file that other people's tools can read."""
    path.write_bytes(part10.head(instance) + objects.encoding(instance))
    return path


def seen(instance: Instance) -> Dataset:
    """The object as pydicom sees it."""
    return dcmread(BytesIO(part10.head(instance) + objects.encoding(instance)))
