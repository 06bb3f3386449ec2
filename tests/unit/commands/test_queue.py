"""`jembatan queue`: what waits, what a person does about it, and why it goes where it goes."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from appliance.errors import WorklistNone
from appliance.model import DeliveryState, ItemState
from appliance.route.stage import Routing
from appliance.settings import history
from appliance.settings.current import Current
from tests.builders.identities import evidence, order, says
from tests.builders.routable import identified
from tests.builders.scenarios import OF_SITI
from tests.builders.terminal import SERVED, SETTINGS, Terminal, file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.box import Box


def test_the_queue_in_words_and_for_scripts(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.HELD, "film.tif")
    assert terminal.on_box("queue list") == 0
    assert terminal.out.startswith("1  film.tif  held  Not sent, it waits for a person")
    assert terminal.json("queue list")[0]["code"] == "no-identity"


def test_an_empty_queue_is_empty(terminal: Terminal, box: Box) -> None:
    assert terminal.on_box("queue list") == 0
    assert terminal.out == ""
    assert box.journal.ledger.item_counts() == {}


def test_an_image_is_shown(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE, "film.tif")
    assert terminal.on_box("queue show 1") == 0
    assert "pacs has it, it was asked." in terminal.out
    assert "PatientName = SITI" in terminal.out
    assert "confirmed" in terminal.out
    assert terminal.json("queue show 1")["history"][-1]["after"] == "done"


def test_several_are_retried_and_each_refusal_is_said(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE)
    box.item(ItemState.HELD)
    document = terminal.json("queue retry 1 2 3 --by Sari")
    assert [entry["id"] for entry in document["done"]] == [2]
    assert [entry["code"] for entry in document["refused"]] == ["refused", "not-there"]
    assert len(terminal.err.splitlines()) == 2
    assert box.journal.ledger.history(2)[-1]["who"] == "Sari"


def test_who_decided_is_kept_also_when_nobody_says(terminal: Terminal, box: Box) -> None:
    box.delivery(DeliveryState.PREPARED)
    assert terminal.on_box("queue hold 1") == 0
    assert box.journal.ledger.history(1)[-1]["who"]


def test_an_image_is_discarded(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.HELD)
    assert terminal.on_box("queue discard 1 --by Sari --reason", "a test film") == 0
    assert terminal.out == "1: It is set aside and will not be sent.\n"
    assert box.journal.items.get(1).state is ItemState.IGNORED


def test_an_image_is_released(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.CONVERTED)
    box.journal.items.decide_item(1, ItemState.HELD, code="", why="", who="")
    line = "queue release 1 --by Sari --set PatientID=4712 --set PatientName=BUDI"
    assert terminal.on_box(line, "--set", "StudyDate=20260314") == 0
    identity = box.journal.items.get(1).identity
    assert identity is not None
    assert identity.values["PatientName"] == "BUDI"


def held_with_a_choice(box: Box) -> None:
    history.publish(box.paths.root, SERVED)
    box.accept("film.dcm", source="cr")
    box.convert(evidence(says(**OF_SITI)))
    claimed = box.claim(ItemState.CONVERTED)
    box.journal.items.stop(claimed, WorklistNone(who="4711", why="nobody is on it"))
    day = date(2024, 3, 14)
    box.journal.orders.learn("ris", [order(key="k1")], day, day)


def test_an_image_is_released_to_an_order_of_those_it_shows(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue show 1 --json") == 0
    (candidate,) = json.loads(terminal.out)["candidates"]
    assert candidate["values"]["AccessionNumber"] == "A1"
    assert candidate["reasons"][0] == "the same patient ID"
    assert terminal.on_box(f"queue release 1 --by Sari --item {candidate['key']}") == 0
    identity = box.journal.items.get(1).identity
    assert identity is not None
    assert (identity.proof, identity.values["AccessionNumber"]) == ("person", "A1")
    assert terminal.on_box("queue show 1 --json") == 0
    assert json.loads(terminal.out)["candidates"] == []


def test_the_orders_are_shown_to_people_too(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue show 1") == 0
    assert "k1" in terminal.out
    assert "4711, RAHAYU^SITI, born 1980-02-05" in terminal.out


def test_an_order_nobody_told_of_is_refused(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue release 1 --by Sari --item 7") == 1
    assert "no worklist of its source has an order 7 any more" in terminal.err


# --- explain ----------------------------------------------------------------------------------


def test_explain_tells_the_reasons_of_the_day_and_todays_rules(
    terminal: Terminal, tmp_path: Path, box: Box
) -> None:
    item = identified(box, "CR")
    routes = '[[route]]\nwhen = { Modality = "US" }\nto = ["pacs"]\n[[route]]\nto = ["pacs"]\n'
    terminal.on_box("config import", str(file(tmp_path, f"{SETTINGS}{routes}")))
    assert Routing(box.journal).turn(Current(tmp_path).get())
    assert terminal.on_box(f"queue explain {item.id}") == 0
    assert terminal.out.splitlines()[2:] == [
        "When it was routed:",
        "  2026-03-14T09:26:53  It goes to pacs: route 2 takes every image.",
        "",
        "By today's rules:",
        "  pacs (routine): route 2 takes every image",
        "  route 1 to pacs: does not match",
        '    no   Modality is "CR", wanted is "US"',
        "  route 2 to pacs: matches",
    ]
    found = terminal.json(f"queue explain {item.id}")
    assert found["recorded"][0]["destination"] == "pacs"
    assert found["today"]["objects"][0]["goes_to"][0]["why"] == "route 2 takes every image"


def test_what_was_never_routed_has_no_reasons_yet(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.ARRIVED)
    assert terminal.on_box("queue explain 1") == 0
    assert "nothing was written down" in terminal.out
    assert "The rules are not asked before it is known what it is (arrived)." in terminal.out
    assert terminal.on_box("queue explain 2") == 1


def test_of_several_objects_each_is_explained(terminal: Terminal, box: Box) -> None:
    identified(box, "CR", "OT")
    terminal.on_box("queue explain 1")
    assert "object 2:" in terminal.out
    assert "none is set up yet" in terminal.out
