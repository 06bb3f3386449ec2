"""The doctor's report: how it is asked for, how far it goes, what it knows from the journal."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.clock import SystemClock
from appliance.desk.doctor import ask
from appliance.desk.doctor.consult import consult
from appliance.desk.doctor.report import Entry, Place, Report, State, Step, read
from appliance.errors import Declined, NobodyAnswers, NotThere, OutOfRoom, PortClosed, Refused
from appliance.settings.load import parse
from tests.builders.box import Box
from tests.builders.doctoring import short
from tests.builders.examined import BY_WORD, CR, NEVER, Pacs, examined, settings_of
from tests.peers.scripted import peer, rejects, stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.journal.journal import Journal


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
