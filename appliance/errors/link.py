"""Owns what can be wrong with the link to a modality: stick, drive, share, serial, receiver."""

from __future__ import annotations

from appliance.errors.base import Notice


class OldSharing(Notice):
    """{name} uses {what}, which anybody on the same network can listen to and alter."""

    code = "smb1-on"
    hint = "Give the modality a cable of its own to the box; switch it off once nothing needs it."
