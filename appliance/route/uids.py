"""Owns derived UIDs: pure, so that the same input gives the same UIDs on any box.

A UID of the product is "2.25." and a UUID as one integer (PS3.5 B.2); the UUID's free bits come
from a SHA-256 (RFC 9562, version 8).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from uuid import UUID

from appliance.part10 import is_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Body, Identity

_VERSION_8, _VARIANT = 0x80, 0x80

_SERIES_LEVEL = (
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "ProtocolName",
    "BodyPartExamined",
    "Laterality",
    "ViewPosition",
)


def sop_instance_uid(body: Body, identity: Identity) -> str:
    """From the content and whose it is: what a person corrects becomes another object."""
    return _derived("instance", body.digest, body.number, dict(identity.values))


def study_uid(identity: Identity, source: str) -> str:
    """The order's own, else from patient and accession, else from patient, day and source."""
    values = identity.values
    if is_uid(known := values.get("StudyInstanceUID", "")):
        return known
    who = (values.get("IssuerOfPatientID", ""), _patient(values))
    if accession := values.get("AccessionNumber", ""):
        return _derived("study", *who, accession)
    return _derived("study of a day", *who, values.get("StudyDate", ""), source)


def series_uid(study: str, modality: str, source: str, values: Mapping[str, object]) -> str:
    """From the study, the device and whatever series-level attributes the image has."""
    return _derived("series", study, modality, source, [values.get(k, "") for k in _SERIES_LEVEL])


def of_test_image(sop_class_uid: str, patient: Mapping[str, str]) -> tuple[str, str, str]:
    """Study, series and instance of the test image: the same at every destination, every time."""
    parts = ("study", "series", "instance")
    study, series, own = (_derived("test " + part, sop_class_uid, dict(patient)) for part in parts)
    return study, series, own


def _patient(values: Mapping[str, str]) -> str:
    return values.get("PatientID") or values.get("PatientName", "")


def _derived(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    bits = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    bits[6] = bits[6] & 0x0F | _VERSION_8
    bits[8] = bits[8] & 0x3F | _VARIANT
    return f"2.25.{UUID(bytes=bytes(bits)).int}"
