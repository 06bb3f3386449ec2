"""Day by day on the page: what came, what the PACS has of it, and a source that is too quiet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from appliance.call import Server
from appliance.errors import TooQuiet
from appliance.journal.days import Asked
from appliance.model import DeliveryState, ItemState
from appliance.settings import history
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.builders.box import Box
    from tests.web.browser import Person

SETTINGS = """
[box]
timezone = "Asia/Jakarta"
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
[[destination]]
name = "pacs"
host = "10.0.0.1"
port = 104
ae_title = "JIVEX"
"""
LATER = "2026-03-14T20:00:00.000+00:00"


def a_day(box: Box) -> int:
    """One of two images is no longer there; its number."""
    history.publish(box.paths.root, SETTINGS)
    box.item(ItemState.HELD)
    lost, _ = box.delivery(DeliveryState.CONFIRMED)
    box.delivery(DeliveryState.CONFIRMED)
    box.journal.days.note("2026-03-14", "cr", "pacs", Asked(2, 1, (lost.id,), LATER))
    return lost.id


@contextmanager
def deliver(box: Box) -> Iterator[list[object]]:
    asked: list[object] = []

    def reckon(request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(request["day"])
        return {}

    server = Server(box.paths.run / "deliver.sock", {"reckon": reckon})
    server.start()
    yield asked
    server.close()


def test_a_day_says_what_came_and_what_the_pacs_has_of_it(owner: Visitor, box: Box) -> None:
    lost = a_day(box)
    shown = text_of(owner.get("/days"))
    assert "3 came, 2 delivered, 1 held" in shown
    assert "pacs: 2 of 2 objects confirmed." in shown
    assert "It shows only 1 of them (asked 2026-03-15 03:00" in shown
    assert f"What it does not show belongs to image {lost}" in shown
    assert "not sent again by itself" in shown


def test_the_table_is_a_file(owner: Visitor, box: Box) -> None:
    a_day(box)
    answer = owner.get("/days.csv", query={"from": "2026-03-14", "to": "2026-03-14"})
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert f"2026-03-14,cr,3,2,0,1,0,0,pacs,2,2,2,1,{LATER}" in answer.text.splitlines()


def test_days_without_anything_say_so(owner: Visitor, box: Box) -> None:
    a_day(box)
    for query in ({"from": "2020-01-01", "to": "2020-01-03"}, {"to": "2020-13-45", "from": "x"}):
        assert owner.get("/days", query=query).status_code == 200
    shown = text_of(owner.get("/days", query={"from": "2020-01-01", "to": "2020-01-03"}))
    assert "Nothing came in these days" in shown


def test_the_pacs_is_asked_when_somebody_wants_to_know(owner: Visitor, box: Box) -> None:
    a_day(box)
    with deliver(box) as asked:
        answer = owner.post("/days/2026-03-14/ask", "/days")
    assert asked == ["2026-03-14"]
    assert answer.location == "/days?from=2026-03-14&to=2026-03-14"
    assert "The PACS was asked what it shows" in text_of(owner.get(answer.location))


def test_silence_is_said_until_somebody_knows_why(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    quiet = TooQuiet(name="cr", since="Friday")
    box.journal.custody.set_place("habit", "cr", "quiet", quiet)
    shown = text_of(owner.get("/"))
    assert "cr has shown nothing since Friday" in shown
    assert "looks exactly like" in shown
    owner.post("/silence/cr/excuse", "/")
    assert "has shown nothing" not in text_of(owner.get("/"))


def test_on_a_phone_and_on_a_screen(person: Person, box: Box) -> None:
    a_day(box)
    box.clock.passes(hours=9)
    quiet = TooQuiet(name="cr", since="Friday, 13 March, 15 o'clock")
    box.journal.custody.set_place("habit", "cr", "quiet", quiet)
    person.visit("/")
    person.sees("There was no work")
    person.photograph("silence")
    person.visit("/days")
    person.sees("It shows only 1 of them")
    person.photograph("days")
