"""What the doctor tries at a PACS: a test image, storage commitment, the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from appliance.desk.doctor.report import State, Step
from appliance.errors import BadSettings
from tests.builders.box import Box
from tests.builders.doctoring import short
from tests.builders.examined import (
    AGREED,
    BY_WORD,
    COMMITMENT,
    COMMITMENT_INSTANCE,
    CR,
    EXPLICIT,
    FOR_TESTS,
    IMPLICIT,
    N_EVENT_REPORT,
    SC,
    Pacs,
    data_set,
    examined,
    settings_of,
)
from tests.fakes.clock import FakeClock
from tests.peers.scripted import Call, Request, command_set, fragment, peer, stores
from tests.peers.timekeepers import ntp, web

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.desk.doctor.subject import Limits


# --- the test image ---------------------------------------------------------------------------


@pytest.mark.network
def test_a_pacs_for_real_patients_gets_no_image(tmp_path: Path) -> None:
    pacs = Pacs()
    with peer(pacs.script) as running:
        step = examined(settings_of(running.port), short(tmp_path)).step("image")
    assert (step.state, pacs.stored) == (State.UNKNOWN, [])
    assert "only under a test patient" in step.found
    assert [entry.key for entry in step.entries] == ["`test_patient`"]


@pytest.mark.network
def test_under_an_agreed_patient_it_gets_the_same_one_each_time(tmp_path: Path) -> None:
    pacs = Pacs()
    with peer(pacs.script) as running:
        settings = settings_of(running.port, AGREED)
        reports = [examined(settings, short(tmp_path)) for _ in range(2)]
    assert reports[1].step("image").found == "it stored the test image of patient T1"
    image, _ = pacs.stored
    assert len(set(pacs.bytes)) == 1
    assert (image.PatientID, image.PatientName, image.SyntheticData) == ("T1", "TEST^ONE", "YES")
    assert (image.SOPClassUID, pacs.syntaxes[0]) == (SC, EXPLICIT)


@pytest.mark.network
def test_another_test_patient_is_another_study(tmp_path: Path) -> None:
    pacs = Pacs()
    with peer(pacs.script) as running:
        examined(settings_of(running.port, AGREED), short(tmp_path))
        examined(settings_of(running.port, FOR_TESTS), short(tmp_path))
    one, other = pacs.stored
    assert other.PatientID == "JEMBATAN-TEST"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert one[keyword].value != other[keyword].value


@pytest.mark.network
def test_it_is_made_as_the_pacs_takes_it(tmp_path: Path) -> None:
    def takes(sop_class: str, syntax: str) -> int:
        return 4 if syntax != IMPLICIT else 3 if sop_class == SC else 0

    pacs = Pacs(result=takes)
    profile = '[[profile]]\nname = "cr"\nsop_class = "CR"'
    with peer(pacs.script) as running:
        examined(settings_of(running.port, FOR_TESTS, more=profile), short(tmp_path))
    assert (pacs.stored[0].SOPClassUID, pacs.stored[0].Modality) == (CR, "CR")
    assert pacs.syntaxes == [IMPLICIT]


@pytest.mark.network
def test_the_router_to_satusehat_never_gets_one(tmp_path: Path) -> None:
    pacs = Pacs()
    with peer(pacs.script) as running:
        settings = settings_of(running.port, FOR_TESTS, ae_title="DCMROUTER")
        step = examined(settings, short(tmp_path)).step("image")
    assert (step.state, pacs.stored) == (State.SKIPPED, [])
    assert "SATUSEHAT" in step.found


def test_a_test_patient_needs_an_id_and_a_name() -> None:
    for wrong, why in (
        ('{ PatientID = "T1" }', "must name PatientID and PatientName"),
        ('{ PatientID = " ", PatientName = "T" }', "must name PatientID and PatientName"),
        ('{ PatientID = "1", PatientName = "T", StudyID = "1" }', "StudyID must be one of"),
    ):
        with pytest.raises(BadSettings, match=why):
            settings_of(104, f"test_patient = {wrong}")


# --- storage commitment -----------------------------------------------------------------------


def told(call: Call, request: Request, failure: int) -> None:
    """Report on all that is asked, over the same association."""
    asked = data_set(request.data, IMPLICIT)
    report = Dataset()
    report.TransactionUID = asked.TransactionUID
    items = [Dataset() for _ in asked.ReferencedSOPSequence]
    for item, reference in zip(items, asked.ReferencedSOPSequence, strict=True):
        item.ReferencedSOPClassUID = reference.ReferencedSOPClassUID
        item.ReferencedSOPInstanceUID = reference.ReferencedSOPInstanceUID
        if failure:
            item.FailureReason = failure
    setattr(report, "FailedSOPSequence" if failure else "ReferencedSOPSequence", items)
    command = {
        0x0002: COMMITMENT,
        0x0100: N_EVENT_REPORT.to_bytes(2, "little"),
        0x0110: b"\7\0",
        0x0800: b"\1\0",
        0x1000: COMMITMENT_INSTANCE,
        0x1002: b"\2\0" if failure else b"\1\0",
    }
    call.line.sendall(
        fragment(request.context_id, 3, command_set(command))
        + fragment(request.context_id, 2, encoded(report))
    )


def encoded(report: Dataset) -> bytes:
    content = DicomBytesIO()
    content.is_implicit_VR, content.is_little_endian = True, True
    write_dataset(content, report)
    return content.getvalue()


@pytest.mark.network
@pytest.mark.parametrize(
    ("failure", "keys", "state", "found"),
    [
        (0x0112, (), State.OK, "it reports: of an image that was never sent"),
        (0, (), State.UNKNOWN, "promises to keep an image that it never got"),
        (0, (AGREED,), State.OK, "it promised to keep the test image"),
        (0x0112, (AGREED,), State.UNKNOWN, "does not promise to keep the test image"),
    ],
    ids=["unsent-denied", "unsent-promised", "sent-promised", "sent-denied"],
)
def test_a_report_on_commitment(
    tmp_path: Path, failure: int, keys: tuple[str, ...], state: State, found: str
) -> None:
    pacs = Pacs(report=lambda call, request: told(call, request, failure))
    with peer(pacs.script) as running:
        step = examined(settings_of(running.port, *keys), short(tmp_path)).step("commitment")
    assert (step.state, found in step.found) == (state, True), step.found
    assert pacs.heard == [b"\0\0"]


@pytest.mark.network
def test_a_report_to_the_box_itself_is_found_in_the_journal(tmp_path: Path) -> None:
    """The service that listens, another process, writes it down."""

    def reports(_: Call, request: Request) -> None:
        asked = data_set(request.data, IMPLICIT)
        uids = {r.ReferencedSOPInstanceUID: 0x0112 for r in asked.ReferencedSOPSequence}
        listener = box.again("receive")
        assert listener.journal.pledges.tell(asked.TransactionUID, {"pacs"}, uids)
        listener.close()

    box = Box(tmp_path)
    pacs = Pacs(report=reports)
    with peer(pacs.script) as running:
        report = examined(settings_of(running.port), short(tmp_path, report_s=10.0), box.journal)
    box.close()
    assert report.step("commitment").found.startswith("it reports:")


@pytest.mark.network
def test_under_auto_another_proof_will_do(tmp_path: Path) -> None:
    with peer(Pacs().script) as running:
        report = examined(settings_of(running.port), short(tmp_path))
    assert report.step("commitment").state is State.UNKNOWN
    assert report.ok


# --- the clock --------------------------------------------------------------------------------


def hour(port: int, limits: Limits, clock: Clock) -> Step:
    return examined(settings_of(port, BY_WORD), limits, clock=clock).step("clock")


@pytest.mark.network
def test_two_that_agree(tmp_path: Path) -> None:
    clock = FakeClock()
    later = clock.utc() + timedelta(seconds=12)
    with peer(stores) as pacs, ntp(clock.utc()) as by_ntp, web(later) as by_http:
        limits = short(tmp_path, ntp_port=by_ntp, http_port=by_http)
        step = hour(pacs.port, limits, clock)
    assert step.ok
    assert step.found == "it agrees with 127.0.0.1 by NTP, it is 12 s behind 127.0.0.1 by HTTP"


@pytest.mark.network
def test_a_box_kept_by_network_time_is_believed(tmp_path: Path) -> None:
    clock = FakeClock()
    kept = tmp_path / "kept"
    kept.touch()
    ago = clock.utc() - timedelta(minutes=5, seconds=7)
    with peer(stores) as pacs, web(ago) as by_http:
        alone = hour(pacs.port, short(tmp_path, synchronised=kept), clock)
        step = hour(pacs.port, short(tmp_path, synchronised=kept, http_port=by_http), clock)
    assert (alone.ok, alone.found) == (True, "it is kept by network time")
    assert step.state is State.UNKNOWN
    assert "and yet it is 5 min 7 s ahead of 127.0.0.1 by HTTP" in step.found


@pytest.mark.network
@pytest.mark.parametrize("unsure", [{"leap": 3}, {"stratum": 0}], ids=["unsynchronised", "kiss"])
def test_a_time_server_that_does_not_know_says_nothing(
    tmp_path: Path, unsure: dict[str, int]
) -> None:
    clock = FakeClock()
    far = clock.utc() + timedelta(days=3)
    with peer(stores) as pacs, ntp(far, **unsure) as port:
        step = hour(pacs.port, short(tmp_path, ntp_port=port), clock)
    assert step.found.startswith("it cannot be known")
