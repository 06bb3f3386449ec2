"""Owns what each SOP class needs around its content (PS3.3 A.2, A.8, A.45); nothing is made up.

Type 2 attributes that nobody knows are there and empty; type 3 ones are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import BadValue
from appliance.model import BodyKind
from appliance.settings.keywords import TEXTS
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.model import Body, Identity

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
SC_IMAGE = "1.2.840.10008.5.1.4.1.1.7"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"

_ALWAYS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesNumber",
    "InstanceNumber",
    "Manufacturer",
)
_OF_IMAGES = (
    # Type 2C, and whether the condition holds cannot be known: empty says just that.
    "Laterality",
    "PatientOrientation",
)

_CLASSES: Mapping[str, Mapping[str, object]] = {
    CR_IMAGE: {
        "Modality": "CR",
        "BodyPartExamined": "",
        "ViewPosition": "",
    },
    SC_IMAGE: {"Modality": "OT", "ConversionType": "WSD"},
    # PS3.3 A.45.1, C.24.2: a report names its patient, and the numbers are of type 1.
    ENCAPSULATED_PDF: {
        "Modality": "DOC",
        "ConversionType": "WSD",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "ContentDate": "",
        "ContentTime": "",
        "AcquisitionDateTime": "",
        "BurnedInAnnotation": "YES",
        "DocumentTitle": "",
        "ConceptNameCodeSequence": [],
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
    },
}

_SINGLE = """
    ABDOMEN ABDOMENPELVIS AORTA BLADDER BRAIN CEREBELLUM CERVIX CHEST CHESTABDOMEN
    CHESTABDPELVIS COCCYX COLON CSPINE CTSPINE DUODENUM ESOPHAGUS FACE GALLBLADDER HEAD HEADNECK
    HEART ILEUM JAW JEJUNUM LARYNX LIVER LSPINE LSSPINE MAXILLA MEDIASTINUM NECK NECKCHEST
    NECKCHESTABDOMEN NECKCHESTABDPELV NOSE PANCREAS PELVIS PENIS PHARYNX PROSTATE RECTUM SKULL
    SPINE SPLEEN SSPINE STERNUM STOMACH THYMUS THYROID TLSPINE TONGUE TRACHEA TSPINE URETHRA
    UTERUS VAGINA WHOLEBODY
"""
_UNPAIRED = frozenset(_SINGLE.split())
"""Parts of which there is one (PS3.16 annex L): Laterality, type 2C, has no place beside them."""

_FIXED = frozenset({"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"})


def image_values(
    body: Body, identity: Identity, profile: Profile | None, arrived_at: datetime
) -> dict[str, object]:
    """Every attribute but UIDs and the content, surer sources first. Raises BadValue."""
    profile = profile or Profile()
    said = {k: v for k, v in identity.values.items() if k in TEXTS}
    always = _ALWAYS if body.kind is BodyKind.DOCUMENT else _ALWAYS + _OF_IMAGES
    known = {
        **dict.fromkeys(always, ""),
        **_CLASSES[str(body.attributes["SOPClassUID"])],
        **{k: v for k, v in said.items() if v},
        **{k: v for k, v in body.attributes.items() if v or v == 0},
        **_of_profile(profile, body),
        "InstanceCreationDate": arrived_at.strftime("%Y%m%d"),
        "InstanceCreationTime": arrived_at.strftime("%H%M%S"),
    }
    known |= edits(profile)
    if known.get("BodyPartExamined") in _UNPAIRED and not known.get("Laterality", "-"):
        del known["Laterality"]
    return known


def edits(profile: Profile | None) -> Mapping[str, str]:
    """The tag edits a profile asks for. Raises BadValue where sameness hangs on them."""
    wanted = profile.set if profile else {}
    for keyword in sorted(_FIXED & wanted.keys()):
        raise BadValue(keyword=keyword, value=wanted[keyword], why="UIDs are not set by hand")
    return wanted


def _of_profile(profile: Profile, body: Body) -> dict[str, object]:
    found: dict[str, object] = {}
    if profile.modality:
        found["Modality"] = profile.modality
    if profile.window and body.attributes.get("SamplesPerPixel") == 1:
        found["WindowCenter"], found["WindowWidth"] = profile.window
    if profile.imager_pixel_spacing and body.attributes["SOPClassUID"] == CR_IMAGE:
        found["ImagerPixelSpacing"] = list(profile.imager_pixel_spacing)
    return found
