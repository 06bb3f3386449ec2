"""Orders that come late, worklists that are down, mixed studies, and persons who decide."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from tests.builders import exports
from tests.builders.identities import BUDI, order
from tests.builders.running import running
from tests.builders.scenarios import FILM, OF_SITI
from tests.peers.storescp import storescp
from tests.peers.wlmscpfs import place, wlmscpfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from tests.builders.running import Running
    from tests.peers.storescp import StoreScp

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

WAIT_S = 12
SETTINGS = """
[box]
timezone = "Asia/Jakarta"

[[profile]]
name = "cr"
identity = "worklist"

[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "cr"

[[worklist]]
name = "ris"
host = "127.0.0.1"
port = %d
ae_title = "RIS"
wait_h = %f
fresh_s = 1

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = %d
ae_title = "STORESCP"
confirm = "response"
"""
OF_BUDI = {**BUDI, **FILM}
MRS_BUDI = {**OF_BUDI, "PatientName": "SANTOSO^BUDIATI"}


class Hospital:
    """A box between a modality, a worklist that can be switched off, and a PACS."""

    def __init__(self, box: Running, scp: StoreScp, ris: ExitStack, orders: Path) -> None:
        self.box, self.scp, self.ris, self._orders = box, scp, ris, orders
        self._number = 0

    def makes(self, said: dict[str, str], *, study: int = 0) -> int:
        """An export; the number of its item, once it is taken in."""
        self._number += 1
        part = self.box.export / f"{self._number}.part"
        exports.dicom(part, self._number, said, study=study)
        part.rename(part.with_suffix(".dcm"))
        self.box.wait(lambda _: f"took {self._number}.dcm" in self.box.log())
        return self._number

    def orders(self, name: str, person: dict[str, str] | None = None, **values: str) -> None:
        exports.enter(self._orders / f"{name}.wl", order(person, **values))

    def becomes(self, item: int, state: str, code: str = "") -> dict[str, Any]:
        """Wait until an item stands so; all that is known about it."""
        self.box.wait(lambda _: self._stands(item) == (state, code))
        return self.queue("show", str(item))

    def queue(self, *words: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "appliance", "queue", *words, "--json"]
        done = subprocess.run(
            [*command, "--root", str(self.box.root)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def pacs(self) -> list[Dataset]:
        return [dcmread(path, stop_before_pixels=True) for path in self.scp.received()]

    def _stands(self, item: int) -> tuple[str, str]:
        with self.box.journal() as journal:
            row = journal.ledger.item_row(item)
        return row["state"], row["code"]


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    with ExitStack() as stack:
        ris = stack.enter_context(ExitStack())
        target = ris.enter_context(wlmscpfs(tmp_path / "ris", "-csk"))
        scp = stack.enter_context(storescp(tmp_path / "scp"))
        settings = SETTINGS % (target.port, WAIT_S / 3600, scp.port)
        box = stack.enter_context(running(tmp_path / "run", settings))
        yield Hospital(box, scp, ris, place(tmp_path / "ris"))


def test_late_orders_and_a_worklist_that_goes_down(hospital: Hospital) -> None:
    late = hospital.makes(OF_SITI)
    hospital.becomes(late, "converted", "waits-for-order")
    assert hospital.box.status()["waiting_for_order"] == 1
    hospital.orders("late")
    hospital.becomes(late, "done")  # by itself
    assert [ds.PatientID for ds in hospital.pacs()] == ["4711"]

    hospital.ris.close()
    unknown = hospital.makes(OF_BUDI)
    hospital.becomes(unknown, "converted", "waits-for-order")
    hospital.becomes(unknown, "held", "worklist-down")
    known = hospital.makes(OF_SITI)
    shown = hospital.becomes(known, "done")
    remarks = [event["sentence"] for event in shown["history"]]
    assert any("The worklist could not be asked, what it told" in words for words in remarks)
    assert len(hospital.pacs()) == 2


def test_mixed_studies_and_persons_who_decide(hospital: Hospital) -> None:
    hospital.orders("siti")
    hospital.orders("budi", BUDI, AccessionNumber="A2", StudyInstanceUID="1.2.826.0.1.2")
    first = hospital.makes(OF_SITI)
    hospital.becomes(first, "done")
    other = hospital.makes(OF_BUDI, study=first)
    hospital.becomes(other, "held", "mixed-patients")
    third = hospital.makes(OF_SITI, study=first)
    hospital.becomes(third, "held", "mixed-patients")
    hospital.queue("discard", str(other), "--reason", "a test", "--by", "Sari")
    hospital.queue("retry", str(third), "--by", "Sari")
    hospital.becomes(third, "done")

    misspelled = hospital.makes(MRS_BUDI)
    shown = hospital.becomes(misspelled, "held", "identity-conflict")
    likeliest = shown["candidates"][0]
    assert likeliest["values"]["PatientName"] == "SANTOSO^BUDI"
    picked = (str(misspelled), "--item", likeliest["key"], "--by", "Sari")
    hospital.queue("release", *picked)
    shown = hospital.becomes(misspelled, "done")
    decided = next(event for event in shown["history"] if event["code"] == "released")
    assert decided["who"] == "Sari"
    assert "PatientName=SANTOSO^BUDI, AccessionNumber=A2" in decided["sentence"]
    assert "before: PatientID=4712, PatientName=SANTOSO^BUDIATI" in decided["sentence"]

    received = hospital.pacs()
    assert [ds.PatientID for ds in received if ds.PatientID == "4711"] == ["4711", "4711"]
    (corrected,) = [ds for ds in received if ds.PatientID == "4712"]
    assert (corrected.PatientName, corrected.AccessionNumber) == ("SANTOSO^BUDI", "A2")
    assert corrected.RequestAttributesSequence[0].ScheduledProcedureStepID == "SPS1"
    (original,) = corrected.OriginalAttributesSequence
    assert original.ModifiedAttributesSequence[0].PatientName == "SANTOSO^BUDIATI"
    assert "ContributingEquipmentSequence" in corrected
    assert len(received) == 3
