"""What real worklists tell: DCMTK's wlmscpfs in its two moods, and Orthanc's plugin."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.worklist import Query
from appliance.dicom.worklist import ask as ask_for
from appliance.errors import AssociationFailed, WorklistFailed, WorklistUnsupported
from appliance.identify.answers import Told, read
from tests.builders.worklists import ORDER, STEP, order, save
from tests.peers.orthanc_worklists import orthanc_worklists
from tests.peers.storescp import storescp
from tests.peers.wlmscpfs import place, wlmscpfs

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pydicom import Dataset

    from appliance.dicom.association import Target
    from appliance.model import Order

pytestmark = pytest.mark.network

FRIDAY, SATURDAY, SUNDAY = date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 15)
ORDERS: dict[str, Dataset] = {
    "plain": order(),
    "utf8": order(charset="ISO_IR 192", PatientName="Müller^Jörg", PatientID="P101"),
    "kanji": order(charset="ISO_IR 192", PatientName="山田^太郎", PatientID="P102"),
    "latin": order(charset="ISO_IR 100", PatientName="Çelik^Ümit", PatientID="P103"),
    "dx": order(Modality="DX", ScheduledStationAETitle="OTHER", PatientID="P104"),
    "april": order(ScheduledProcedureStepStartDate="20260401", PatientID="P105"),
    "friday": order(ScheduledProcedureStepStartDate="20260313", PatientID="P106"),
}


def write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, item in ORDERS.items():
        save(folder / f"{name}.wl", item)
    return folder


def told(
    target: Target,
    first: date = SATURDAY,
    last: date = SATURDAY,
    station: str = "",
    assumed: str = "",
) -> Told:
    answers = ask_for(target, Query(first, last, station))
    return read("ris", assumed, answers, "2026-03-14T09:26:53.000+00:00")


def names(answer: Told) -> dict[str, str]:
    return {o.values["PatientID"]: o.values.get("PatientName", "") for o in answer.orders}


def of(answer: Told, patient: str) -> Order:
    return next(each for each in answer.orders if each.values["PatientID"] == patient)


def run_wlmscpfs(root: Path) -> AbstractContextManager[Target]:
    write(place(root))
    return wlmscpfs(root, "-csk")


# --- wlmscpfs ---------------------------------------------------------------------------------


def test_wlmscpfs_that_keeps_character_sets_tells_all_names(tmp_path: Path) -> None:
    with run_wlmscpfs(tmp_path) as target:
        answer = told(target)
    assert names(answer) == {
        "P100": "Santoso^Budi",
        "P101": "Müller^Jörg",
        "P102": "山田^太郎",
        "P103": "Çelik^Ümit",
        "P104": "Santoso^Budi",
    }
    assert (answer.unreadable, answer.undated) == (0, 0)


def test_wlmscpfs_by_default_declares_nothing_and_no_mojibake_comes_of_it(tmp_path: Path) -> None:
    write(place(tmp_path))
    with wlmscpfs(tmp_path) as target:
        answer = told(target)
        known = told(target, assumed="utf_8")
    unread = dict.fromkeys(("P101", "P102", "P103"), "")
    assert names(answer) == {"P100": "Santoso^Budi", "P104": "Santoso^Budi", **unread}
    assert answer.unreadable == 3
    # The hospital says which set it is; what is of another one stays unread.
    assert names(known)["P101"] == "Müller^Jörg"
    assert names(known)["P102"] == "山田^太郎"
    assert names(known)["P103"] == ""


def test_wlmscpfs_that_calls_everything_latin_1(tmp_path: Path) -> None:
    """A declaration that is untrue is seen where the letters make no text, as these do."""
    write(place(tmp_path))
    with wlmscpfs(tmp_path, "-cs1") as target:
        assert names(told(target))["P103"] == "Çelik^Ümit"
        assert names(told(target))["P102"] == ""
        assert names(told(target, assumed="utf_8"))["P102"] == "山田^太郎"


def test_wlmscpfs_narrows_by_days_and_station_and_not_by_modality(tmp_path: Path) -> None:
    with run_wlmscpfs(tmp_path) as target:
        assert "P106" in names(told(target, FRIDAY, SUNDAY))
        assert set(names(told(target, FRIDAY, FRIDAY))) == {"P106"}
        assert "P104" not in names(told(target, station="CR2"))
        assert set(names(told(target, station="OTHER"))) == {"P104"}
        assert names(told(target, SUNDAY, SUNDAY)) == {}


def test_wlmscpfs_with_a_wrong_name_is_a_failure_and_not_nothing(tmp_path: Path) -> None:
    with run_wlmscpfs(tmp_path) as target, pytest.raises((AssociationFailed, WorklistFailed)):
        told(replace(target, called="OTHER"))


# --- Orthanc ----------------------------------------------------------------------------------


def test_orthanc_tells_what_latin_1_can_write_and_no_half_name_counts(tmp_path: Path) -> None:
    with orthanc_worklists(tmp_path, write(tmp_path / "orders"), "JEMBATAN") as ris:
        answer = told(ris.target)
        assert "P106" in names(told(ris.target, FRIDAY, SUNDAY))
        assert set(names(told(ris.target, station="OTHER"))) == {"P104"}
    assert names(answer) == {
        "P100": "Santoso^Budi",
        "P101": "Müller^Jörg",
        "P102": "",  # it leaves the letters out, and the delimiter
        "P103": "Çelik^Ümit",
        "P104": "Santoso^Budi",
    }


def test_orthanc_hangs_up_on_a_stranger(tmp_path: Path) -> None:
    running = orthanc_worklists(tmp_path, write(tmp_path / "orders"), "JEMBATAN")
    with running as ris, pytest.raises(WorklistFailed, match="aborted"):
        told(replace(ris.target, calling="NOBODY"))


def test_orthanc_by_caller_tells_other_stations_nothing_without_a_word(tmp_path: Path) -> None:
    """This cannot be told apart from none: so the page says what to look at."""
    folder = write(tmp_path / "orders")
    with orthanc_worklists(tmp_path, folder, "JEMBATAN", "CR2", by_caller=True) as ris:
        assert told(ris.target) == Told()
        assert len(told(replace(ris.target, calling="CR2")).orders) == 4


# --- both -------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["wlmscpfs", "orthanc"])
def test_every_key_comes_back_as_the_order_has_it(tmp_path: Path, server: str) -> None:
    if server == "wlmscpfs":
        with run_wlmscpfs(tmp_path) as target:
            found = of(told(target), "P100")
    else:
        with orthanc_worklists(tmp_path, write(tmp_path / "orders"), "JEMBATAN") as ris:
            found = of(told(ris.target), "P100")
    assert dict(found.values) == {**ORDER, **STEP}
    assert [c["CodeValue"] for c in found.codes["RequestedProcedureCodeSequence"]] == ["71045"]
    assert [c["CodeMeaning"] for c in found.codes["ScheduledProtocolCodeSequence"]] == ["Thorax"]


def test_a_pacs_that_has_no_worklist(tmp_path: Path) -> None:
    with storescp(tmp_path) as pacs, pytest.raises(WorklistUnsupported):
        told(pacs.target)
