"""Owns the registry of storage SOP classes and transfer syntaxes (PS3.6 A); only lists need it.

What is accepted is decided by rules (`acceptor`), which hold for SOP classes of the future too.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from appliance.dicom.acceptor import is_readable, is_standard_syntax, is_storage

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def registered() -> Mapping[str, str]:
    """Names by UID, in the order of the numbers."""
    text = resources.files(__package__).joinpath("uids.txt").read_text(encoding="ascii")
    return dict(line.split("\t") for line in text.splitlines())


@cache
def storage_sop_classes() -> tuple[str, ...]:
    """Those that may be stored here, and that go on from here."""
    return tuple(uid for uid in registered() if is_storage(uid))


@cache
def transfer_syntaxes() -> tuple[str, ...]:
    """Those in which objects may come, and go on."""
    return tuple(filter(is_taken, registered()))


@cache
def refused_syntaxes() -> tuple[str, ...]:
    """The others."""
    sop_classes = set(storage_sop_classes())
    return tuple(uid for uid in registered() if uid not in sop_classes and not is_taken(uid))


def is_taken(transfer_syntax_uid: str) -> bool:
    """Whether it is taken where the settings do not narrow it."""
    return is_standard_syntax(transfer_syntax_uid) and is_readable(transfer_syntax_uid)
