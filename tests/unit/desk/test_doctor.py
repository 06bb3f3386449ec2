from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.clock import SystemClock
from appliance.desk import echo
from appliance.desk.echo import Answer, Place
from appliance.errors import (
    AssociationRejected,
    CalledAeUnknown,
    EchoFailed,
    HostUnknown,
    NobodyAnswers,
    PortClosed,
    Problem,
    Refused,
)
from appliance.settings.load import parse
from tests.peers.scripted import peer, rejects, stores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PLACE = Place("pacs.local", 104, "PACS", "JEMBATAN")
NEVER = Place("127.0.0.1", 1, "PACS", "JEMBATAN")


@contextmanager
def deliver(folder: Path, outcome: Problem | float) -> Iterator[list[Mapping[str, object]]]:
    """A deliver service that answers every echo alike; what it was asked."""
    asked: list[Mapping[str, object]] = []

    def answer(request: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(request)
        if isinstance(outcome, Problem):
            raise outcome
        return {"seconds": outcome}

    server = Server(folder / "deliver.sock", {"echo": answer})
    server.start()
    yield asked
    server.close()


# --- the steps --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "oks"),
    [
        (None, [True, True, True, True]),
        (HostUnknown(host="pacs.local"), [False, None, None, None]),
        (PortClosed(host="pacs.local", port=104), [True, False, None, None]),
        (AssociationRejected(peer="PACS", why="it is closed"), [True, True, False, None]),
        (EchoFailed(peer="PACS", why="no resources"), [True, True, True, False]),
        (Problem(what="something new"), [True, True, False, None]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_doctor_says_at_which_step_it_fails(
    problem: Problem | None, oks: list[bool | None]
) -> None:
    answer = Answer(PLACE, None, problem)
    assert [step.ok for step in answer.steps] == oks
    assert answer.ok is (problem is None)
    if problem:
        failed = answer.steps[oks.index(False)]
        assert (failed.found, failed.hint) == (problem.sentence, problem.hint)


def test_what_is_expected_names_names() -> None:
    assert [step.expected for step in Answer(PLACE, 0.1, None).steps] == [
        "pacs.local has an address on this network",
        "pacs.local listens on port 104",
        "it is called PACS and knows this box as JEMBATAN",
        "it answers a C-ECHO",
    ]


def test_an_answer_for_scripts() -> None:
    document = Answer(PLACE, None, PortClosed(host="pacs.local", port=104)).document()
    assert json.loads(json.dumps(document)) == document
    assert (document["ok"], document["code"]) == (False, "port-closed")
    assert Answer(PLACE, 0.25, None).document()["seconds"] == 0.25


# --- where ------------------------------------------------------------------------------------


def test_a_destination_is_called_as_the_settings_say() -> None:
    settings = parse("""
        [box]
        ae_title = "BOX"
        [[destination]]
        name = "pacs"
        host = "pacs.local"
        port = 104
        ae_title = "PACS"
        [[destination]]
        name = "other"
        host = "pacs.local"
        port = 104
        ae_title = "PACS"
        calling_ae_title = "IMPORT"
    """)
    ours = [echo.place_of(d, settings).calling_ae_title for d in settings.destinations]
    assert ours == ["BOX", "IMPORT"]


def test_an_address_is_read_from_a_text() -> None:
    assert echo.place_at("PACS@pacs.local:104", "JEMBATAN") == PLACE
    with pytest.raises(Refused, match="it is written AETITLE@HOST:PORT"):
        echo.place_at("PACS@pacs.local", "JEMBATAN")


# --- asking -----------------------------------------------------------------------------------


@pytest.mark.network
def test_asking_from_here() -> None:
    with peer(stores) as scripted:
        host, port, called = scripted.target.host, scripted.target.port, scripted.target.called
        answer = echo.ask_here(Place(host, port, called, "JEMBATAN"), SystemClock())
    assert answer.ok
    assert answer.seconds is not None


@pytest.mark.network
def test_a_refusal_is_an_answer() -> None:
    with peer(rejects(1, 1, 7)) as scripted:
        place = Place(scripted.target.host, scripted.target.port, "WRONG", "JEMBATAN")
        answer = echo.ask_here(place, SystemClock())
    assert isinstance(answer.problem, CalledAeUnknown)
    assert [step.ok for step in answer.steps] == [True, True, False, None]


def test_the_service_that_sends_is_asked_where_it_runs(tmp_path: Path) -> None:
    with deliver(tmp_path, 0.5) as asked:
        assert echo.ask_somehow(tmp_path, NEVER, SystemClock()) == Answer(NEVER, 0.5, None)
    assert asked == [{"op": "echo", **NEVER._asdict()}]


def test_what_the_service_says_is_said(tmp_path: Path) -> None:
    problem = PortClosed(host="pacs.local", port=104)
    with deliver(tmp_path, problem):
        answer = echo.ask_deliver(tmp_path, PLACE)
    assert answer.problem is not None
    assert (answer.problem.code, answer.problem.sentence) == ("port-closed", problem.sentence)
    assert [step.ok for step in answer.steps] == [True, False, None, None]


@pytest.mark.network
def test_without_the_service_the_command_line_asks_itself(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers):
        echo.ask_deliver(tmp_path, NEVER)
    answer = echo.ask_somehow(tmp_path, NEVER, SystemClock())
    assert answer.problem is not None
    assert answer.problem.code == "port-closed"
