"""Files that have pages in common: none is lost, and a page that came twice is one object."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.desk.release import release
from appliance.errors import Refused
from appliance.forward.lane import Lane
from appliance.identify.stage import Identify
from appliance.identify.worklist import Worklists
from appliance.intake.accept import Intake, fingerprint
from appliance.model import Arrival, ConfirmedBy, DeliveryState, ItemState
from appliance.route.stage import Routing
from appliance.settings.links import After, FolderLink
from appliance.settings.load import parse
from appliance.settings.schema import Confirm, Destination
from appliance.sources.aftercare import Aftercare
from tests.builders import objects, pictures
from tests.builders.box import Box
from tests.peers.committing import Committing
from tests.peers.scripted import peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Instance, Item

SETTINGS = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "named"

[[source]]
name = "stick"
kind = "stick"
profile = "named"

[[source]]
name = "scanner"
kind = "folder"
path = "/srv/scanner"
profile = "unnamed"

[[profile]]
name = "unnamed"
modality = "CR"
sop_class = "CR"

[[profile]]
name = "named"
modality = "CR"
sop_class = "CR"
identity = "trust"
filename = '(?P<PatientID>P[0-9]+)_(?P<StudyDate>[0-9]{8})'
date = ["filename"]

[[destination]]
name = "pacs"
host = "10.0.0.2"
port = 104
ae_title = "PACS"
""")
PAGES = {letter: pictures.grey(8, film=n) for n, letter in enumerate("abcd")}


class Export:
    """A folder, and the road from there to the PACS."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "export"
        self.folder.mkdir()
        self.box = Box(root / "box")
        journal = self.box.journal
        self.identify = Identify(journal, Worklists(journal, self.box.clock), self.box.clock)
        self.routing = Routing(journal)

    def comes(self, name: str, pages: str, source: str = "cr") -> Item:
        """A file with these pages, as far on its way as it gets."""
        path = self.folder / name
        films = [PAGES[letter] for letter in pages]
        path.write_bytes(pictures.tiff_pages(films, compression="deflate"))
        arrival = Arrival(source, name, path, fingerprint(path.lstat()))
        profile = SETTINGS.profile_of(source)
        accepted = Intake(self.box.journal).accept(arrival, profile)
        self.goes()
        return self.box.journal.items.get(accepted.item_id)

    def goes(self) -> None:
        self.box.read(SETTINGS)
        while self.identify.turn(SETTINGS) or self.routing.turn(SETTINGS):
            pass
        self.box.clock.passes(minutes=7)

    def stands(self, item: Item) -> tuple[str, str]:
        row = self.box.journal.ledger.item_row(item.id)
        return row["state"], row["code"]

    def objects(self, item: Item) -> tuple[Instance, ...]:
        (delivery,) = self.box.journal.ledger.deliveries_of(item.id)
        return self.box.journal.deliveries.composed(delivery["id"])

    def cared_for(self) -> set[str]:
        """What is left in the folder once what is proved was deleted."""
        link = FolderLink(name="cr", path=str(self.folder), after=After.DELETE)
        Aftercare(link, SETTINGS.profile_of("cr"), self.box.journal).turn()
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Export]:
    made = Export(tmp_path)
    yield made
    made.box.close()


def test_a_page_more_is_not_lost(export: Export) -> None:
    short = export.comes("P1_20240314_short.tif", "ab")
    long = export.comes("P1_20240314_long.tif", "abc")
    assert export.stands(short) == export.stands(long) == (ItemState.ROUTED, "")
    sent = [np.frombuffer(objects.read(each).PixelData, "u1") for each in export.objects(long)]
    assert all(
        np.array_equal(values[: PAGES[letter].size], PAGES[letter].ravel())
        for values, letter in zip(sent, "abc", strict=True)
    )


@pytest.mark.parametrize("source", ["cr", "stick"])
def test_a_page_that_came_twice_is_one_object(export: Export, source: str) -> None:
    """Of one UID in one series and to the byte, whichever way and whenever it came again."""
    short = export.objects(export.comes("P1_20240314_short.tif", "ab"))
    long = export.objects(export.comes("P1_20240314_long.tif", "abc", source))
    assert [each.number for each in long] == [1, 2, 3]
    assert [each.sop_instance_uid for each in long[:2]] == [
        each.sop_instance_uid for each in short
    ]
    assert [objects.encoding(each) for each in long[:2]] == [
        objects.encoding(each) for each in short
    ]
    assert [objects.read(each).SeriesInstanceUID for each in long] == [
        each.series_instance_uid for each in long
    ]


def test_a_page_less_is_nothing_new(export: Export) -> None:
    export.comes("P1_20240314_long.tif", "abc")
    short = export.comes("P1_20240314_short.tif", "ab")
    assert export.stands(short) == (ItemState.IGNORED, "duplicate")


def test_a_cover_sheet_does_not_make_two_scans_one(export: Export) -> None:
    one = export.comes("one.tif", "ab", "scanner")
    other = export.comes("other.tif", "ac", "scanner")
    assert export.stands(one) == export.stands(other) == (ItemState.HELD, "no-identity")


def test_a_scan_that_lacks_a_page_of_an_unnamed_one_does_not_take_its_place(
    export: Export,
) -> None:
    unnamed = export.comes("unnamed.tif", "ab", "scanner")
    named = export.comes("P1_20240314.tif", "ac")
    assert export.stands(unnamed) == (ItemState.HELD, "no-identity")
    assert export.stands(named) == (ItemState.ROUTED, "")


def test_one_that_has_all_its_pages_does(export: Export) -> None:
    unnamed = export.comes("unnamed.tif", "ab", "scanner")
    named = export.comes("P1_20240314.tif", "abc")
    assert export.stands(unnamed) == (ItemState.IGNORED, "superseded")
    assert export.stands(named) == (ItemState.ROUTED, "")


def test_a_page_of_two_patients_waits_for_a_person(export: Export) -> None:
    one = export.comes("P1_20240314.tif", "ab")
    other = export.comes("P2_20240314.tif", "ac")
    (held,) = export.box.journal.ledger.deliveries_of(one.id)
    assert (held["state"], held["code"]) == (DeliveryState.HELD, "identity-conflict")
    assert export.stands(other) == (ItemState.HELD, "identity-conflict")


def test_a_person_may_release_what_has_a_page_of_its_own(export: Export) -> None:
    said = {"PatientID": "P1", "PatientName": "SITI", "StudyDate": "20240314"}
    short, other, long = (
        export.comes(f"{pages}.tif", pages, "scanner") for pages in ("ab", "ad", "abc")
    )
    release(export.box.journal, SETTINGS, other.id, said, who="Sari")
    release(export.box.journal, SETTINGS, long.id, said, who="Sari")
    with pytest.raises(Refused, match=r"abc.tif \(item 3\) is the same image of this patient"):
        release(export.box.journal, SETTINGS, short.id, said, who="Sari")


def test_a_file_goes_once_all_its_own_pages_are_proved(export: Export) -> None:
    export.comes("P1_20240314_short.tif", "ab")
    export.box.send()
    export.box.confirm(by=ConfirmedBy.FIND)
    export.comes("P1_20240314_long.tif", "abc")
    export.comes("P1_20240314_again.tif", "bc")
    assert export.cared_for() == {"P1_20240314_long.tif", "P1_20240314_again.tif"}
    export.box.send()
    assert export.cared_for() == {"P1_20240314_long.tif", "P1_20240314_again.tif"}
    export.box.confirm(by=ConfirmedBy.FIND)
    assert export.cared_for() == {"P1_20240314_again.tif"}


@pytest.mark.network
def test_a_page_of_two_files_is_asked_about_once_and_proves_both(export: Export) -> None:
    short = export.comes("P1_20240314_short.tif", "ab")
    long = export.comes("P1_20240314_long.tif", "abc")
    pacs = Committing(reports="before")
    with peer(pacs) as there:
        host, port, title = there.target.host, there.target.port, there.target.called
        there_is = Destination("pacs", host, port, title, confirm=Confirm.COMMITMENT)
        journal, clock = export.box.journal, export.box.clock
        with closing(Lane(there_is, there.target, journal, clock, lambda *_: None)) as lane:
            for _ in range(6):
                lane.turn()
                clock.passes(minutes=10)
    assert export.stands(short) == export.stands(long) == (ItemState.DONE, "")
    assert len(pacs.asked[0].uids) == len(set(pacs.asked[0].uids)) == 3
    assert len(pacs.stored) == 5
    assert len(set(pacs.stored)) == 3
