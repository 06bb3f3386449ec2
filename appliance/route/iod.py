"""Owns what each SOP class needs around its content (PS3.3 annex A); nothing is made up.

Type 2 attributes that nobody knows are there and empty; type 3 ones are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import BadValue, ValuesUnknown
from appliance.model import BodyKind
from appliance.settings import sop_classes as sop
from appliance.settings.keywords import TEXTS
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Body
    from appliance.route.case import Case

ALWAYS = (
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
OF_IMAGES = (
    # Type 2C, and whether the condition holds cannot be known: empty says just that.
    "Laterality",
    "PatientOrientation",
)

_DX: Mapping[str, object] = {
    "Modality": "DX",
    "DetectorType": "",
    "AnatomicRegionSequence": [],
    "AcquisitionContextSequence": [],
}
_US: Mapping[str, object] = {"Modality": "US", "ImageType": ""}
_SC: Mapping[str, object] = {"Modality": "OT", "ConversionType": "WSD"}
_SC_FRAMES: Mapping[str, object] = {**_SC, "BurnedInAnnotation": "YES"}
_VL: Mapping[str, object] = {
    # An export for viewing of what the camera saw of the patient (C.7.6.1.1.2).
    "ImageType": ["DERIVED", "PRIMARY"],
    "LossyImageCompression": "",
    "AcquisitionContextSequence": [],
}

CLASSES: Mapping[str, Mapping[str, object]] = {
    sop.CR_IMAGE: {
        "Modality": "CR",
        "BodyPartExamined": "",
        "ViewPosition": "",
    },
    sop.DX_FOR_PRESENTATION: _DX,
    sop.DX_FOR_PROCESSING: _DX,
    sop.US_IMAGE: _US,
    sop.US_MULTI_FRAME: _US,
    sop.SC_IMAGE: _SC,
    sop.SC_BYTE_FRAMES: _SC_FRAMES,
    sop.SC_WORD_FRAMES: _SC_FRAMES,
    sop.SC_COLOUR_FRAMES: _SC_FRAMES,
    sop.VL_ENDOSCOPIC: {"Modality": "ES", **_VL},
    sop.VL_PHOTOGRAPHIC: {"Modality": "XC", **_VL},
    # PS3.3 A.45.1, C.24.2: a report names its patient, and the numbers are of type 1.
    sop.ENCAPSULATED_PDF: {
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

_OF_DX = (
    "PresentationIntentType",
    "ImageType",
    "PatientOrientation",
    "ImageLaterality",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "LossyImageCompression",
    "BurnedInAnnotation",
    "ImagerPixelSpacing",
)
"""Type 1 there (PS3.3 A.26, C.8.11), and nothing but the device or the hospital can know them."""

MUST_SAY: Mapping[str, tuple[str, ...]] = {
    sop.DX_FOR_PRESENTATION: _OF_DX,
    sop.DX_FOR_PROCESSING: _OF_DX,
}

_WINDOW = ("WindowCenter", "WindowWidth")  # in what is for processing (PS3.3 C.8.11.3.1.5)

_FRAMES = frozenset({sop.SC_BYTE_FRAMES, sop.SC_WORD_FRAMES, sop.SC_COLOUR_FRAMES})
_DX_CLASSES = frozenset(MUST_SAY)
_US_CLASSES = frozenset({sop.US_IMAGE, sop.US_MULTI_FRAME})
_DETECTOR_CLASSES = _DX_CLASSES | {sop.CR_IMAGE}

_FRAME_TIME, _FRAME_TIMES, _PAGE_NUMBERS = 0x00181063, 0x00181065, 0x00182001
_DOCUMENT = BodyKind.DOCUMENT
_MOST_PAGES = 10_000  # whose numbers fit in the 64 KB of a value (PS3.5 7.1.2)
_CENTIMETRES = 3  # PS3.3 C.8.5.5.1.15

_SPACINGS = frozenset({"PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"})
_SPACED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_DETECTOR_CLASSES, frozenset({"PixelSpacing", "ImagerPixelSpacing"})),
    **dict.fromkeys(
        {sop.SC_IMAGE, *_FRAMES}, frozenset({"PixelSpacing", "NominalScannedPixelSpacing"})
    ),
}
"""Which spacing an object may have at its top; the other classes have none there."""

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


def image_values(body: Body, case: Case) -> dict[str, object]:
    """Every attribute but UIDs and the content, surer sources last. Raises BadValue."""
    profile = case.profile or Profile()
    always = ALWAYS if body.kind is _DOCUMENT else ALWAYS + OF_IMAGES
    said = {k: v for k, v in case.identity.values.items() if k in TEXTS - _SPACINGS and v}
    if case.objects > 1:
        said["InstanceNumber"] = str(body.number)
    return {
        **dict.fromkeys(always, ""),
        **CLASSES[_class(body)],
        **said,
        **_own(body),
        **_frames(body),
        **_grey_scale(body),
        **_spacing(body, _spacings(body, case), profile),
        **_of_profile(profile, body),
        **case.identity.order,
        **_created(case),
    }


def _created(case: Case) -> dict[str, object]:
    """The object is as old as what it was made of is here."""
    if case.unsure:
        return {}
    came = case.arrived_at
    return {"InstanceCreationDate": f"{came:%Y%m%d}", "InstanceCreationTime": f"{came:%H%M%S}"}


def whole(body: Body, values: Mapping[str, object]) -> dict[str, object]:
    """The values without what has no place beside the others. Raises ValuesUnknown."""
    keywords = [k for k in MUST_SAY.get(_class(body), ()) if not values.get(k)]
    if keywords:
        raise ValuesUnknown(what="DX", keywords=", ".join(keywords))
    no_place = set(_WINDOW) if _class(body) == sop.DX_FOR_PROCESSING else set()
    has_no_side = values.get("BodyPartExamined") in _UNPAIRED or values.get("ImageLaterality")
    if has_no_side and not values.get("Laterality"):
        no_place.add("Laterality")
    return {k: v for k, v in values.items() if k not in no_place}


def may_be_empty(body: Body, keyword: str) -> bool:
    """Whether an attribute without a value must still be there (type 2)."""
    default = CLASSES.get(_class(body), {}).get(keyword)
    is_common = keyword in ALWAYS or (keyword in OF_IMAGES and body.kind is not _DOCUMENT)
    return default == "" or (is_common and not needs(body, keyword))


def needs(body: Body, keyword: str) -> bool:
    """Whether an attribute must have a value (type 1)."""
    default = CLASSES.get(_class(body), {}).get(keyword)
    return keyword == "Modality" or keyword in MUST_SAY.get(_class(body), ()) or bool(default)


def _class(body: Body) -> str:
    return str(body.attributes["SOPClassUID"])


def _own(body: Body) -> dict[str, object]:
    """What the format proves; a colour profile belongs to colours, and spacings are placed."""
    is_grey = body.attributes.get("SamplesPerPixel") == 1
    left_out = {*_SPACINGS, "ICCProfile"} if is_grey else _SPACINGS
    return {k: v for k, v in body.attributes.items() if (v or v == 0) and k not in left_out}


def _number(body: Body, keyword: str) -> int:
    value = body.attributes.get(keyword, 0)
    return value if isinstance(value, int) else 0


def _frames(body: Body) -> dict[str, object]:
    """What leads from frame to frame: their time where it is known, else they are pages."""
    count = _number(body, "NumberOfFrames")
    if count <= 1:
        return {}
    if "FrameTime" in body.attributes:
        return {"FrameIncrementPointer": _FRAME_TIME}
    if "FrameTimeVector" in body.attributes:
        return {"FrameIncrementPointer": _FRAME_TIMES}
    if count > _MOST_PAGES:
        why = f"one object numbers {_MOST_PAGES} pages at most"
        raise BadValue(keyword="NumberOfFrames", value=count, why=why)
    pages = list(range(1, count + 1))
    return {"FrameIncrementPointer": _PAGE_NUMBERS, "PageNumberVector": pages}


def _grey_scale(body: Body) -> dict[str, object]:
    """Stored values are what is shown, and IDENTITY says so (PS3.3 C.8.6.3, C.8.11.3.1.2)."""
    uid, said = _class(body), body.attributes
    if uid not in _DX_CLASSES | _FRAMES or said.get("SamplesPerPixel") != 1:
        return {}
    inverse = said.get("PhotometricInterpretation") == "MONOCHROME1"
    found: dict[str, object] = {
        "RescaleIntercept": said.get("RescaleIntercept", 0),
        "RescaleSlope": said.get("RescaleSlope", 1),
        "RescaleType": said.get("RescaleType", "US"),
        "PresentationLUTShape": "INVERSE" if inverse else "IDENTITY",
    }
    if uid == sop.DX_FOR_PRESENTATION and "WindowWidth" not in said:
        width = 1 << _number(body, "BitsStored")
        found |= {"WindowCenter": width // 2, "WindowWidth": width}
    return found


def _spacings(body: Body, case: Case) -> dict[str, list[float]]:
    """What the image or its header or sidecar says, in mm; rows before columns."""
    said = {k: body.attributes.get(k) or case.identity.values.get(k) for k in sorted(_SPACINGS)}
    return {keyword: _pair(keyword, value) for keyword, value in said.items() if value}


def _pair(keyword: str, value: object) -> list[float]:
    try:
        first, second = map(float, value if isinstance(value, list) else str(value).split("\\"))
    except ValueError as error:
        why = "it is no pair of lengths such as 0.1\\0.1"
        raise BadValue(keyword=keyword, value=value, why=why) from error
    return [first, second]


def _spacing(body: Body, known: Mapping[str, list[float]], profile: Profile) -> dict[str, object]:
    """Where the class has a place for a spacing; what the hospital measured is surest."""
    uid = _class(body)
    if profile.imager_pixel_spacing and uid in _DETECTOR_CLASSES:
        return {"ImagerPixelSpacing": list(profile.imager_pixel_spacing)}
    if uid in _US_CLASSES and "PixelSpacing" in known:
        return {"SequenceOfUltrasoundRegions": [_region(body, known["PixelSpacing"])]}
    return {k: v for k, v in known.items() if k in _SPACED.get(uid, ())}


def _region(body: Body, spacing: list[float]) -> dict[str, object]:
    """The whole image, of which nothing but the spacing is known (PS3.3 C.8.5.5)."""
    row_mm, column_mm = spacing
    return {
        "RegionSpatialFormat": 0,
        "RegionDataType": 0,
        "RegionFlags": 0,
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": _number(body, "Columns") - 1,
        "RegionLocationMaxY1": _number(body, "Rows") - 1,
        "PhysicalUnitsXDirection": _CENTIMETRES,
        "PhysicalUnitsYDirection": _CENTIMETRES,
        "PhysicalDeltaX": column_mm / 10,
        "PhysicalDeltaY": row_mm / 10,
    }


def _of_profile(profile: Profile, body: Body) -> dict[str, object]:
    found: dict[str, object] = {}
    if profile.modality:
        found["Modality"] = profile.modality
    if profile.window and body.attributes.get("SamplesPerPixel") == 1:
        found["WindowCenter"], found["WindowWidth"] = profile.window
    return found
