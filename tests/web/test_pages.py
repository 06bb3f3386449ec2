"""What people read: the status, "was it sent?", one image, what needs somebody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from appliance.errors import (
    Coerced,
    DriveFilling,
    JournalFault,
    NoIdentity,
    Recoded,
    Recoding,
    StickPulled,
    StickReading,
)
from appliance.journal.abilities import Way
from appliance.model import ConfirmedBy, DeliveryState, Evidence, ItemState
from appliance.settings import history
from appliance.status.pattern import LampState
from appliance.web.meant import mark
from tests.builders.box import NOT_ANSWERING, SITI
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from appliance.errors import Problem
    from appliance.model import Item
    from tests.builders.box import Box

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


def set_up(box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    box.journal.custody.set_place("source", "cr", "watching")


def held_for_want_of_a_patient(box: Box) -> Item:
    item = box.accept("nobody.tif")
    claimed = box.claim(ItemState.ARRIVED)
    box.journal.items.converted(claimed, [box.body(claimed)], Evidence())
    box.journal.items.stop(box.claim(ItemState.CONVERTED), NoIdentity(where="its name"))
    return item


# --- Status


def test_a_newcomer_is_led_step_by_step(owner: Visitor, box: Box) -> None:
    shown = text_of(owner.get("/"))
    assert "Ready; nothing has come yet" in shown
    assert "Three steps, and images travel" in shown
    set_up(box)
    assert "copy a file into /srv/cr" in text_of(owner.get("/"))
    box.item()
    shown = text_of(owner.get("/"))
    assert "Three steps" not in shown
    assert "1 image is on its way" in shown


def test_all_is_well(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.item(ItemState.DONE)
    box.journal.custody.set_place("destination", "pacs", "up", ok=True)
    shown = text_of(owner.get("/"))
    assert "Everything that came was delivered" in shown
    assert "lamps: green, steady" in shown
    assert "pacs Up to date" in shown
    assert "Last took an image 2026-03-14 16:26" in shown
    assert "1 delivered" not in shown
    assert "delivered 1" in shown


def test_a_destination_in_trouble_is_said_in_one_sentence(owner: Visitor, box: Box) -> None:
    set_up(box)
    for _ in range(3):
        box.delivery()
    box.journal.custody.set_place("destination", "pacs", "down", NOT_ANSWERING)
    shown = text_of(owner.get("/"))
    assert "Images cannot be delivered" in shown
    assert "lamps: red, fast" in shown
    assert f"3 images have not reached pacs: {NOT_ANSWERING.sentence}" in shown


def test_what_needs_a_person_comes_first(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.delivery(DeliveryState.HELD, "refused.tif")
    held_for_want_of_a_patient(box)
    shown = text_of(owner.get("/"))
    assert "2 images need you" in shown
    assert "lamps: yellow, two flashes and a pause" in shown
    assert shown.index("nobody.tif") < shown.index("Where images go")
    assert "Needs you <span" in " ".join(owner.get("/").text.split())


STICK = """
[[source]]
name = "stick"
kind = "stick"
[[source]]
name = "us"
kind = "share"
hosted = true
smb1 = true
hosts = ["10.0.0.7"]
"""


def stick(box: Box, state: str, problem: Problem | None = None) -> None:
    history.publish(box.paths.root, STICK)
    box.journal.custody.set_place("source", "stick", state, problem)


def test_a_stick_is_not_to_be_pulled_while_it_is_read(owner: Visitor, box: Box) -> None:
    box.item(ItemState.HELD)
    stick(
        box,
        "reading",
        StickReading(label="KINGSTON", done=37, total=120, taken=3, progress="37 of 120"),
    )
    shown = text_of(owner.get("/"))
    assert "Do not pull the stick" in shown
    assert "37 of 120" in shown
    assert "lamps: green, lit with short dark blinks" in shown
    assert 'class="lamp green lit do-not-pull"' in owner.get("/").text
    assert (
        '<progress value="37" max="120" aria-label="Files looked at on stick">'
        in owner.get("/").text
    )
    assert "1 image needs you" not in shown
    assert "stick Do not pull" in shown


def test_a_stick_may_be_pulled_once_it_is_read(owner: Visitor, box: Box) -> None:
    stick(box, "safe")
    shown = text_of(owner.get("/"))
    assert "You can pull the stick Everything on the stick is taken" in shown
    assert "Do not pull" not in shown
    assert "<progress" not in owner.get("/").text


def test_a_stick_that_was_pulled_too_early_is_asked_for_again(owner: Visitor, box: Box) -> None:
    problem = StickPulled(label="KINGSTON", what="37 of 120 files were looked at")
    stick(box, "pulled", problem)
    shown = text_of(owner.get("/"))
    assert "Something needs you" in shown
    assert f"stick: {problem.sentence} {problem.hint}" in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("empty", "stick No stick No stick is plugged in."),
        ("listening", "stick Listening What the modality sends is taken."),
        ("watching", "stick Watched What appears there is taken."),
        ("unplugged", "stick Needs you"),
        ("offline", "stick Out of reach"),
    ],
)
def test_every_state_of_a_source_has_its_word(
    owner: Visitor, box: Box, state: str, words: str
) -> None:
    stick(box, state)
    assert words in text_of(owner.get("/"))


def test_what_is_well_and_yet_worth_a_look_says_so(owner: Visitor, box: Box) -> None:
    full = DriveFilling(percent=80, why="the modality writes")
    stick(box, "watching", full)
    assert f"stick Please read {full.sentence} {full.hint}" in text_of(owner.get("/"))


def test_old_sharing_is_warned_of_and_alarms_nobody(owner: Visitor, box: Box) -> None:
    stick(box, "empty")
    shown = text_of(owner.get("/"))
    assert "Safe only on a closed network us uses SMB1" in shown
    assert "lamps: green, steady" in shown


def test_the_part_that_refreshes_is_the_same(owner: Visitor, box: Box) -> None:
    set_up(box)
    live = owner.get("/live").text
    assert "<html" not in live
    assert live.strip() in owner.get("/").text


def test_a_journal_that_cannot_be_read_is_said_and_not_a_trace(owner: Visitor, box: Box) -> None:
    box.journal.close()
    box.paths.journal.write_bytes(b"this is not a database" * 100)
    answer = owner.get("/")
    assert answer.status_code == 503
    assert "could not be read" in text_of(answer)
    assert owner.get("/healthz").status_code == 503
    assert owner.get("/healthz").text.startswith(JournalFault.code)


# --- Was this film sent?


def films(owner: Visitor, **query: str) -> str:
    return text_of(owner.get("/films", query=query))


def test_every_film_has_its_answer(owner: Visitor, box: Box) -> None:
    box.one_of_each()
    shown = films(owner)
    assert "done.tif Sent pacs has it: asked at 2026-03-14 09:26 , it showed" in shown
    assert "routed.tif On its way It waits to be sent to pacs." in shown
    assert "held.tif Needs you Not sent, it waits for a person. No patient" in shown
    assert "quarantined.tif Cannot be used Not sent, it cannot be used." in shown
    assert "ignored.tif Set aside Set aside." in shown
    assert "arrived.tif On its way Not sent yet." in shown


def test_the_answer_says_how_far_the_proof_goes(owner: Visitor, box: Box) -> None:
    item, _ = box.delivery(DeliveryState.SENT)
    assert "pacs answered “stored”" in films(owner)
    box.confirm(by=ConfirmedBy.RESPONSE)
    assert "by its own word" in films(owner)
    told = text_of(owner.get(f"/items/{item.id}"))
    assert "pacs has it, by its own word." in told
    assert "that is proved" not in told
    box.delivery(DeliveryState.DEFERRED)
    assert f"Not yet in pacs: {NOT_ANSWERING.sentence} It is tried again" in films(owner)


def test_an_image_tells_that_it_was_made_anew_for_a_destination(owner: Visitor, box: Box) -> None:
    item, recodings = box.item(ItemState.ROUTED), box.journal.recodings
    asked = Recoding(peer="PACS", wanted="Explicit VR Little Endian", syntax="JPEG Baseline")
    recodings.ask(box.take_up(), {1: "1.2"}, asked, pixels=False)
    assert f"It waits to be sent to pacs. {asked.sentence}" in films(owner)
    claimed = recodings.claim_made()
    assert claimed is not None
    recodings.composed(claimed, claimed.instances, Recoded(how="unpacked"))
    told = text_of(owner.get(f"/items/{item.id}"))
    assert asked.sentence in told
    assert "Made ready for pacs. It was unpacked for this destination" in told


def test_what_a_destination_changed_is_shown_for_good(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.ROUTED)
    changed = Coerced(peer="PACS at 10.0.0.1:104", answer="status B000")
    box.journal.deliveries.sent(box.take_up(), changed, box.clock.utc())
    box.confirm()
    for shown in (films(owner), text_of(owner.get(f"/items/{item.id}"))):
        assert "Sent, with a warning" in shown
        assert f"{changed.sentence} Look at the image there." in shown


def test_it_is_shown_how_a_destination_proves_what_it_has(owner: Visitor, box: Box) -> None:
    box.journal.abilities.learn("pacs", Way.COMMITMENT, "it", works=True)
    box.journal.custody.set_place("destination", "pacs", "up", ok=True)
    set_up(box)
    assert "Confirmed by storage commitment" in text_of(owner.get("/"))


def test_films_are_found_by_name_and_day(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.accept("a/SITI_1.tif")
    box.clock.passes(days=10)
    owner.is_let_in()
    box.accept("a/BUDI_1.tif")
    assert "SITI_1" not in films(owner)
    assert "1 image" in films(owner, name="budi")
    assert "SITI_1" in films(owner, **{"from": "2026-03-14", "to": "2026-03-14"})
    assert "No film with “AHMAD” in its name came in these days" in films(owner, name="AHMAD")
    assert "BUDI_1" in films(owner, **{"from": "nonsense"})


def test_a_day_begins_at_midnight_where_the_box_stands(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.clock.is_set(box.clock.utc().replace(hour=17, minute=30))
    box.accept("night.tif")
    assert "night.tif" in films(owner, **{"from": "2026-03-15", "to": "2026-03-15"})
    assert "night.tif" not in films(owner, **{"from": "2026-03-14", "to": "2026-03-14"})


def test_names_from_outside_are_text_and_not_markup(owner: Visitor, box: Box) -> None:
    box.accept("<script>alert(1)</script>.tif")
    assert "<script>alert" not in owner.get("/films").text
    assert "&lt;script&gt;alert" in owner.get("/films").text


# --- One image


def test_the_history_of_an_image_is_told(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.DONE, "film.tif")
    shown = text_of(owner.get(f"/items/{item.id}"))
    for words in ("Came in.", "Made ready for pacs.", "pacs has it: that is proved."):
        assert words in shown
    assert f"Patient {SITI.values['PatientName']} Patient ID 4711" in shown
    assert "from cr as film.tif" in shown
    assert "Try again" not in shown
    assert owner.get("/items/999").status_code == 404


def test_a_held_delivery_can_be_sent_again(owner: Visitor, box: Box) -> None:
    item, number = box.delivery(DeliveryState.HELD)
    assert "Needs you" in text_of(owner.get(f"/items/{item.id}"))
    assert owner.post(f"/items/{item.id}/retry", f"/items/{item.id}").status_code == 302
    (delivery,) = box.journal.ledger.deliveries_of(item.id)
    assert (delivery["id"], delivery["state"]) == (number, "prepared")
    shown = text_of(owner.get(f"/items/{item.id}"))
    assert "It is tried again." in shown
    assert "Sent to pacs once more. Somebody on the page wants it sent again." in shown


def test_what_cannot_be_tried_again_is_refused_in_a_sentence(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.DONE)
    answer = owner.post(f"/items/{item.id}/retry", "/settings/box", image=mark(item))
    assert answer.status_code == 409
    assert "every destination has it already" in text_of(answer)


def test_discarding_asks_twice_and_wants_a_reason(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.HELD, "test.tif")
    path = f"/items/{item.id}/discard"
    assert "cannot be undone" in text_of(owner.get(path))
    assert owner.post(path, reason=" ").status_code == 409
    assert box.journal.items.get(item.id).state is ItemState.HELD
    assert owner.post(path, reason="test exposure").status_code == 302
    assert box.journal.items.get(item.id).state is ItemState.IGNORED
    assert "discarded it: test exposure" in text_of(owner.get(f"/items/{item.id}"))


def test_a_person_says_whose_image_it_is(owner: Visitor, box: Box) -> None:
    set_up(box)
    item = held_for_want_of_a_patient(box)
    page, path = f"/items/{item.id}", f"/items/{item.id}/release"
    fields = {"PatientID": "4712", "PatientName": "BUDI", "AccessionNumber": ""}
    fields |= {"by": "Sari", "sure": "yes"}
    assert "Whose image is it?" in text_of(owner.get(page))
    answer = owner.post(path, page, **fields, StudyDate="")
    assert answer.status_code == 409
    assert "No exam date" in text_of(answer)
    assert 'value="BUDI"' in answer.text
    assert owner.post(path, page, **fields, StudyDate="2026-03-14").status_code == 302
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.proof == "person"
    assert (identity.values["PatientID"], identity.values["StudyDate"]) == ("4712", "20260314")
    assert "Exam date 2026-03-14" in text_of(owner.get(page))


# --- Needs you


def test_what_needs_somebody_has_its_reason_hint_and_code(owner: Visitor, box: Box) -> None:
    assert "Nothing needs you." in text_of(owner.get("/attention"))
    box.item(ItemState.QUARANTINED, "letter.doc")
    box.delivery(DeliveryState.HELD, "refused.tif")
    shown = text_of(owner.get("/attention"))
    assert "letter.doc Cannot be used" in shown
    assert "unsupported-format" in shown
    assert "Choose DICOM, TIFF, PNG, BMP, JPEG or JPEG 2000" in shown
    assert f"To pacs: {NOT_ANSWERING.sentence}" in shown
    assert "Say whose it is" not in shown


def test_what_wants_a_patient_leads_to_where_one_says_who(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.HELD, "film.tif")
    page = owner.get("/attention").text
    assert f'href="/items/{item.id}">Say whose it is</a>' in page


# --- For machines


def test_the_status_document_is_that_of_the_command_line(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.one_of_each()
    document = json.loads(owner.get("/api/v1/status").text)
    described = json.loads(owner.get("/api/v1/openapi.json").text)
    wanted = described["components"]["schemas"]["Status"]["required"]
    assert set(wanted) == set(document)
    source = described["components"]["schemas"]["Status"]["properties"]["sources"]["items"]
    assert set(source["properties"]) == set(document["sources"][0])
    lamps = described["components"]["schemas"]["Status"]["properties"]["lamps"]["properties"]
    assert lamps["state"]["enum"] == list(LampState)
    assert document["items"]["done"] == 1
    assert owner.another().get("/api/v1/status").json == {"error": "Log in first."}
    assert owner.get("/api/v1/nothing").status_code == 404
    paths = {"/api/v1/status", "/api/v1/updates", "/healthz", "/metrics"}
    assert set(described["paths"]) == paths


def test_metrics_name_no_patient(owner: Visitor, box: Box) -> None:
    set_up(box)
    box.item(ItemState.DONE, "4711_SITI.tif")
    box.item(ItemState.HELD, "4712_BUDI.tif")
    answer = owner.another().get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert 'jembatan_items{state="done"} 1.0' in answer.text
    assert not any(word in answer.text for word in ("SITI", "BUDI", "4711", "4712"))


def test_a_healthy_box_says_so_to_everybody(stranger: Visitor) -> None:
    answer = stranger.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
