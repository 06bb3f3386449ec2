"""A film is deleted at its source when Orthanc has promised, by calling back, to keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import pictures
from tests.builders.running import running
from tests.peers.orthanc import free_port, orthanc

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[box]
listen_port = {listen_port}

[[source]]
name = "cr"
kind = "folder"
path = "{{export}}"
profile = "cr"
after = "delete"

[[profile]]
name = "cr"
sop_class = "CR"
modality = "CR"
identity = "trust"
filename = '(?P<PatientID>P\\d+)_(?P<PatientName>.+)_(?P<StudyDate>\\d{{8}})'

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
confirm = "commitment"
"""


@pytest.mark.timeout(90)
def test_what_orthanc_promises_to_keep_is_deleted_at_the_source(tmp_path: Path) -> None:
    listen_port = free_port()
    ours = {"JEMBATAN": ["JEMBATAN", "127.0.0.1", listen_port]}
    with orthanc(tmp_path / "orthanc", more={"DicomModalities": ours}) as pacs:
        settings = SETTINGS.format(
            listen_port=listen_port, port=pacs.dicom_port, ae_title=pacs.ae_title
        )
        with running(tmp_path, settings) as box:
            for number in range(5):
                film = pictures.tiff(pictures.grey(12, film=number))
                (box.export / f"P{number}_SITI_20260102.tif").write_bytes(film)
            box.wait(lambda status: status["items"].get("done") == 5, within_s=60)
            box.wait(lambda _: not any(box.export.iterdir()))
            (destination,) = box.status()["destinations"]
            assert destination["confirmed_by"] == "commitment"
            with box.journal() as journal:
                proofs = {
                    row["confirmed_by"]
                    for item in range(1, 6)
                    for row in journal.ledger.deliveries_of(item)
                }
    assert proofs == {"commitment"}
