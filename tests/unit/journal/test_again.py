"""What comes again is one image; but nothing that is exported anew is lost by what was decided."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue, release
from appliance.errors import Duplicate, Incomplete, IsSidecar, Junk, Superseded
from appliance.journal.arrivals import Accepted, Received
from appliance.journal.commitments import Reference
from appliance.model import Arrival, ItemState
from appliance.settings.schema import Settings
from tests.builders.box import CR_IMAGE, SITI, Box

if TYPE_CHECKING:
    from appliance.errors import Ignored
    from appliance.model import Item

INVENTED = replace(SITI, invented=True)
CONTENT = b"pixels"


def discarded(box: Box, source: str = "cr") -> Item:
    """One that was read, held for want of a patient and given up."""
    box.accept("film.tif", CONTENT, source=source)
    item = box.convert()
    queue.hold(box.journal, item.id, who="Sari")
    queue.discard(box.journal, item.id, reason="wrong one clicked", who="Sari")
    return item


def shown(
    box: Box, fingerprint: str, *, later_s: float = 0, name: str = "film.tif", source: str = "usb"
) -> Accepted:
    """A source shows the film in a file last written that much later."""
    arrivals, spool = box.journal.arrivals, box.journal.spool
    with spool.custody():
        return arrivals.add(
            Arrival(source, name, Path(name), fingerprint),
            spool.keep(io.BytesIO(CONTENT)),
            evidence_digest="",
            sidecars={},
            modified_at=box.clock.utc() + timedelta(seconds=later_s),
        )


def stored(box: Box) -> Accepted:
    """A modality stores the film."""
    with box.journal.spool.custody():
        kept = box.journal.spool.keep(io.BytesIO(CONTENT))
        arrival = Arrival("ct", "CT/1.2.3.dcm", Path("CT/1.2.3.dcm"), "content:x:")
        box.clock.passes(seconds=1)
        return box.journal.arrivals.add_received(
            [Received(arrival, kept, "", box.clock.utc(), CR_IMAGE, "1.2.3")]
        )[0]


def history(box: Box, item_id: int) -> list[str]:
    return [row["sentence"] for row in box.journal.ledger.history(item_id)]


def stands(box: Box, item_id: int) -> tuple[str, str]:
    row = box.journal.ledger.item_row(item_id)
    return row["state"], row["code"]


# --- after a person discarded it -----------------------------------------------------------------


def test_what_was_discarded_and_is_exported_again_waits_for_a_person(box: Box) -> None:
    first = discarded(box)
    again = box.accept("again.tif", CONTENT)
    assert again.id != first.id
    (held,) = box.journal.ledger.attention()
    assert (held["id"], held["code"]) == (again.id, "discarded-before")
    assert held["sentence"] == (
        "again.tif is an image that came before and was given up, as item 1: "
        "Sari discarded it: wrong one clicked"
    )
    assert history(box, first.id)[-1] == "Came again as again.tif from cr; that is item 2."
    assert stands(box, first.id) == ("ignored", "discarded")


def test_a_person_can_look_at_it_and_say_whose_it_is(box: Box) -> None:
    first = discarded(box)
    again = box.accept("again.tif", CONTENT)
    assert box.journal.items.bodies(again) == box.journal.items.bodies(first)
    assert again.evidence == box.journal.items.get(first.id).evidence
    said = {"PatientID": "4711", "PatientName": "SITI", "StudyDate": "20260314"}
    release.release(box.journal, Settings(), again.id, said, who="Sari")
    assert box.journal.items.get(again.id).state is ItemState.IDENTIFIED


def test_tried_again_it_goes_the_way_of_every_image(box: Box) -> None:
    discarded(box)
    again = box.accept("again.tif", CONTENT)
    queue.retry(box.journal, again.id, who="Sari")
    assert box.convert().id == again.id
    assert box.identify().id == again.id
    assert box.journal.items.twins(again) == []


def test_discarded_once_more_it_can_come_once_more(box: Box) -> None:
    discarded(box)
    for number in range(2, 5):
        again = box.accept(f"again{number}.tif", CONTENT)
        assert box.accept(f"twice{number}.tif", CONTENT) == again
        assert again.id == number
        queue.discard(box.journal, again.id, reason="no", who="Sari")
    assert box.journal.ledger.attention() == []


def test_one_that_was_never_read_waits_too(box: Box) -> None:
    item = box.accept("film.tif", CONTENT, verdict=Incomplete(name="film.tif", detail="cut off"))
    queue.discard(box.journal, item.id, reason="cut off", who="Sari")
    again = box.accept("again.tif", CONTENT)
    assert stands(box, again.id) == ("held", "discarded-before")
    assert box.journal.items.bodies(again) == ()


def test_what_cannot_be_used_says_so_rather(box: Box) -> None:
    discarded(box)
    again = box.accept("a.tif", CONTENT, verdict=Incomplete(name="a.tif", detail="cut off"))
    assert stands(box, again.id) == ("quarantined", "incomplete")


def test_what_a_modality_stores_once_more_is_always_a_new_export(box: Box) -> None:
    first = stored(box)
    box.convert()
    queue.hold(box.journal, first.item_id, who="Sari")
    queue.discard(box.journal, first.item_id, reason="no", who="Sari")
    again = stored(box)
    assert again.new
    assert stands(box, again.item_id) == ("held", "discarded-before")
    assert stored(box) == Accepted(again.item_id, new=False)


def test_the_very_same_file_shown_again_is_no_new_export(box: Box) -> None:
    first = shown(box, "content:x:")
    box.convert()
    queue.hold(box.journal, first.item_id, who="Sari")
    queue.discard(box.journal, first.item_id, reason="no", who="Sari")
    assert shown(box, "content:x:") == Accepted(first.item_id, new=False)
    again = shown(box, "content:x:", later_s=60)
    assert again.new
    queue.discard(box.journal, again.item_id, reason="no", who="Sari")
    for later_s in (0, 60):  # two sticks, plugged in by turns
        assert not shown(box, "content:x:", later_s=later_s).new


def test_a_file_is_known_by_when_it_was_written_once_its_image_was_discarded(box: Box) -> None:
    first = shown(box, "content:x:")
    arrival = Arrival("usb", "film.tif", Path("film.tif"), "content:x:")
    now = box.clock.utc()
    knows, later = box.journal.arrivals.knows, now + timedelta(seconds=60)
    assert knows(arrival, later)  # nobody has discarded it
    assert box.journal.arrivals.has("usb", "film.tif", "content:x:")
    box.convert()
    queue.hold(box.journal, first.item_id, who="Sari")
    queue.discard(box.journal, first.item_id, reason="no", who="Sari")
    assert knows(arrival)
    assert knows(arrival, now)
    assert not knows(arrival, later)
    assert not box.journal.arrivals.has("usb", "film.tif", "content:x:")
    assert box.journal.arrivals.is_proved("usb", "film.tif", "content:x:")


# --- what was set aside for its name -------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Junk(name="._a.tif"), IsSidecar(name="a.txt")])
def test_an_export_is_not_lost_by_a_helper_file_of_the_same_bytes(
    box: Box, verdict: Ignored
) -> None:
    aside = box.accept("helper", CONTENT, verdict=verdict)
    assert box.accept("helper2", CONTENT, verdict=verdict) == aside
    export = box.accept("a.tif", CONTENT)
    assert (export.id, export.state) == (2, ItemState.ARRIVED)
    assert box.accept("b.tif", CONTENT) == export


# --- made for tests, and of a patient ------------------------------------------------------------


def test_what_was_invented_is_not_the_image_of_a_modality(box: Box) -> None:
    for_tests(box)
    first = box.accept("film.tif", CONTENT, source="practice")
    box.convert()
    box.identify(INVENTED)
    box.route("tests")
    real = box.accept("film.tif", CONTENT, source="cr")
    assert (real.id, real.state) == (2, ItemState.ARRIVED)
    assert history(box, first.id)[-1] == "Came again as film.tif from cr; that is item 2."
    assert box.accept("more.tif", CONTENT, source="cr") == real


@pytest.mark.parametrize("state", [ItemState.ARRIVED, ItemState.CONVERTED, ItemState.HELD])
def test_nor_is_what_will_be(box: Box, state: ItemState) -> None:
    for_tests(box)
    first = box.accept("film.tif", CONTENT, source="practice")
    if state is not ItemState.ARRIVED:
        box.convert()
    if state is ItemState.HELD:
        queue.hold(box.journal, first.id, who="Sari")
    assert box.accept("film.tif", CONTENT, source="cr").id != first.id


def test_two_sources_for_tests_bring_one_image(box: Box) -> None:
    for_tests(box, "practice", "other")
    first = box.accept("film.tif", CONTENT, source="practice")
    box.convert()
    box.identify(INVENTED)
    assert box.accept("film.tif", CONTENT, source="other").id == first.id
    assert box.accept("again.tif", CONTENT, source="practice").id == first.id


def test_what_a_source_for_tests_shows_of_a_modality_is_that_image(box: Box) -> None:
    for_tests(box)
    first = box.accept("film.tif", CONTENT, source="cr")
    assert box.accept("film.tif", CONTENT, source="practice").id == first.id


def test_a_source_is_for_tests_as_long_as_the_settings_say_so(box: Box) -> None:
    for_tests(box)
    first = box.accept("film.tif", CONTENT, source="practice")
    assert box.journal.promotions.look({}, {}, {"practice": "production"}) == []
    assert box.accept("film.tif", CONTENT, source="cr").id == first.id


def for_tests(box: Box, *names: str) -> None:
    sources = dict.fromkeys(names or ("practice",), "test") | {"cr": "production"}
    assert box.journal.promotions.look({}, {}, sources) == []


# --- what was a duplicate ------------------------------------------------------------------------


def merged(box: Box) -> tuple[Item, Accepted]:
    """A film that is done, and the same image as a modality stored it."""
    first = box.item(ItemState.DONE, "stick.dcm")
    second = stored(box)
    box.convert()
    item = box.claim(ItemState.CONVERTED)
    box.journal.items.merge(item, first, Duplicate(name=item.name, first=first.name))
    return first, second


def asked(box: Box) -> list[tuple[int, int]]:
    """What a storage commitment request would be told: given up, proved."""
    reference = Reference(CR_IMAGE, "1.2.3")
    box.journal.commitments.ask(
        source="ct",
        called="J",
        calling="CT",
        host="h",
        transaction_uid="9",
        references=[reference],
    )
    (asking,) = box.journal.commitments.open()
    return [(fate.given_up, fate.proved) for fate in box.journal.commitments.fates(asking)]


def test_a_duplicate_that_comes_again_is_the_item_that_goes_on_in_its_place(box: Box) -> None:
    first, _ = merged(box)
    assert stored(box) == Accepted(first.id, new=False)
    fate = box.journal.arrivals.fate(Arrival("ct", "CT/1.2.3.dcm", Path(), "content:x:"))
    assert fate is not None
    assert (fate["done"], fate["stuck"]) == (1, "")


def test_and_what_was_proved_of_it_stays_proved(box: Box) -> None:
    merged(box)
    before = asked(box)
    stored(box)
    assert asked(box) == before


def test_by_any_other_way_too(box: Box) -> None:
    first = box.accept("one.tif", CONTENT, evidence_digest="4711")
    box.convert()
    second = box.accept("two.tif", CONTENT)
    box.convert()
    twins = [box.claim(ItemState.CONVERTED) for _ in range(2)]
    item = next(twin for twin in twins if twin.id == second.id)
    box.journal.items.merge(item, first, Duplicate(name=item.name, first=first.name))
    assert box.accept("three.tif", CONTENT, source="dr") == box.journal.items.get(first.id)


def test_a_copy_that_was_superseded_is_the_better_one(box: Box) -> None:
    box.accept("one.tif", CONTENT)
    old = box.convert()
    queue.hold(box.journal, old.id, who="Sari")
    better = box.accept("two.tif", CONTENT, evidence_digest="4711")
    box.convert()
    box.journal.items.supersede(old, better, Superseded(name=old.name))
    assert box.accept("three.tif", CONTENT).id == better.id


def test_once_the_first_was_discarded_its_duplicate_is_asked_about(box: Box) -> None:
    first = discarded(box)
    box.accept("other.tif", CONTENT, evidence_digest="4711")
    box.convert()
    item = box.claim(ItemState.CONVERTED)
    box.journal.items.merge(item, first, Duplicate(name=item.name, first=first.name))
    again = box.accept("more.tif", CONTENT, evidence_digest="4711")
    assert stands(box, again.id) == ("held", "discarded-before")


def test_a_duplicate_of_nobody_knows_whom_is_itself(box: Box) -> None:
    item = box.item(ItemState.IGNORED, "film.tif")  # its content is its name
    assert box.accept("more.tif", b"film.tif").id == item.id
