"""The page that looks into the way to a PACS, read and in a real browser at both widths."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.clock import SystemClock
from appliance.desk.doctor.consult import consult
from appliance.settings import history
from appliance.settings.current import Current
from tests.peers.scripted import peer, rejects, stores
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.builders.box import Box
    from tests.web.browser import Person

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

PAGE = "/settings/destination/named/pacs/doctor"


def set_up(box: Box, port: int, *keys: str) -> None:
    lines = ('name = "pacs"', 'host = "127.0.0.1"', f"port = {port}", 'ae_title = "JIVEX"')
    history.publish(box.paths.root, "\n".join(("[[destination]]", *lines, *keys, "")))


@contextmanager
def deliver(box: Box) -> Iterator[list[str]]:
    """A deliver service; whom it was asked to look at."""
    asked: list[str] = []

    def doctor(request: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(str(request["destination"]))
        return consult(request, Current(box.paths.root).get(), SystemClock())

    server = Server(box.paths.run / "deliver.sock", {"doctor": doctor})
    server.start()
    yield asked
    server.close()


def test_nothing_is_looked_at_before_somebody_asks(owner: Visitor, box: Box) -> None:
    set_up(box, 1)
    with deliver(box) as asked:
        shown = text_of(owner.get(PAGE))
        assert "No image is sent: it is for real patients." in shown
        assert "Step by step" not in shown
        assert asked == []
        assert "nothing listens on its port 1" in text_of(owner.post(PAGE))
        assert asked == ["pacs"]


def test_each_step_is_told_and_what_to_type(owner: Visitor, box: Box) -> None:
    with peer(rejects(1, 1, 3)) as pacs, deliver(box):
        set_up(box, pacs.port)
        shown = text_of(owner.post(PAGE))
    known = "the PACS JIVEX, its list of known devices"
    assert f"{known} AE title: JEMBATAN {known} host or IP address: 127.0.0.1" in shown
    assert "127.0.0.1 has an address As it must be" in shown
    assert "It is called JIVEX and knows this box as JEMBATAN Not so" in shown
    assert "It answers a C-ECHO Not looked at" in shown
    assert "This box's clock agrees with others Cannot be known" in shown


def test_a_test_patient_is_told_before(owner: Visitor, box: Box) -> None:
    set_up(box, 1, 'test_patient = { PatientID = "T1", PatientName = "TEST^ONE" }')
    assert "A test image is stored under the patient T1." in text_of(owner.get(PAGE))


def test_what_is_for_tests_gets_a_test_image(owner: Visitor, box: Box) -> None:
    set_up(box, 1, 'environment = "test"')
    assert "It is for tests: a test image is stored there." in text_of(owner.get(PAGE))


def test_without_the_service_it_is_said(owner: Visitor, box: Box) -> None:
    set_up(box, 1)
    answer = owner.post(PAGE)
    assert answer.status_code == 503
    assert "does not answer" in text_of(answer)


def test_there_is_no_way_to_what_is_not_there(owner: Visitor) -> None:
    assert owner.get(PAGE).status_code == 404


def test_a_cause_is_found_and_put_right(person: Person, box: Box) -> None:
    with peer(stores) as pacs, deliver(box):
        set_up(box, 1, 'confirm = "response"')
        person.visit("/settings")
        person.press("JIVEX at 127.0.0.1:1")
        person.press("Test everything")
        person.press("Look")
        person.sees("127.0.0.1 is there, but nothing listens on its port 1.")
        person.sees("this box, destination pacs “Port”: the port set in the PACS; it is not 1")
        person.photograph("doctor-fault")
        person.press("Its settings")
        person.fill("Port", str(pacs.port))
        person.open("More")
        person.fill("Its patient ID", "T1")
        person.fill("Its patient name", "TEST^ONE")
        person.photograph("destination-test-patient")
        person.press("Save")
        person.sees("Saved. It is in force now.")
        person.visit(PAGE)
        person.press("Look")
        person.sees("A test image is stored under the patient T1.")
        person.sees("JIVEX answers and knows us as JEMBATAN.")
        person.sees("It stored the test image of patient T1")
        person.photograph("doctor-well")
    assert person.complaints() == []
