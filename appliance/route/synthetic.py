"""Owns the test image: no picture of anybody, the same bytes under the same UIDs every time. Pure.

It says of itself what it is: SyntheticData (0008,001C) is YES (PS3.3 C.12.1), and nothing in it is
of today, so that one that is sent again is the one that is there.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from appliance.elements import coding_of
from appliance.model import Instance
from appliance.route import uids
from appliance.route.content import PIXEL_DATA
from appliance.route.encode import encoded
from appliance.settings.sop_classes import CR_IMAGE, SC_IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.elements import Coding

SOP_CLASSES = (SC_IMAGE, CR_IMAGE)
"""What it can be, the best first."""

_SIDE = 64
_DAY = "20000101"
_KIND: Mapping[str, Mapping[str, object]] = {
    SC_IMAGE: {"Modality": "OT", "ConversionType": "SYN"},
    CR_IMAGE: {"Modality": "CR", "BodyPartExamined": "PHANTOM", "ViewPosition": ""},
}


def test_image(
    sop_class_uid: str, transfer_syntax_uid: str, patient: Mapping[str, str]
) -> Instance:
    """A grey wedge of 64 x 64 under that patient, native, in one of the plain syntaxes."""
    values = _values(sop_class_uid, patient)
    coding = coding_of(transfer_syntax_uid)
    data_set = encoded(values, coding) + _wedge(coding)
    return Instance(
        number=1,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=str(values["SOPInstanceUID"]),
        study_instance_uid=str(values["StudyInstanceUID"]),
        series_instance_uid=str(values["SeriesInstanceUID"]),
        transfer_syntax_uid=transfer_syntax_uid,
        digest=hashlib.sha256(data_set).hexdigest(),
        pieces=(data_set,),
    )


def _values(sop_class_uid: str, patient: Mapping[str, str]) -> dict[str, object]:
    study, series, own = uids.of_test_image(sop_class_uid, patient)
    return {
        "ImageType": ["DERIVED", "SECONDARY"],
        "SOPClassUID": sop_class_uid,
        "SOPInstanceUID": own,
        "SyntheticData": "YES",
        "StudyDate": _DAY,
        "StudyTime": "000000",
        "AccessionNumber": "",
        "Manufacturer": "Jembatan",
        "ReferringPhysicianName": "",
        "StudyDescription": "Test of the connection",
        "SeriesDescription": "Test image, not of a patient",
        "PatientBirthDate": "",
        "PatientSex": "",
        **patient,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "StudyID": "",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "PatientOrientation": "",
        "BurnedInAnnotation": "NO",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": _SIDE,
        "Columns": _SIDE,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        **_KIND[sop_class_uid],
    }


def _wedge(coding: Coding) -> bytes:
    """The element with the pixels, from black on the left to white on the right."""
    pixels = bytes(255 * column // (_SIDE - 1) for column in range(_SIDE)) * _SIDE
    vr = b"OB\0\0" if coding.explicit else b""
    tag = struct.pack("<HH", PIXEL_DATA >> 16, PIXEL_DATA & 0xFFFF)
    return tag + vr + struct.pack("<L", len(pixels)) + pixels
