"""Owns the doctor's look at TLS: do both sides want it, and do they trust each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.desk.doctor.subject import Found, Visit


def tls(visit: Visit) -> str | Found:
    """Both want it, or both do not."""
    del visit
    return "not used"
