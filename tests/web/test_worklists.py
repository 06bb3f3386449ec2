"""The worklists of the settings on the page: added, asked before they are saved, removed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from appliance.call import Server
from appliance.errors import CallingAeUnknown
from appliance.settings.current import Current
from appliance.settings.load import settings_path
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.settings.schema import Worklist
    from tests.builders.box import Box

RIS = {"name": "ris", "host": "10.0.0.2", "port": "105", "ae_title": "RIS"}
RIS |= {"calling_ae_title": "CR2", "station_ae_title": "", "charset": "utf_8"}
RIS |= {"window_h": "6", "wait_h": "2", "cache_h": "48", "environment": "production"}


def worklists(box: Box) -> tuple[Worklist, ...]:
    return Current(box.paths.root).get().worklists


def add(owner: Visitor, action: str = "save", **changed: str) -> Any:
    return owner.post("/settings/worklist/new", **{**RIS, **changed}, action=action)


@pytest.fixture
def told() -> dict[str, object]:
    """What deliver answers; a test may change it."""
    return {"orders": 3, "undated": 0, "unreadable": 0}


@pytest.fixture
def asked(box: Box, told: dict[str, object]) -> Iterator[list[Mapping[str, Any]]]:
    """What a deliver service is asked that runs while the test does."""
    requests: list[Mapping[str, Any]] = []

    def worklist(request: Mapping[str, Any]) -> Mapping[str, object]:
        requests.append(request)
        if request["host"] == "10.0.0.9":
            raise CallingAeUnknown(peer="RIS", calling="CR2")
        return told

    server = Server(box.paths.run / "deliver.sock", {"worklist": worklist})
    server.start()
    yield requests
    server.close()


def test_a_worklist_is_added_shown_changed_and_removed(owner: Visitor, box: Box) -> None:
    assert "No worklist." in text_of(owner.get("/settings"))
    assert add(owner).location == "/settings"
    (ris,) = worklists(box)
    assert (ris.name, ris.host, ris.port, ris.calling_ae_title) == ("ris", "10.0.0.2", 105, "CR2")
    assert (ris.window_h, ris.wait_h, ris.cache_h, ris.charset) == (6, 2, 48, "utf_8")
    assert (ris.sources, ris.station_ae_title) == ((), "")
    assert "RIS at 10.0.0.2:105" in text_of(owner.get("/settings"))
    form = owner.get("/settings/worklist/named/ris").text
    assert re.search(r'name="window_h" value="6"', form)
    owner.post("/settings/worklist/named/ris", **{**RIS, "port": "106"}, action="save")
    assert worklists(box)[0].port == 106
    assert "what it told is forgotten" in text_of(owner.get("/settings/worklist/named/ris/remove"))
    owner.post("/settings/worklist/named/ris/remove")
    assert worklists(box) == ()


def test_a_new_one_begins_with_hours_that_make_sense(owner: Visitor) -> None:
    form = owner.get("/settings/worklist/new").text
    hours = re.findall(r'name="(\w+_h)" value="([^"]*)"', form)
    assert hours == [("window_h", "12"), ("wait_h", "4"), ("cache_h", "72")]


def test_whose_images_it_is_for_is_ticked(owner: Visitor, box: Box) -> None:
    for name in ("cr", "us"):
        owner.post("/settings/source/new/folder", name=name, path=f"/srv/{name}", action="save")
    owner.post("/settings/worklist/new", **RIS, sources=["", "us"], action="save")
    assert worklists(box)[0].sources == ("us",)
    form = owner.get("/settings/worklist/named/ris").text
    ticked = re.findall(r'name="sources" value="(\w+)"( checked)?', form)
    assert ticked == [("cr", ""), ("us", " checked")]
    assert ", for us" in text_of(owner.get("/settings"))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("port", "x", "must be a whole number"),
        ("window_h", "100", "must be from 0.1 to 72"),
        ("wait_h", "soon", "must be a number"),
        ("charset", "klingon", "is not a character set"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    owner: Visitor, box: Box, field: str, value: str, reason: str
) -> None:
    for action in ("save", "test"):
        answer = add(owner, action, **{field: value})
        assert answer.status_code == 422
        found = re.search(rf'<p class="fault" id="{field}-fault">(.*?)</p>', answer.text)
        assert found
        assert reason in found[1]
    assert not settings_path(box.paths.root).exists()


# --- trying it --------------------------------------------------------------------------------


def test_it_is_asked_before_it_is_saved(
    owner: Visitor, box: Box, asked: list[Mapping[str, Any]]
) -> None:
    said = text_of(add(owner, "test"))
    assert "It told of 3 orders for yesterday, today and tomorrow." in said
    assert asked[0]["calling_ae_title"] == "CR2"
    assert asked[0]["charset"] == "utf_8"
    assert worklists(box) == ()


@pytest.mark.usefixtures("asked")
def test_none_is_not_a_failure_but_looks_like_one(owner: Visitor, told: dict[str, object]) -> None:
    told["orders"] = 0
    said = text_of(add(owner, "test"))
    assert "It answered, and told of no order" in said
    assert "Have “CR2” entered there" in said


@pytest.mark.usefixtures("asked")
def test_letters_that_could_not_be_read_are_told(owner: Visitor, told: dict[str, object]) -> None:
    told |= {"unreadable": 5, "undated": 2}
    said = text_of(add(owner, "test"))
    assert "5 names or other texts could not be read" in said
    assert "2 more do not say for which day they are" in said


@pytest.mark.usefixtures("asked")
def test_why_it_fails_is_told_in_one_sentence(owner: Visitor) -> None:
    said = text_of(add(owner, "test", host="10.0.0.9"))
    assert "RIS does not know a device with the AE title CR2." in said


def test_one_that_is_for_other_images_can_be_tried_too(
    owner: Visitor, asked: list[Mapping[str, Any]]
) -> None:
    owner.post("/settings/source/new/folder", name="cr", path="/srv/cr", action="save")
    owner.post("/settings/worklist/new", **RIS, sources=["", "cr"], action="test")
    assert len(asked) == 1


def test_a_test_that_nobody_can_make_is_told(owner: Visitor) -> None:
    assert add(owner, "test").status_code == 422


# --- how it does ------------------------------------------------------------------------------


def test_the_status_shows_it(owner: Visitor, box: Box) -> None:
    add(owner)
    assert "Not asked yet" in text_of(owner.get("/"))
    box.journal.custody.set_place("worklist", "ris", "ok", ok=True)
    shown = text_of(owner.get("/"))
    assert "ris Answers" in shown
    assert "0 orders remembered, last told just now" in shown
    why = CallingAeUnknown(peer="RIS", calling="CR2")
    box.journal.custody.set_place("worklist", "ris", "failed", why)
    shown = text_of(owner.get("/"))
    assert "ris Not reached" in shown
    assert why.sentence in shown
