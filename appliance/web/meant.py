"""Owns that a decision is about the image whose page was looked at.

An item's number alone does not say so: where the newest of the journal was lost with a power cut,
or the box goes on from an older backup, other images get the same numbers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flask import request

from appliance.errors import AnotherImage

if TYPE_CHECKING:
    from appliance.model import Item

_LENGTH = 16


def mark(item: Item) -> str:
    """What stands for an image, and what its name and sidecars say, in a form."""
    parts = (item.sha256, item.source, item.name, sorted(item.sidecars.items()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:_LENGTH]


def must_be_meant(item: Item) -> None:
    """Raise AnotherImage unless the form that came was given out for this image."""
    if request.form.get("image") != mark(item):
        raise AnotherImage(number=item.id)
