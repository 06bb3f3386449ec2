"""Owns which SOP class an image becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.settings.schema import Profile

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
SC_IMAGE = "1.2.840.10008.5.1.4.1.1.7"


def sop_class(profile: Profile, *, colour: bool) -> tuple[str, str]:
    """The SOP Class UID, and a note where it is not what the profile asked for.

    CR is greyscale only (PS3.3 A.2, C.8.1.2): colour becomes Secondary Capture.
    """
    wants_cr = profile.sop_class == "CR" or (
        profile.sop_class == "auto" and profile.modality == "CR"
    )
    if wants_cr and not colour:
        return CR_IMAGE, ""
    note = "It is a colour image, which CR cannot be: made a Secondary Capture."
    return SC_IMAGE, note if wants_cr else ""


def modality(sop_class_uid: str) -> str:
    """What a SOP class says by itself; OT (other) where it says nothing."""
    return "CR" if sop_class_uid == CR_IMAGE else "OT"
