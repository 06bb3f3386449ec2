"""A serial line end to end: a message, an image and a report of one session reach the PACS."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from tests.builders import pictures
from tests.builders.receiving import until
from tests.builders.running import running
from tests.peers.line import Cable, Modality
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = """
[[source]]
name = "us"
kind = "serial"
path = "{path}"
profile = "us"
idle_s = 1.5

[[profile]]
name = "us"
identity = "trust"
sidecar = "hl7"
date = ["sidecar"]

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
confirm = "response"
"""

MESSAGE = (
    b"\x0bMSH|^~\\&|US|ROOM2|BOX|BOX|20260506120000||ORU^R01|M1|P|2.3\r"
    b"PID|1||4711^^^RS^MR||SITI^AMINAH||19800102|F\r"
    b"OBR|1|P1|F1||||20260506103000|||||||||||A123\r\x1c\r"
)


def errors_in(path: Path) -> list[str]:
    said = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    words = (said.stdout + said.stderr).decode("latin-1")
    return [line for line in words.splitlines() if "Error" in line]


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path)
    yield made
    made.unplug()


@pytest.mark.timeout(90)
def test_image_and_report_of_a_session_are_of_the_messages_patient(
    tmp_path: Path, cable: Cable
) -> None:
    with storescp(tmp_path) as pacs:
        settings = SETTINGS.replace("{path}", str(cable.box)).replace("{port}", str(pacs.port))
        with running(tmp_path, settings) as box:
            box.wait(lambda status: [s["state"] for s in status["sources"]] == ["listening"])
            hand = Modality(cable)
            hand.says(MESSAGE)
            staging = box.root / "var" / "serial" / "us"
            until(lambda: any(staging.glob("*.hl7")))  # its session ends 6 s after the last byte
            hand.says(pictures.saved(pictures.grey(8), "PNG"))
            until(lambda: any(staging.glob("*.png")))
            hand.says(b"RESULT\r\nNormal findings.\r\n")
            box.wait(lambda status: status["items"].get("done") == 2, 40)
            hand.close()
        received = [dcmread(path) for path in pacs.received()]
        assert all(errors_in(path) == [] for path in pacs.received())
    assert {ds.Modality for ds in received} == {"OT", "DOC"}
    said = {
        (ds.PatientID, str(ds.PatientName), ds.AccessionNumber, ds.StudyDate) for ds in received
    }
    assert said == {("4711", "SITI^AMINAH", "A123", "20260506")}
    assert len({ds.StudyInstanceUID for ds in received}) == 1
    report = next(ds for ds in received if ds.Modality == "DOC")
    assert b"(Normal findings.)" in report.EncapsulatedDocument
