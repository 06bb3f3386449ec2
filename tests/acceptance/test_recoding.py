"""An old PACS that takes nothing compressed, and a slow line to another: what is dropped into a
folder reaches both, each as it takes it, and shows the same picture."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydicom import dcmread

from appliance.elements import IMPLICIT_LE
from tests.builders import pictures
from tests.builders.encodings import encoded
from tests.builders.running import running
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from pydicom import Dataset

    from tests.peers.storescp import StoreScp

DATA = Path(__file__).parents[1] / "data" / "dicom"
RLE = "1.2.840.10008.1.2.5"
SAMPLES = ("jpeg-2000", "rle", "big-endian")

SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "cr"
settle_s = 1

[[profile]]
name = "cr"
sop_class = "SC"
modality = "OT"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<PatientName>.+)_(?P<StudyDate>\\d{8})'
"""
DESTINATION = """
[[destination]]
name = "{name}"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
confirm = "response"
{more}
"""


def test_each_gets_what_it_takes_and_sees_the_same(tmp_path: Path) -> None:
    with storescp(tmp_path / "old", "+xi") as old, storescp(tmp_path / "slow") as slow:
        settings = SETTINGS + DESTINATION.format(name="old", port=old.port, more="")
        settings += DESTINATION.format(name="slow", port=slow.port, more='compress = "rle"')
        with running(tmp_path / "box", settings) as box:
            jpeg = pictures.saved(pictures.colour(), "JPEG")
            (box.export / "P1_DOE^JANE_20260102.jpg").write_bytes(jpeg)
            for name in SAMPLES:
                shutil.copy(encoded(name, tmp_path).path, box.export / f"{name}.dcm")
            shutil.copy(DATA / "mlut_18.dcm", box.export)
            box.wait(lambda now: now["items"].get("done", 0) == len(SAMPLES) + 2)
            with box.journal() as journal:
                assert not journal.custody.verify()
        there, far = seen(old), seen(slow)
    assert {ds.file_meta.TransferSyntaxUID for ds in there.values()} == {IMPLICIT_LE}
    assert there.keys() == far.keys()
    plain = str(dcmread(DATA / "mlut_18.dcm").SOPInstanceUID)
    assert far[plain].file_meta.TransferSyntaxUID == RLE
    for uid, ds in there.items():
        if far[uid].PhotometricInterpretation != "YBR_FULL_422":
            assert np.array_equal(ds.pixel_array, far[uid].pixel_array)
        else:
            assert np.array_equal(ds.pixel_array, np.array(Image.open(io.BytesIO(jpeg))))


def seen(peer: StoreScp) -> dict[str, Dataset]:
    found = map(dcmread, peer.received())
    return {str(ds.SOPInstanceUID): ds for ds in found}
