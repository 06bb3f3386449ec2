"""Why did this go there? As it was on the day, and as it would be today."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.call import Server
from appliance.desk import explain, queue
from appliance.errors import NotThere
from appliance.model import BodyKind, Evidence, ItemState
from appliance.route.stage import Routing
from appliance.settings.load import parse
from appliance.settings.schema import Settings
from tests.builders.part10 import element
from tests.builders.routable import identified

if TYPE_CHECKING:
    from appliance.model import Item
    from tests.builders.box import Box

HEAD = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
[[destination]]
name = "pacs"
host = "h"
port = 104
ae_title = "PACS"
[[destination]]
name = "cloud"
host = "h"
port = 104
ae_title = "CLOUD"
"""
THEN = parse(f"""{HEAD}
[[route]]
when = {{ PatientID = "47*" }}
to = ["pacs"]
priority = "stat"
""")
NOW = parse(f"""[routing]
match = "first"
{HEAD}
[[route]]
when = {{ PatientID = {{ not = "47*" }}, Rows = "2" }}
to = ["pacs"]
[[route]]
to = ["cloud"]
""")


@pytest.fixture
def picture(box: Box) -> Item:
    """One that is known and not routed yet."""
    return identified(box, "CR")


def today(box: Box, settings: Settings, item: Item) -> Any:
    found = explain.today(box.journal, settings, item.id)
    assert json.loads(json.dumps(found)) == found
    return found


def test_what_was_recorded_stays_whatever_the_rules_become(picture: Item, box: Box) -> None:
    assert Routing(box.journal).turn(THEN)
    (found,) = explain.recorded(queue.show(box.journal, picture.id).history)
    assert found["destination"] == "pacs"
    assert found["sentence"] == 'It goes to pacs: route 1 takes it, for PatientID is "4711".'
    (row,) = box.journal.ledger.deliveries_of(picture.id)
    assert row["priority"] == 0


def test_todays_rules_are_tried_one_by_one(picture: Item, box: Box) -> None:
    found = today(box, NOW, picture)
    assert (found["match"], found["sentence"]) == ("first", "")
    (only,) = found["objects"]
    assert only["goes_to"] == [
        {"destination": "cloud", "priority": "routine", "why": "route 2 takes every image"}
    ]
    first, second = only["routes"]
    assert (first["matches"], first["counts"], second["counts"]) == (False, False, True)
    assert first["conditions"] == [
        {"keyword": "PatientID", "wanted": 'not "47*"', "value": "4711", "holds": False},
        {"keyword": "Rows", "wanted": '"2"', "value": "4", "holds": False},
    ]


def test_nowhere_to_go_is_told_too(picture: Item, box: Box) -> None:
    (only,) = today(box, Settings(), picture)["objects"]
    assert only["goes_to"] == []
    assert only["sentence"].endswith("for this image: none is set up yet.")


def test_rules_are_not_asked_before_it_is_known_what_and_whose_it_is(box: Box) -> None:
    first, second = box.item(ItemState.CONVERTED), box.item(ItemState.ARRIVED)
    assert "whose image it is (converted)" in today(box, NOW, first)["sentence"]
    assert "what it is (arrived)" in today(box, NOW, second)["sentence"]


def test_an_image_that_is_not_there_is_not_explained(box: Box) -> None:
    with pytest.raises(NotThere):
        today(box, NOW, box.journal.items.get(7))


def test_bytes_that_left_the_card_say_nothing_any_more(box: Box) -> None:
    item = box.accept(content=element(0x00280010, "US", b"\2\0"))
    body = replace(box.body(box.claim(ItemState.ARRIVED)), kind=BodyKind.DATASET, attributes={})
    box.journal.items.converted(item, [body], Evidence())
    box.identify()
    asked = parse(f'{HEAD}[[route]]\nto = ["pacs"]\nwhen = {{ Rows = "2" }}')

    def found() -> tuple[str, str]:
        (only,) = today(box, asked, item)["objects"]
        return only["routes"][0]["conditions"][0]["value"], only["note"]

    assert found() == ("2", "")
    body.slices[0].path.unlink()
    value, note = found()
    assert (value, note.startswith("Its bytes have left this box")) == ("", True)


def test_the_service_that_may_read_the_bytes_is_asked_first(picture: Item, box: Box) -> None:
    run = box.paths.run
    answer = {"match": "all", "sentence": "asked there", "objects": []}
    server = Server(run / "deliver.sock", {"explain": lambda request: {**answer, **request}})
    server.start()
    found = explain.today_somehow(run, box.journal, NOW, picture.id)
    assert (found["sentence"], found["item"]) == ("asked there", picture.id)
    server.close()
    assert explain.today_somehow(run, box.journal, NOW, picture.id)["match"] == "first"
