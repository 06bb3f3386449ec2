"""Owns the names of the rules by which wrong DICOM is put right; `no_repair` switches them off."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """What each does is told by the table of convert/repair.py."""

    PREAMBLE = "preamble"
    META_HEADER = "meta-header"
    TRANSFER_SYNTAX = "transfer-syntax"
    DEFLATED = "deflated"
    ACR_NEMA = "acr-nema"
    CHARSET = "charset"
    DATE = "date"
    TIME = "time"
    IMAGE_TYPE = "image-type"
    PADDING = "padding"
    TOO_LONG = "too-long"
    ODD_LENGTH = "odd-length"
    SHARED_UID = "shared-uid"
    MISSING_UID = "missing-uid"
    SOP_CLASS = "sop-class"
    MODALITY = "modality"
    IMAGE_PIXEL = "image-pixel"
