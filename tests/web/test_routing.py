"""Why an image went there, and the step from tests to real patients, as people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.desk import explain
from appliance.route.stage import Routing
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.load import parse
from appliance.settings.schema import Environment
from tests.builders.routable import identified
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.box import Box
    from tests.web.browser import Person
    from tests.web.visitor import Visitor

TESTING = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[destination]]
name = "pacs"
host = "10.0.0.1"
port = 104
ae_title = "JIVEX"
environment = "test"

[[worklist]]
name = "ris"
host = "10.0.0.2"
port = 104
ae_title = "RIS"
environment = "test"
sources = ["cr"]
"""
ROUTED = """
[routing]
match = "first"

[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[destination]]
name = "pacs"
host = "10.0.0.1"
port = 104
ae_title = "JIVEX"

[[route]]
when = { Modality = ["US", "XA"], PatientID = { not = "TEST*" } }
to = ["pacs"]

[[route]]
when = { source = "c*" }
to = ["pacs"]
priority = "stat"
"""


REAL = {"host": "10.0.1.1", "port": "104", "ae_title": "JIVEX"}
REAL |= {"ris.host": "10.0.1.2", "ris.port": "104", "ris.ae_title": "RIS"}


@pytest.fixture
def rules(box: Box) -> Iterator[str]:
    """A routed image, and a deliver that answers; where to look."""
    history.publish(box.paths.root, ROUTED)
    settings = parse(ROUTED)
    item = identified(box, "CR")
    assert Routing(box.journal).turn(settings)
    today = explain.today(box.journal, settings, item.id)
    deliver = Server(box.paths.run / "deliver.sock", {"explain": lambda _: today})
    deliver.start()
    yield f"/items/{item.id}"
    deliver.close()


def test_an_image_says_why_it_went_there(owner: Visitor, rules: str) -> None:
    shown = owner.get(rules)
    assert f"{rules}/why" in shown.text
    assert 'It goes to pacs: route 2 takes it, for source is "cr".' in text_of(shown)
    why = text_of(owner.get(f"{rules}/why"))
    assert "by the rules of that moment" in why
    assert "before all others: route 2 takes it" in why
    assert "Route 1 to pacs: does not match" in why
    assert '✗ Modality is “CR” but wanted is "US" or "XA"' in why
    assert '✓ PatientID is “4711” as wanted: not "TEST*"' in why
    assert "Route 2 to pacs: matches" in why


def test_where_deliver_is_silent_what_was_written_down_is_told(owner: Visitor, box: Box) -> None:
    item = identified(box, "CR")
    why = text_of(owner.get(f"/items/{item.id}/why"))
    assert "Nothing was written down" in why
    assert "does not answer" in why
    assert owner.get("/items/99/why").status_code == 404


def test_what_is_not_known_has_no_why(owner: Visitor, box: Box) -> None:
    assert "Why did it go there?" not in text_of(owner.get(f"/items/{box.item().id}"))


def test_routes_are_told_as_they_are_written(owner: Visitor, rules: str) -> None:
    shown = text_of(owner.get("/settings"))
    assert rules
    assert 'Modality is "US" or "XA" and PatientID is not "TEST*" to pacs' in shown
    assert 'source is "c*" to pacs, before all others' in shown
    assert "Only the first that matches counts." in shown


def test_tests_end_in_one_step(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, TESTING)
    box.delivery()
    assert "Use it for real patients" in text_of(owner.get("/settings/destination/named/pacs"))
    promote = "/settings/destination/named/pacs/promote"
    asked = text_of(owner.get(promote))
    assert "Their orders come from ris" in asked
    assert "1 image that waits for it stays on this box" in asked
    refused = owner.post(promote, **{**REAL, "port": "0"})
    assert (refused.status_code, "must be from 1 to 65535" in refused.text) == (422, True)
    assert owner.post(promote, **REAL).location == "/settings"
    assert "It is for real patients now." in text_of(owner.get("/settings"))
    now = Current(box.paths.root).get()
    assert now.destinations[0].environment is Environment.PRODUCTION
    assert now.worklists[0].environment is Environment.PRODUCTION
    assert (now.destinations[0].host, now.worklists[0].host) == ("10.0.1.1", "10.0.1.2")
    assert "Use it for" not in text_of(owner.get("/settings/destination/named/pacs"))
    assert owner.get(promote).status_code == 409
    assert owner.get("/settings/destination/named/nobody/promote").status_code == 404


def test_a_promotion_that_keeper_refuses_changes_nothing(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, TESTING)
    (box.paths.run / "keeper.sock").unlink()
    refused = owner.post("/settings/destination/named/pacs/promote", **REAL)
    assert refused.status_code == 422
    assert "does not answer" in text_of(refused)
    assert Current(box.paths.root).get().destinations[0].environment is Environment.TEST


@pytest.mark.network
def test_they_can_be_read_on_any_screen(person: Person, box: Box, rules: str) -> None:
    person.visit(f"{rules}/why")
    person.sees("rules of that moment")
    person.photograph("why")
    history.publish(box.paths.root, TESTING.replace('"pacs"', '"practice"'))
    person.visit("/settings/destination/named/practice/promote")
    person.sees("Use practice for real patients?")
    person.photograph("promote")
    person.press("Use it for real patients")
    person.sees("It is for real patients now.")
