"""A name that is used again: whose text file is it that lies beside the new picture?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.desk.candidates import is_releasable
from appliance.desk.release import release
from appliance.errors import Crashed
from appliance.identify.stage import Identify
from appliance.model import Evidence, ItemState, Origin
from appliance.settings.load import parse
from tests.builders.identities import BUDI, SITI, TODAY, evidence, order, says
from tests.fakes.worklists import FakeWorklists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Item
    from tests.builders.box import Box

SETTINGS = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "trusted"

[[source]]
name = "proved"
kind = "stick"
profile = "proved"

[[source]]
name = "line"
kind = "serial"
path = "/dev/serial/by-id/cr"
baud = 9600
protocol = "zmodem"
profile = "trusted"

[[profile]]
name = "trusted"
modality = "CR"
identity = "trust"

[[profile]]
name = "proved"
modality = "CR"
identity = "worklist"

[[worklist]]
name = "ris"
host = "10.0.0.1"
port = 104
ae_title = "RIS"
sources = ["proved"]
""")

OWN, LIST = "IMG0001.csv", "list.csv"
OF_BUDI = evidence(says(Origin.SIDECAR, **BUDI, **TODAY))
OF_SITI = evidence(says(Origin.SIDECAR, **SITI, **TODAY))
MORNING = datetime(2024, 3, 14, 10, 30, tzinfo=UTC)


class Room:
    """A box that images called IMG0001.png come to, with the text files that lie beside each."""

    def __init__(self, box: Box) -> None:
        box.clock.is_set(MORNING)
        self.box = box
        budis = order(BUDI, AccessionNumber="A2", StudyInstanceUID="1.2.3", key="k2")
        self.stage = Identify(box.journal, FakeWorklists(box, order(), budis), box.clock)
        self._number = count()

    def comes(
        self,
        picture: str,
        said: Evidence,
        beside: Mapping[str, str],
        *,
        source: str = "cr",
        name: str = "IMG0001.png",
        file: str = "",
    ) -> Item:
        """`beside`: what the text files hold; `file`: other bytes with the same pixels."""
        item = self.box.accept(
            name,
            (file or picture).encode(),
            source=source,
            evidence_digest=str(next(self._number)),
            sidecars={each: text.encode() for each, text in beside.items()},
        )
        claimed = self.box.claim(ItemState.ARRIVED)
        body = replace(self.box.body(claimed), digest=f"{picture:0>64}")
        self.box.journal.items.converted(claimed, [body], said)
        while self.stage.turn(SETTINGS):
            pass
        return item

    def stands(self, item: Item) -> tuple[str, str]:
        row = self.box.journal.ledger.item_row(item.id)
        return row["state"], row["code"]

    def patient(self, item: Item) -> str:
        identity = self.box.journal.items.get(item.id).identity
        return identity.values["PatientID"] if identity else ""


@pytest.fixture
def room(box: Box) -> Room:
    return Room(box)


DOUBTED = ("held", "sidecar-of-another")
GOES = ("identified", "")


@pytest.mark.parametrize("source", ["cr", "proved"])
def test_the_text_file_of_the_image_before_names_nobody(room: Room, source: str) -> None:
    """Neither where it is trusted, nor by two identifiers: they agree with the order before."""
    first = room.comes("1", OF_BUDI, {OWN: "budi"}, source=source)
    again = room.comes("2", OF_BUDI, {OWN: "budi"}, source=source)
    assert (room.stands(first), room.patient(first)) == (GOES, "4712")
    assert (room.stands(again), room.patient(again)) == (DOUBTED, "")
    assert room.box.journal.ledger.item_row(again.id)["sentence"] == (
        "The text file beside IMG0001.png says patient 4712, SANTOSO^BUDI, 19751231, but it is "
        "the one that came with another image of the same name (item 1)."
    )
    assert is_releasable(room.box.journal, queue.show(room.box.journal, again.id))


def test_the_first_one_is_not_in_doubt_for_what_came_after_it(room: Room) -> None:
    undated = Evidence(tuple(c for c in OF_BUDI.claims if not c.keyword.startswith("Study")))
    first = room.comes("1", undated, {OWN: "budi"})
    assert room.stands(first) == ("held", "no-date")
    assert room.stands(room.comes("2", undated, {OWN: "budi"})) == DOUBTED
    queue.retry(room.box.journal, first.id, who="Sari")
    claimed = room.box.claim(ItemState.ARRIVED)
    room.box.journal.items.converted(claimed, [room.box.body(claimed)], OF_BUDI)
    assert room.stage.turn(SETTINGS)
    assert room.stands(first) == GOES


@pytest.mark.parametrize(
    ("name", "source"), [("IMG0002.png", "cr"), ("exam/IMG0001.png", "cr"), ("IMG0001.png", "dr")]
)
def test_another_name_is_none_that_is_used_again(room: Room, name: str, source: str) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"}, source="elsewhere")
    room.comes("2", OF_BUDI, {OWN: "budi"}, name=name, source=source)
    assert room.stands(room.comes("3", OF_BUDI, {OWN: "budi"})) == GOES


def test_a_text_file_of_its_own_counts_also_for_the_same_patient(room: Room) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"})
    assert room.stands(room.comes("2", OF_SITI, {OWN: "siti"})) == GOES
    assert room.stands(room.comes("3", OF_SITI, {OWN: "siti, again"})) == GOES


def test_any_image_before_counts_not_only_the_last(room: Room) -> None:
    """Of two sticks in turn, each has its own old files."""
    room.comes("1", OF_BUDI, {OWN: "budi"})
    room.comes("2", OF_SITI, {OWN: "siti"})
    assert room.stands(room.comes("3", OF_BUDI, {OWN: "budi"})) == DOUBTED


def test_what_was_set_aside_as_the_same_image_counts_too(room: Room) -> None:
    """Its export is another item's now, which came with another text file."""
    room.comes("1", OF_BUDI, {OWN: "budi"})
    copy = room.comes("1", OF_BUDI, {OWN: "budi, exported again"})
    assert room.stands(copy) == ("ignored", "duplicate")
    assert room.stands(room.comes("2", OF_BUDI, {OWN: "budi, exported again"})) == DOUBTED


def test_what_was_discarded_counts_too(room: Room) -> None:
    first = room.comes("1", Evidence(OF_BUDI.claims[:1]), {OWN: "budi"})
    queue.discard(room.box.journal, first.id, reason="a test", who="Sari")
    assert room.stands(room.comes("2", OF_BUDI, {OWN: "budi"})) == DOUBTED


def test_of_what_was_never_read_the_text_file_alone_is_known(room: Room) -> None:
    room.box.accept("IMG0001.png", b"1", sidecars={OWN: b"budi"})
    broken = room.box.claim(ItemState.ARRIVED)
    room.box.journal.items.stop(broken, Crashed(name=broken.name, how="SIGSEGV"))
    assert room.stands(room.comes("2", OF_BUDI, {OWN: "budi"})) == DOUBTED


def test_the_same_picture_in_other_bytes_is_no_other_image(room: Room) -> None:
    first = room.comes("1", OF_BUDI, {OWN: "budi"})
    again = room.comes("1", OF_BUDI, {OWN: "budi"}, file="saved anew")
    assert room.stands(first) == GOES
    assert room.stands(again) == ("ignored", "duplicate")


# --- what is no sidecar's word -------------------------------------------------------------------


@pytest.mark.parametrize("origin", [Origin.HEADER, Origin.FILENAME])
def test_what_an_image_says_itself_is_never_in_doubt(room: Room, origin: Origin) -> None:
    said = Evidence((*OF_BUDI.claims, *says(origin, **BUDI, **TODAY)))
    room.comes("1", said, {OWN: "budi"})
    assert room.stands(room.comes("2", said, {OWN: "budi"})) == GOES
    assert room.stands(room.comes("3", said, {LIST: "budi"})) == GOES


def test_what_it_does_not_say_itself_is(room: Room) -> None:
    """Else it would get the accession number of another exam."""
    own = says(**BUDI, **TODAY)
    said = Evidence((*own, *says(Origin.SIDECAR, AccessionNumber="A2")))
    room.comes("1", said, {OWN: "A2"})
    assert room.stands(room.comes("2", said, {OWN: "A2"})) == DOUBTED


def test_what_a_device_says_of_itself_is_the_same_beside_each_image(room: Room) -> None:
    beside = says(Origin.SIDECAR, StationName="CR2", KVP="60", **TODAY)
    room.comes("1", Evidence((*says(**BUDI), *beside)), {OWN: "CR2"})
    other = room.comes("2", Evidence((*says(**SITI), *beside)), {OWN: "CR2"})
    assert (room.stands(other), room.patient(other)) == (GOES, "4711")
    both = {OWN: "siti", "IMG0001.xml": "CR2"}
    said = Evidence((*OF_SITI.claims, *says(Origin.SIDECAR, StationName="CR2")))
    assert room.stands(room.comes("3", said, both)) == GOES


def test_the_old_one_of_two_is_in_doubt_whatever_the_new_one_adds(room: Room) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"})
    said = Evidence((*OF_BUDI.claims, *says(Origin.SIDECAR, KVP="60")))
    assert room.stands(room.comes("2", said, {OWN: "budi", "IMG0001.xml": "60"})) == DOUBTED


def test_what_comes_over_a_line_was_said_just_now(room: Room) -> None:
    room.comes("1", OF_BUDI, {"m.hl7": "budi"}, source="line")
    assert room.stands(room.comes("2", OF_BUDI, {"m.hl7": "budi"}, source="line")) == GOES


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["IMG0001 budi", "IMG0001 budi, IMG0002 ani"])
def test_the_old_line_of_a_list_names_nobody_however_the_list_grew(
    room: Room, content: str
) -> None:
    room.comes("1", OF_BUDI, {LIST: "IMG0001 budi"})
    assert room.stands(room.comes("2", OF_BUDI, {LIST: content})) == DOUBTED


def test_a_new_line_counts(room: Room) -> None:
    room.comes("1", OF_BUDI, {LIST: "IMG0001 budi"})
    assert room.stands(room.comes("2", OF_SITI, {LIST: "IMG0001 siti"})) == GOES
    said = Evidence((*OF_SITI.claims, *says(Origin.SIDECAR, AccessionNumber="A7")))
    assert room.stands(room.comes("3", said, {LIST: "IMG0001 siti A7"})) == GOES


# --- when the right one comes after all ----------------------------------------------------------


def test_its_own_text_file_takes_the_place_of_the_old_one(room: Room) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"})
    doubted = room.comes("2", OF_BUDI, {OWN: "budi"})
    right = room.comes("2", OF_SITI, {OWN: "siti"})
    assert room.stands(doubted) == ("ignored", "superseded")
    assert (room.stands(right), room.patient(right)) == (GOES, "4711")
    assert len(room.box.journal.ledger.arrivals_of(right.id)) == 2
    assert room.stands(room.comes("3", OF_SITI, {OWN: "siti"})) == DOUBTED


@pytest.mark.parametrize("source", ["cr", "dr"])
def test_whoever_brings_the_picture_another_way_contradicts_it(room: Room, source: str) -> None:
    """He may have the wrong text file as well."""
    room.comes("1", OF_BUDI, {OWN: "budi"})
    doubted = room.comes("2", OF_BUDI, {OWN: "budi"})
    name = "other.png" if source == "cr" else "IMG0001.png"
    other = room.comes("2", OF_SITI, {"other.csv": "siti"}, source=source, name=name)
    assert room.stands(doubted) == room.stands(other) == ("held", "identity-conflict")


def test_nothing_takes_the_place_of_what_is_held_for_another_reason(room: Room) -> None:
    undated = Evidence(OF_BUDI.claims[:4])
    first = room.comes("2", undated, {OWN: "budi"})
    other = room.comes("2", OF_SITI, {OWN: "siti"})
    assert room.stands(first) == room.stands(other) == ("held", "identity-conflict")


def test_what_a_person_said_stays(room: Room) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"})
    doubted = room.comes("2", OF_BUDI, {OWN: "budi"})
    said = {"PatientID": "4713", "PatientName": "WATI^ANI"}
    release(room.box.journal, SETTINGS, doubted.id, said, who="Sari")
    late = room.comes("2", OF_SITI, {OWN: "siti"})
    assert (room.stands(doubted)[0], room.patient(doubted)) == ("identified", "4713")
    assert room.stands(late) == ("held", "identity-conflict")


def test_to_read_it_again_proves_nothing(room: Room) -> None:
    room.comes("1", OF_BUDI, {OWN: "budi"})
    doubted = room.comes("2", OF_BUDI, {OWN: "budi"})
    queue.retry(room.box.journal, doubted.id, who="Sari")
    claimed = room.box.claim(ItemState.ARRIVED)
    room.box.journal.items.converted(claimed, [room.box.body(claimed)], OF_BUDI)
    assert room.stage.turn(SETTINGS)
    assert room.stands(doubted) == DOUBTED
