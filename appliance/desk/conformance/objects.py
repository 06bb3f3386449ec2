"""Owns what the statement says of objects: which are made, and where what they say comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.desk.conformance.parts import Table
from appliance.dicom.registry import registered
from appliance.dicom.worklist import CODES, ORDER_KEYS, STEP_KEYS
from appliance.identify.requested import COPIED, REQUESTED
from appliance.route.iod import ALWAYS, CLASSES, MUST_SAY, OF_IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.desk.conformance.parts import Row

_SERIES_OF_UIDS = "derived from study, modality, source and the series' own attributes"


def made() -> Table:
    """The SOP classes of objects that are made here, and what each says by itself."""
    common: tuple[Row, ...] = (
        ("Every object", "", "", "", _list(ALWAYS)),
        ("Every image, unless it is of type 1 there", "", "", "", _list(OF_IMAGES)),
    )
    rows = (*common, *map(_made, CLASSES))
    head = ("SOP class", "UID", "Says by itself", "Type 1: must be known, else held")
    return Table("Objects made of exports", (*head, "Type 2: there, empty where unknown"), rows)


def modules() -> Table:
    """Where the attributes of made objects come from, by module (PS3.3 C)."""
    order = "its order on the worklist, where the profile asks for one"
    else_ = "else sidecar, header, file name, or the profile's `set` (as the profile trusts them)"
    rows: tuple[Row, ...] = (
        ("Patient", _of("Patient", "Issuer"), f"{order}; {else_}"),
        (
            "General Study",
            _of("Study", "Accession", "Referring"),
            (
                f"{order}; {else_}. StudyDate: "
                "the exam's date by the profile's order of sources; none found: held"
            ),
        ),
        ("Request Attributes, in General Series", ", ".join(REQUESTED), order),
        (
            "General Series",
            "Modality, SeriesNumber, SeriesInstanceUID",
            f"Modality: the profile, else the SOP class. SeriesInstanceUID: {_SERIES_OF_UIDS}",
        ),
        (
            "General Equipment, SC Equipment",
            "Manufacturer, ConversionType, StationName ...",
            "what the export says; the profile's `set`; Manufacturer empty where unknown",
        ),
        (
            "General Image",
            ", ".join(("InstanceNumber", *OF_IMAGES, "LossyImageCompression ...")),
            "the page's number; what the export says; lossy streams say that they are",
        ),
        (
            "Image Pixel, VOI LUT, Cine, Multi-frame",
            ("Rows, Columns, BitsStored, PhotometricInterpretation, WindowCenter, FrameTime ..."),
            (
                "the picture itself; else the "
                "profile's `bits_stored`, `photometric`, `window`. Never guessed"
            ),
        ),
        (
            "Pixel measures",
            (
                "PixelSpacing, ImagerPixelSpacing, NominalScannedPixelSpacing, "
                "SequenceOfUltrasoundRegions"
            ),
            (
                "the picture's or sidecar's own where the class has a "
                "place for it; the profile's `imager_pixel_spacing`, if it was measured"
            ),
        ),
        (
            "Encapsulated Document",
            (
                "EncapsulatedDocument, MIMETypeOfEncapsulatedDocument, "
                "DocumentTitle, BurnedInAnnotation"
            ),
            "the report; PDF to the byte, else set as PDF",
        ),
        (
            "SOP Common",
            (
                "SOPClassUID, SOPInstanceUID, SpecificCharacterSet, InstanceCreationDate, "
                "InstanceCreationTime"
            ),
            (
                "the profile and the picture; derived; as needed; when the export arrived, where "
                "that is known"
            ),
        ),
    )
    return Table("Attributes by module", ("Module", "Attributes", "Where they come from"), rows)


def keys() -> Table:
    """What a worklist is asked for, and what an image takes over of it."""
    rows: list[Row] = [_key(key.keyword, "") for key in ORDER_KEYS.values()]
    rows += [_key(key.keyword, "scheduled procedure step") for key in STEP_KEYS.values()]
    rows += [(keyword, "sequence of codes", "copied") for keyword in CODES.values()]
    return Table("Worklist keys", ("Attribute", "Of", "In the image"), tuple(rows))


def uids() -> Table:
    """How UIDs come about."""
    rows: tuple[Row, ...] = (
        ("Valid UIDs of objects that came", "kept, as long as the image stays its patient's"),
        (
            "SOPInstanceUID",
            (
                "derived from the content and whose it is: what a person corrects "
                "becomes another object"
            ),
        ),
        (
            "StudyInstanceUID",
            (
                "the order's; else derived from issuer, patient and accession "
                "number; else from patient, day and source"
            ),
        ),
        ("SeriesInstanceUID", _SERIES_OF_UIDS),
        ("Transaction UID of storage commitment", "new for every request"),
    )
    return Table("UIDs", ("UID", "Comes from"), rows)


def _made(uid: str) -> Row:
    defaults = CLASSES[uid]
    needed = MUST_SAY.get(uid, ())
    says = (f"{k} {_words(value)}" for k, value in defaults.items() if value)
    empty = [keyword for keyword, value in defaults.items() if not value]
    return registered()[uid], uid, ", ".join(says), ", ".join(needed), _list(empty)


def _list(keywords: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(keywords))


def _words(value: object) -> str:
    return "\\".join(value) if isinstance(value, list) else str(value)


def _of(*beginnings: str) -> str:
    return _list(k for k in (*COPIED, *ALWAYS) if k.startswith(beginnings))


def _key(keyword: str, of: str) -> Row:
    taken = "copied" if keyword in COPIED else ""
    if keyword in REQUESTED:
        taken = "in RequestAttributesSequence"
    return keyword, of, taken or "compared, or for people to read"
