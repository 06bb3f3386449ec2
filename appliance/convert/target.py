"""Owns which SOP class an image becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.settings import sop_classes as sop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.schema import Profile

_BYTE_BITS = 8
_AUTO: Mapping[str, str] = {"CR": "CR", "US": "US", "ES": "VL", "XC": "VL"}
"""The family of images that a modality sends; Secondary Capture is for all the others."""

_GREY_ONLY = frozenset({"CR", "DX"})  # PS3.3 C.8.1.2, C.8.11.3
_BYTES_ONLY = frozenset({"US", "VL"})  # PS3.3 C.8.5.6.1.12, C.8.12.1
_UNSIGNED_ONLY = frozenset({"DX", "US", "VL"})  # PS3.3 C.8.11.3, C.8.5.6, C.8.12.1

_FRAMES: Mapping[tuple[str, bool, int], str] = {
    # (family, colour, bits allocated); PS3.3 A.7, A.8.3 to A.8.5
    ("US", False, 8): sop.US_MULTI_FRAME,
    ("US", True, 8): sop.US_MULTI_FRAME,
    ("SC", False, 8): sop.SC_BYTE_FRAMES,
    ("SC", False, 16): sop.SC_WORD_FRAMES,
    ("SC", True, 8): sop.SC_COLOUR_FRAMES,
}
"""What can hold several frames, unsigned; of all else, each page is an object of its own."""

_MODALITIES: Mapping[str, str] = {
    sop.CR_IMAGE: "CR",
    sop.DX_FOR_PRESENTATION: "DX",
    sop.DX_FOR_PROCESSING: "DX",
    sop.US_IMAGE: "US",
    sop.US_MULTI_FRAME: "US",
    sop.VL_ENDOSCOPIC: "ES",
    sop.VL_PHOTOGRAPHIC: "XC",
}

_WHITE_IS_HIGH = frozenset({*_FRAMES.values(), sop.US_IMAGE, sop.VL_ENDOSCOPIC}) | {
    sop.VL_PHOTOGRAPHIC
}


def sop_class(
    profile: Profile,
    *,
    colour: bool,
    bits: int = _BYTE_BITS,
    signed: bool = False,
    frames: int = 1,
) -> tuple[str, str]:
    """The SOP Class UID, and a note where it is not what the profile asked for.

    `bits` are those allocated. For several frames ask `takes_frames` first.
    """
    family, note = _family(profile, colour=colour, bits=bits, signed=signed)
    if frames > 1:
        return _FRAMES[family, colour, bits], note
    return _single(family, profile), note


def takes_frames(profile: Profile, *, colour: bool, bits: int, signed: bool = False) -> bool:
    """Whether pages of one shape become frames of one object, rather than one object each."""
    family, _ = _family(profile, colour=colour, bits=bits, signed=signed)
    too_few = bits > _BYTE_BITS >= profile.bits_stored > 0  # for words (PS3.3 A.8.4.4)
    return (family, colour, bits) in _FRAMES and not signed and not too_few


def wants_monochrome2(sop_class_uid: str) -> bool:
    """Whether the highest grey value must be white (PS3.3 C.8.5.6.1.2, C.8.12.1, A.8.3.4)."""
    return sop_class_uid in _WHITE_IS_HIGH


def modality(sop_class_uid: str) -> str:
    """What a SOP class says by itself; OT (other) where it says nothing."""
    return _MODALITIES.get(sop_class_uid, "OT")


def _family(profile: Profile, *, colour: bool, bits: int, signed: bool) -> tuple[str, str]:
    wanted = profile.sop_class
    if wanted in {"auto", "PDF"}:
        wanted = _AUTO.get(profile.modality, "SC")
    if colour and wanted in _GREY_ONLY:
        what = "a colour image"
    elif bits > _BYTE_BITS and wanted in _BYTES_ONLY:
        what = f"an image of {bits} bits a value"
    elif signed and wanted in _UNSIGNED_ONLY:
        what = "an image of values below zero"
    else:
        return wanted, ""
    return "SC", f"It is {what}, which {wanted} cannot be: made a Secondary Capture."


def _single(family: str, profile: Profile) -> str:
    if family == "DX" and profile.set.get("PresentationIntentType") == "FOR PROCESSING":
        return sop.DX_FOR_PROCESSING
    if family == "VL" and profile.modality == "ES":
        return sop.VL_ENDOSCOPIC
    return {
        "CR": sop.CR_IMAGE,
        "DX": sop.DX_FOR_PRESENTATION,
        "US": sop.US_IMAGE,
        "SC": sop.SC_IMAGE,
        "VL": sop.VL_PHOTOGRAPHIC,
    }[family]
