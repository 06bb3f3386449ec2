"""Owns dates and times as people and devices write them, made DA and TM; never guessed."""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"(\d{4})([-.:/]?)(\d{2})\2(\d{2})")
_TIME = re.compile(r"(\d{2})(:?)(\d{2})(?:\2(\d{2})(\.\d{1,6})?)?")


def da(text: str) -> str:
    """A date with the year first, as YYYYMMDD (PS3.5 6.2); "" for anything ambiguous or untrue."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        return ""
    year, month, day = found[1], found[3], found[4]
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return year + month + day


def tm(text: str) -> str:
    """A time of day as HHMM, HHMMSS or HHMMSS.F; "" for anything else."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        return ""
    hour, minute, second = int(found[1]), int(found[3]), int(found[4] or 0)
    # 60 is a leap second, which DICOM allows.
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004
        return ""
    return found[1] + found[3] + (found[4] or "") + (found[5] or "")
