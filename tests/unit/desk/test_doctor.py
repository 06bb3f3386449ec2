from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from appliance.call import Server
from appliance.clock import SystemClock
from appliance.desk.doctor import ask
from appliance.desk.doctor.consult import consult
from appliance.desk.doctor.report import Entry, Place, Report, State, Step, read
from appliance.desk.doctor.subject import Subject
from appliance.desk.doctor.visit import examine
from appliance.errors import (
    BadSettings,
    Declined,
    NobodyAnswers,
    NotThere,
    OutOfRoom,
    PortClosed,
    Refused,
)
from appliance.settings.load import parse
from tests.builders.box import Box
from tests.builders.doctoring import short
from tests.fakes.clock import FakeClock
from tests.peers.scripted import Call, Request, command_set, fragment, peer, rejects, stores
from tests.peers.timekeepers import ntp, web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.desk.doctor.subject import Limits
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Settings

STORE, N_ACTION, N_EVENT_REPORT = 0x0001, 0x0130, 0x0100
IS_RESPONSE = 0x8000
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CR, SC = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
COMMITMENT, COMMITMENT_INSTANCE = b"1.2.840.10008.1.20.1", b"1.2.840.10008.1.20.1.1"
NEVER = Place("127.0.0.1", 1, "PACS", "JEMBATAN")
AGREED = 'test_patient = { PatientID = "T1", PatientName = "TEST^ONE" }'
BY_WORD = 'confirm = "response"'
FOR_TESTS = 'environment = "test"'


def settings_of(port: int, *keys: str, ae_title: str = "PACS", more: str = "") -> Settings:
    lines = ('host = "127.0.0.1"', f"port = {port}", f'ae_title = "{ae_title}"', *keys)
    return parse("[[destination]]\nname = 'pacs'\n" + "\n".join(lines) + f"\n{more}")


def data_set(content: bytes, syntax: str) -> Dataset:
    """As pydicom reads it."""
    return read_dataset(BytesIO(content), syntax == IMPLICIT, is_little_endian=True)


def examined(
    settings: Settings,
    limits: Limits,
    journal: Journal | None = None,
    clock: Clock | None = None,
) -> Report:
    subject = Subject(settings.destinations[0], settings)
    return examine(subject, clock or SystemClock(), limits, journal)


class Pacs:
    """A scripted PACS that keeps what it is sent, and does as it is told with other requests."""

    def __init__(self, **ways: object) -> None:
        self.stored: list[Dataset] = []
        self.bytes: list[bytes] = []
        self.syntaxes: list[str] = []
        self.heard: list[bytes] = []  # statuses of the answers to its reports
        self._does = ways

    def script(self, call: Call) -> None:
        result = self._does.get("result", lambda *_: 0)
        assert callable(result)
        call.accept(result=result)
        for request in call.requests():
            if request.field == N_EVENT_REPORT | IS_RESPONSE:
                self.heard.append(request.command[0x0900])
                continue
            if request.field == STORE:
                self._keep(call, request)
            call.respond(request, 0)
            report = self._does.get("report")
            if request.field == N_ACTION and callable(report):
                report(call, request)

    def _keep(self, call: Call, request: Request) -> None:
        _, (syntax,) = call.offer.contexts[request.context_id]
        self.syntaxes.append(syntax)
        self.bytes.append(request.data)
        self.stored.append(data_set(request.data, syntax))


# --- the report -------------------------------------------------------------------------------

CLOSED = PortClosed(host="pacs.local", port=104)
TOLD = Report(
    Place("pacs.local", 104, "PACS", "JEMBATAN"),
    (
        Step("name", "it has an address", "10.0.0.5", State.OK),
        Step(
            "connection",
            "it listens",
            CLOSED.sentence,
            State.FAILED,
            CLOSED.hint,
            CLOSED.code,
            (Entry("this box", "`port`", "another one"),),
        ),
        Step("clock", "it agrees", "it cannot be known", State.UNKNOWN),
        Step("echo", "it answers", "not looked at", State.SKIPPED),
    ),
)


def test_a_report_travels_between_processes() -> None:
    assert read(json.loads(json.dumps(TOLD.document()))) == TOLD


def test_an_answer_for_scripts() -> None:
    document = TOLD.document()
    assert (document["ok"], document["code"], document["seconds"]) == (False, "port-closed", None)
    assert (document["sentence"], document["hint"]) == (CLOSED.sentence, CLOSED.hint)
    steps = document["steps"]
    assert isinstance(steps, list)
    assert [step["ok"] for step in steps] == [True, False, None, None]
    assert steps[1]["entries"] == [
        {"where": "this box", "key": "`port`", "value": "another one"},
    ]


def test_what_cannot_be_known_is_no_failure() -> None:
    unsure = replace(TOLD, steps=TOLD.steps[2:])
    assert unsure.ok
    assert unsure.document()["sentence"] == "It answers and knows us."


# --- asking -----------------------------------------------------------------------------------


@contextmanager
def deliver(
    folder: Path, answer: Callable[[Mapping[str, object]], Mapping[str, object]]
) -> Iterator[list[Mapping[str, object]]]:
    """A deliver service; what it was asked."""
    asked: list[Mapping[str, object]] = []

    def noted(request: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(request)
        return answer(request)

    server = Server(folder / "deliver.sock", {"doctor": noted})
    server.start()
    yield asked
    server.close()


def test_the_service_that_sends_is_asked_where_it_runs(tmp_path: Path) -> None:
    with deliver(tmp_path, lambda _: TOLD.document()) as asked:
        report = ask.ask_somehow(tmp_path, ask.named("pacs"), parse(""), SystemClock())
    assert report == TOLD
    assert asked == [{"op": "doctor", "destination": "pacs"}]


def test_what_the_service_does_not_know_is_said(tmp_path: Path) -> None:
    def unknown(request: Mapping[str, object]) -> Mapping[str, object]:
        return consult(request, parse(""), SystemClock())

    with deliver(tmp_path, unknown), pytest.raises(Declined, match="no destination elsewhere"):
        ask.ask_deliver(tmp_path, ask.named("elsewhere"))
    with pytest.raises(NotThere):
        ask.ask_here(ask.named("elsewhere"), parse(""), SystemClock())


@pytest.mark.network
def test_without_the_service_the_command_line_looks_itself(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers):
        ask.ask_deliver(tmp_path, ask.at(NEVER))
    report = ask.ask_somehow(tmp_path, ask.at(NEVER), parse(""), SystemClock())
    assert report.failed is not None
    assert (report.place, report.failed.code) == (NEVER, "port-closed")


@pytest.mark.network
def test_what_is_being_typed_is_looked_at_briefly() -> None:
    with peer(stores) as pacs:
        toml = f"""
            [box]
            ae_title = "BOX"
            [[destination]]
            name = "new"
            host = "127.0.0.1"
            port = {pacs.port}
            ae_title = "PACS"
        """
        report = ask.ask_here(ask.typed(toml, "new"), parse(""), SystemClock())
    assert report.ok
    assert report.place == Place("127.0.0.1", pacs.port, "PACS", "BOX")
    assert report.steps[-1].title == "contexts"
    assert report.seconds is not None


def test_an_address_is_read_from_a_text() -> None:
    assert ask.place_at("PACS@[::1]:104", "JEMBATAN") == Place("::1", 104, "PACS", "JEMBATAN")
    for wrong in ("PACS@pacs.local", "PACS@:104", "PACS@pacs:0", "PACS@pacs:70000", "pacs"):
        with pytest.raises(Refused, match="it is written AETITLE@HOST:PORT"):
            ask.place_at(wrong, "JEMBATAN")


# --- how far it goes --------------------------------------------------------------------------


@pytest.mark.network
def test_what_follows_from_a_fault_is_not_looked_at(tmp_path: Path) -> None:
    with peer(rejects(1, 1, 7)) as pacs:
        report = examined(settings_of(pacs.port), short(tmp_path))
    states = {step.title: step.state for step in report.steps}
    assert [title for title, state in states.items() if state is State.SKIPPED] == [
        *("echo", "contexts", "image", "commitment", "find"),
    ]
    assert states["clock"] is State.UNKNOWN


@pytest.mark.network
def test_a_pacs_without_an_echo_gets_images_all_the_same(tmp_path: Path) -> None:
    pacs = Pacs(result=lambda sop_class, _: 3 if sop_class == "1.2.840.10008.1.1" else 0)
    with peer(pacs.script) as running:
        report = examined(settings_of(running.port), short(tmp_path))
    assert (report.ok, report.seconds) == (True, None)
    assert report.step("echo").state is State.UNKNOWN


@pytest.mark.network
def test_braces_in_a_title_are_only_a_title(tmp_path: Path) -> None:
    ris = """
        [[worklist]]
        name = "ris"
        host = "127.0.0.1"
        port = 1
        ae_title = "R{is}"
    """
    with peer(rejects(1, 1, 7), rejects(1, 1, 7), stores) as pacs:
        settings = settings_of(pacs.port, ae_title="{pacs}", more=ris)
        report = examined(settings, short(tmp_path))
    assert report.step("worklist ris").expected == "R{is} at 127.0.0.1 tells this box of exams"
    assert [entry.value for entry in report.step("association").entries] == ["{PACS}"]


# --- what the journal knows -------------------------------------------------------------------


@pytest.mark.network
def test_what_lately_went_there_is_what_must_be_taken(tmp_path: Path) -> None:
    box = Box(tmp_path)
    pacs = Pacs(result=lambda sop_class, _: 3 if sop_class == CR else 0)
    with peer(pacs.script) as running:
        document = consult(
            {"destination": "pacs"},
            settings_of(running.port, BY_WORD),
            box.clock,
            lambda: _open(box),
        )
    assert box.journal.ledger.kinds_sent("pacs") == []
    box.delivery()
    with peer(pacs.script) as running:
        later = consult(
            {"destination": "pacs"},
            settings_of(running.port, BY_WORD),
            box.clock,
            lambda: _open(box),
        )
    box.close()
    assert read(document).step("contexts").ok
    assert "does not take images of the kind Computed Radiography" in str(later["sentence"])


@contextmanager
def _open(box: Box) -> Iterator[Journal]:
    other = box.again("deliver")
    yield other.journal
    other.close()


@pytest.mark.network
def test_a_real_pacs_that_is_full_is_known_from_what_it_last_said(tmp_path: Path) -> None:
    box = Box(tmp_path)
    why = OutOfRoom(peer="PACS", answer="status A700")
    box.journal.custody.set_place("destination", "pacs", "full", why)
    box.journal.custody.set_place("destination", "other", "up", ok=True)
    pacs = Pacs()
    with peer(pacs.script) as running:
        document = consult(
            {"destination": "pacs"},
            settings_of(running.port, BY_WORD),
            box.clock,
            lambda: _open(box),
        )
    box.close()
    step = read(document).step("image")
    assert (step.code, step.found) == ("out-of-room", why.sentence)
    assert pacs.stored == []


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
