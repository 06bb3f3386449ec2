"""The list of SOP classes and transfer syntaxes is what the standard registers."""

from __future__ import annotations

from importlib import resources

import pynetdicom  # knows some more
from pydicom._uid_dict import UID_dictionary  # the list is nowhere else

from appliance.dicom.acceptor import is_storage
from appliance.dicom.registry import (
    refused_syntaxes,
    registered,
    storage_sop_classes,
    transfer_syntaxes,
)
from appliance.route.iod import CLASSES
from appliance.settings.transfer_syntaxes import KEPT


def test_it_is_that_of_pydicom_and_pynetdicom() -> None:
    assert pynetdicom.__version__
    wanted = {
        uid: f"{name} (Retired)" if retired and "Retired" not in name else name
        for uid, (name, kind, _, retired, _) in UID_dictionary.items()
        if name and (kind == "Transfer Syntax" or (kind == "SOP Class" and is_storage(uid)))
    }
    assert registered() == wanted
    text = resources.files("appliance.dicom").joinpath("uids.txt").read_text(encoding="ascii")
    numbers = [
        [int(part) for part in line.split("\t")[0].split(".")] for line in text.splitlines()
    ]
    assert numbers == sorted(numbers)


def test_each_is_a_sop_class_or_a_syntax_that_is_taken_or_not() -> None:
    parts = (storage_sop_classes(), transfer_syntaxes(), refused_syntaxes())
    assert sorted(uid for part in parts for uid in part) == sorted(registered())


def test_what_is_made_here_is_on_it() -> None:
    assert set(CLASSES) <= set(storage_sop_classes())
    assert set(KEPT) <= set(transfer_syntaxes())
