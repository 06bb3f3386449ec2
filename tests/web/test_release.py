"""The page of an image whose patient nobody has proved: pick its exam, or say whose it is."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.desk.candidates import MOST
from appliance.errors import FoundAgain, NoRoute, WaitsForOrder, WorklistNone
from appliance.model import FOUND, Evidence, ItemState
from appliance.settings import history
from tests.builders.identities import BUDI, evidence, order, says
from tests.builders.scenarios import OF_SITI
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.test import TestResponse

    from appliance.errors import Held
    from appliance.model import Item
    from tests.builders.box import Box
    from tests.web.visitor import Visitor

SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[worklist]]
name = "ris"
host = "10.0.0.1"
port = 104
ae_title = "RIS"

[[destination]]
name = "pacs"
host = "10.0.0.1"
port = 104
ae_title = "JIVEX"
"""
DAY = date(2024, 3, 14)
SITIS_FILM = evidence(says(**OF_SITI))


def held(
    box: Box, said: Evidence = SITIS_FILM, problem: Held | None = None, source: str = "cr"
) -> Item:
    history.publish(box.paths.root, SETTINGS)
    box.accept("film.dcm", source=source)
    box.convert(said)
    claimed = box.claim(ItemState.CONVERTED)
    why = problem or WorklistNone(who="4711", why="nobody is on it")
    box.journal.items.stop(claimed, why)
    return claimed


def form_of(shown: TestResponse) -> dict[str, str]:
    """What the patient's form begins with."""
    named = "PatientID|PatientName|StudyDate|AccessionNumber"
    return dict(re.findall(rf'<input id="({named})" [^>]*?value="([^"]*)"', shown.text))


def hidden_in(asked: TestResponse) -> dict[str, str]:
    """What the second page sends."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    hidden.pop("csrf_token")
    return hidden


def said_of(box: Box, item: Item) -> Mapping[str, str]:
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    return identity.values


@pytest.fixture
def item(box: Box) -> Item:
    """A film that says it is Siti's and is held; a worklist told of her, and of Budi."""
    claimed = held(box)
    thorax = "Thorax PA"
    other = order(BUDI, key="k2", AccessionNumber="A2")
    orders = [order(ScheduledProcedureStepDescription=thorax), other]
    box.journal.orders.learn("ris", orders, DAY, DAY)
    return claimed


def page(item: Item) -> str:
    return f"/items/{item.id}"


def test_both_identities_are_shown_and_the_likeliest_exam_first(
    owner: Visitor, item: Item
) -> None:
    shown = text_of(owner.get(page(item)))
    assert (
        "What the device says Patient RAHAYU^SITI Patient ID 4711 Birth date 1980-02-05 Sex F "
        "Accession nothing Exam date 2024-03-14"
    ) in shown
    siti = "RAHAYU^SITI , 4711, born 1980-02-05, F CR, Thorax PA, accession A1, 2024-03-14 10:00"
    budi = "SANTOSO^BUDI , 4712, born 1975-12-31, M CR, accession A2, 2024-03-14 10:00"
    assert siti in shown
    assert shown.index(siti) < shown.index(budi)
    assert "the same patient ID; the same name; the same birth date" in shown
    assert "a similar patient ID; another name; another birth date; another sex" in shown


def test_whoever_picks_an_exam_is_on_record(owner: Visitor, box: Box, item: Item) -> None:
    done = owner.post(f"{page(item)}/pick", page(item), key="k2", by="Sari", sure="yes")
    assert done.status_code == 302
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    assert (identity.proof, identity.values["AccessionNumber"]) == ("person", "A2")
    told = box.journal.ledger.history(item.id)[-1]
    assert told["who"] == "Sari (on the page)"
    assert "it is of PatientID=4712, PatientName=SANTOSO^BUDI" in told["sentence"]
    assert "before: PatientID=4711, PatientName=RAHAYU^SITI" in told["sentence"]
    assert "Which exam is it?" not in text_of(owner.get(page(item)))


def test_an_exam_of_somebody_else_than_the_device_says_is_asked_twice(
    owner: Visitor, box: Box, item: Item
) -> None:
    where = f"{page(item)}/pick"
    asked = owner.post(where, page(item), key="k2", by="Sari")
    assert asked.status_code == 200
    assert box.journal.items.get(item.id).state is ItemState.HELD
    shown = text_of(asked)
    assert "film.dcm is of SANTOSO^BUDI?" in shown
    assert "The device says The exam you picked Patient RAHAYU^SITI SANTOSO^BUDI" in shown
    assert "Birth date 1980-02-05 1975-12-31" in shown
    assert "The device names somebody else than the exam." in shown
    assert owner.post(where, page(item), **hidden_in(asked)).status_code == 302
    assert box.journal.ledger.history(item.id)[-1]["who"] == "Sari (on the page)"


def test_it_is_asked_twice_though_it_is_among_the_likeliest_no_more(
    owner: Visitor, box: Box, item: Item
) -> None:
    """The page was open while the worklist told of more than are shown."""
    late = {"key": "k2", "AccessionNumber": "A2", "ScheduledProcedureStepStartTime": "180000"}
    budis = order(BUDI, **late)
    box.journal.orders.learn("ris", [budis], DAY, DAY)
    assert 'value="k2"' in owner.get(page(item)).text
    others = [order({"PatientID": f"{n}"}, key=f"o{n}") for n in range(MOST)]
    box.journal.orders.learn("ris", [budis, *others], DAY, DAY)
    assert 'value="k2"' not in owner.get(page(item)).text
    asked = owner.post(f"{page(item)}/pick", page(item), key="k2", by="Sari")
    assert "film.dcm is of SANTOSO^BUDI?" in text_of(asked)
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_it_is_asked_twice_of_a_film_that_is_held_for_another_reason_by_now(
    owner: Visitor, box: Box, item: Item
) -> None:
    old = page(item)
    queue.retry(box.journal, item.id, who="Sari")
    box.convert(SITIS_FILM)
    box.identify()
    box.journal.items.stop(box.claim(ItemState.IDENTIFIED), NoRoute(why="none matches"))
    assert owner.post(f"{old}/pick", old, key="k2", by="Sari").status_code == 200
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_it_is_asked_twice_where_nobody_knows_when_the_film_was_made(
    owner: Visitor, box: Box
) -> None:
    box.clock.sure = False
    dateless = evidence(says(**{**OF_SITI, "StudyDate": "", "StudyTime": ""}))
    item = held(box, dateless)
    box.journal.orders.learn("ris", [order(BUDI)], DAY, DAY)
    assert owner.post(f"{page(item)}/pick", page(item), key="k1", by="Sari").status_code == 200
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_an_exam_that_agrees_is_asked_once(owner: Visitor, box: Box, item: Item) -> None:
    assert owner.post(f"{page(item)}/pick", page(item), key="k1", by="Sari").status_code == 302
    assert box.journal.items.get(item.id).state is ItemState.IDENTIFIED


def test_an_exam_that_is_gone_is_refused_in_a_sentence(
    owner: Visitor, box: Box, item: Item
) -> None:
    answer = owner.post(f"{page(item)}/pick", page(item), key="k9", by="Sari")
    assert answer.status_code == 409
    assert "has an order k9 any more" in text_of(answer)
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_what_is_typed_is_asked_twice(owner: Visitor, box: Box, item: Item) -> None:
    typed = {"PatientID": "20240101", "PatientName": "SANTOSO^BUDI", "StudyDate": "2024-03-14"}
    where = f"{page(item)}/release"
    asked = owner.post(where, page(item), **typed, by="Sari")
    assert asked.status_code == 200
    assert box.journal.items.get(item.id).state is ItemState.HELD
    shown = text_of(asked)
    assert "Patient RAHAYU^SITI SANTOSO^BUDI" in shown
    assert "Patient ID 4711 20240101" in shown
    assert "Exam date 2024-03-14 2024-03-14" in shown
    assert owner.post(where, page(item), **hidden_in(asked)).status_code == 302
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.values["PatientID"] == "20240101"
    assert "AccessionNumber" not in identity.values
    assert box.journal.ledger.history(item.id)[-1]["who"] == "Sari (on the page)"


WITH_ACCESSION = evidence(SITIS_FILM.claims, says(AccessionNumber="A1"))


def test_another_patient_typed_over_the_devices_does_not_get_its_exam(
    owner: Visitor, box: Box
) -> None:
    item = held(box, WITH_ACCESSION)
    form = form_of(owner.get(page(item)))
    assert form == {
        "PatientID": "4711",
        "PatientName": "RAHAYU^SITI",
        "StudyDate": "2024-03-14",
        "AccessionNumber": "",
    }
    form |= {"PatientID": "4712", "PatientName": "SANTOSO^BUDI"}
    where = f"{page(item)}/release"
    asked = owner.post(where, page(item), **form, by="Sari")
    assert "Accession A1 nothing" in text_of(asked)
    old = owner.post(where, page(item), **{**form, "AccessionNumber": "A1"}, by="Sari")
    assert text_of(old) == text_of(asked)
    assert owner.post(where, page(item), **hidden_in(asked)).status_code == 302
    assert said_of(box, item)["AccessionNumber"] == ""


def test_an_accession_number_that_is_typed_for_another_patient_counts(
    owner: Visitor, box: Box
) -> None:
    item = held(box, WITH_ACCESSION)
    where = f"{page(item)}/release"
    typed = {"PatientID": "4712", "PatientName": "SANTOSO^BUDI", "AccessionNumber": "A2"}
    asked = owner.post(where, page(item), **typed, by="Sari")
    assert "Accession A1 A2" in text_of(asked)
    assert owner.post(where, page(item), **hidden_in(asked)).status_code == 302
    assert said_of(box, item)["AccessionNumber"] == "A2"


def test_the_devices_patient_keeps_its_exam(owner: Visitor, box: Box) -> None:
    item = held(box, WITH_ACCESSION)
    shown = owner.get(page(item))
    assert "Left empty, A1 stays if it is the" in text_of(shown)
    asked = owner.post(f"{page(item)}/release", page(item), **form_of(shown), by="Sari")
    assert "Birth date 1980-02-05 1980-02-05 Sex F F Accession A1 A1" in text_of(asked)
    assert owner.post(f"{page(item)}/release", page(item), **hidden_in(asked)).status_code == 302
    assert said_of(box, item)["AccessionNumber"] == "A1"


def test_the_exam_of_a_film_that_names_nobody_is_in_the_form(owner: Visitor, box: Box) -> None:
    item = held(box, evidence(says(AccessionNumber="A1", StudyDate="20240314")))
    form = form_of(owner.get(page(item)))
    assert form["AccessionNumber"] == "A1"
    form |= {"PatientID": "4712", "PatientName": "SANTOSO^BUDI"}
    asked = owner.post(f"{page(item)}/release", page(item), **form, by="Sari")
    assert owner.post(f"{page(item)}/release", page(item), **hidden_in(asked)).status_code == 302
    assert said_of(box, item)["AccessionNumber"] == "A1"


@pytest.mark.parametrize("way", ["pick", "release"])
def test_whose_image_was_found_on_the_card_can_be_said(owner: Visitor, box: Box, way: str) -> None:
    item = held(box, problem=FoundAgain(name="film.dcm"), source=FOUND)
    box.journal.orders.learn("ris", [order()], DAY, DAY)
    assert "Say whose it is" in text_of(owner.get("/attention"))
    shown = owner.get(page(item))
    assert "Which exam is it?" in text_of(shown)
    assert "None of these: whose image is it?" in text_of(shown)
    said = {"key": "k1"} if way == "pick" else {**form_of(shown), "sure": "yes"}
    assert owner.post(f"{page(item)}/{way}", page(item), **said, by="Sari").status_code == 302
    assert said_of(box, item)["PatientID"] == "4711"


def test_without_a_worklist_there_is_nothing_to_pick(owner: Visitor, box: Box) -> None:
    box.accept("film.dcm")
    box.convert(Evidence())
    claimed = box.claim(ItemState.CONVERTED)
    box.journal.items.stop(claimed, WorklistNone(who="nobody", why="it was not asked"))
    shown = text_of(owner.get(page(claimed)))
    assert "Which exam is it?" not in shown
    assert "Whose image is it?" in shown


def test_what_waits_for_its_order_says_so_and_may_be_asked_for(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    box.accept("film.dcm")
    box.convert(SITIS_FILM)
    claimed = box.claim(ItemState.CONVERTED)
    why = WaitsForOrder(why="No order fits.", until="12:30")
    box.journal.items.put_off(claimed, why, box.clock.utc() + timedelta(minutes=1))
    shown = text_of(owner.get(page(claimed)))
    assert "Waits for its order Not sent yet, it waits for its order. No order fits." in shown
    assert "asked for again by itself until 12:30" in shown
    assert "Whose image is it?" in shown
    assert "1 waits for its order" in text_of(owner.get("/"))
    assert owner.post(f"{page(claimed)}/retry", page(claimed)).status_code == 302
    assert box.journal.items.next_due() == ""
