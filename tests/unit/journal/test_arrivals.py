from __future__ import annotations

import io
import sqlite3
from typing import TYPE_CHECKING

import pytest

from appliance.errors import Incomplete, IsSidecar, UnsupportedFormat
from appliance.journal.database import queries
from appliance.model import Arrival, ConfirmedBy, ItemState

if TYPE_CHECKING:
    from appliance.model import Item
    from tests.builders.box import Box


def fingerprints(box: Box, item: Item) -> list[str]:
    return [row["fingerprint"] for row in box.journal.ledger.arrivals_of(item.id)]


def unsettled(box: Box, source: str = "cr") -> list[str]:
    return [file.name for file in box.journal.arrivals.proved(source)]


def test_what_is_accepted_is_there_with_its_bytes(box: Box) -> None:
    item = box.accept("a/film.tif", b"pixels", sidecars={"a/film.csv": b"4711"})
    assert (item.name, item.source, item.size_bytes) == ("a/film.tif", "cr", 6)
    assert item.state is ItemState.ARRIVED
    assert box.journal.spool.path(item.sha256).read_bytes() == b"pixels"
    assert box.journal.spool.path(item.sidecars["a/film.csv"]).read_bytes() == b"4711"


def test_the_same_key_is_the_same_item_and_both_arrivals_are_known(box: Box) -> None:
    first = box.accept("one.tif", b"pixels")
    again = box.accept("two.tif", b"pixels", source="dr")
    assert again == first
    assert fingerprints(box, first) == ["file 1", "file 2"]
    assert box.journal.ledger.history(first.id)[-1]["sentence"] == "Came again as two.tif from dr."


def test_other_evidence_makes_another_item_of_the_same_bytes(box: Box) -> None:
    first = box.accept("one.tif", b"pixels", evidence_digest="4711")
    other = box.accept("two.tif", b"pixels", evidence_digest="4712")
    assert other.id != first.id
    assert other.sha256 == first.sha256


def test_a_file_is_known_until_its_fingerprint_changes(box: Box) -> None:
    box.accept("one.tif")
    path = box.paths.root / "export" / "one.tif"
    assert box.journal.arrivals.knows(Arrival("cr", "one.tif", path, "file 1"))
    assert not box.journal.arrivals.knows(Arrival("cr", "one.tif", path, "file 2"))
    assert not box.journal.arrivals.knows(Arrival("dr", "one.tif", path, "file 1"))


def test_what_lay_beside_the_images_of_a_name_is_known(box: Box) -> None:
    kept = [box.accept("one.tif", b"%d" % n, sidecars={"one.csv": b"%d" % n}) for n in range(101)]
    box.accept("two.tif", b"two", sidecars={"two.csv": b"two"})
    path = box.paths.root / "export" / "one.tif"
    found = box.journal.arrivals.sidecars_before(Arrival("cr", "one.tif", path, "any"))
    assert found == {item.sidecars["one.csv"] for item in kept[1:]}
    assert not box.journal.arrivals.sidecars_before(Arrival("dr", "one.tif", path, "any"))


def test_what_has_another_name_is_not_looked_at_to_find_what_has_the_same(box: Box) -> None:
    """Of 50,000 images of as many names that takes no time, and else a second."""
    connection = box.journal._db._connection  # noqa: SLF001
    names = ("source", "name", "item_id", "sha256", "sidecars", "listed", "most")
    for query in ("namesakes", "sidecars_of_name"):
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {queries()[query]}", dict.fromkeys(names, "1")
        ).fetchall()
        steps = [row["detail"] for row in plan]
        assert any(step.startswith("SEARCH arrival USING INDEX") for step in steps)
        assert "SEARCH item USING INTEGER PRIMARY KEY (rowid=?)" in steps
        assert not [step for step in steps if step.startswith(("SCAN item", "SCAN body"))]


def test_its_bytes_are_brought_again_where_they_are_gone(box: Box) -> None:
    item = box.accept("one.tif", b"pixels")
    arrival = Arrival("cr", "one.tif", box.paths.root / "export" / "one.tif", "file 1")
    stored = box.journal.arrivals.stored(arrival)
    assert stored is not None
    assert stored.path.read_bytes() == b"pixels"
    box.journal.spool.path(item.sha256).unlink()
    assert box.journal.arrivals.stored(arrival) is None


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (UnsupportedFormat(name="letter.doc", detail="a letter"), ItemState.QUARANTINED),
        (IsSidecar(name="letter.doc"), ItemState.IGNORED),
    ],
)
def test_a_verdict_sets_the_item_aside_at_once(
    box: Box, verdict: UnsupportedFormat | IsSidecar, state: ItemState
) -> None:
    item = box.accept("letter.doc", verdict=verdict)
    assert item.state is state
    told = box.journal.ledger.history(item.id)[0]
    assert (told["code"], told["sentence"]) == (verdict.code, verdict.sentence)
    assert box.journal.items.claim(ItemState.ARRIVED) is None


def test_what_was_cut_off_goes_on_when_the_same_bytes_come_whole(box: Box) -> None:
    cut = Incomplete(name="one.tif", detail="it stops")
    first = box.accept("one.tif", b"pixels", verdict=cut)
    assert box.accept("two.tif", b"pixels", verdict=cut).state is ItemState.QUARANTINED
    assert box.accept("three.tif", b"pixels").state is ItemState.ARRIVED
    assert len(fingerprints(box, first)) == 3


def test_what_cannot_be_used_does_not_go_on_because_it_comes_again(box: Box) -> None:
    box.accept("one.doc", b"text", verdict=UnsupportedFormat(name="one.doc", detail="a letter"))
    assert box.accept("two.doc", b"text").state is ItemState.QUARANTINED


def test_accepting_is_all_or_nothing(box: Box) -> None:
    broken = Arrival("cr", "one.tif", box.paths.root, fingerprint=None)  # type: ignore[arg-type]
    stored = box.journal.spool.keep(io.BytesIO(b"pixels"))
    with pytest.raises(sqlite3.IntegrityError):
        box.journal.arrivals.add(
            broken, stored, evidence_digest="", sidecars={}, modified_at=box.clock.utc()
        )
    assert box.journal.ledger.item_counts() == {}


def test_a_source_file_is_due_when_its_item_is_done(box: Box) -> None:
    box.item(ItemState.DONE, "done.tif")
    box.item(ItemState.QUARANTINED, "letter.doc")
    box.item(ItemState.ROUTED, "underway.tif")
    assert unsettled(box) == ["done.tif"]
    assert unsettled(box, "dr") == []
    assert [file.name for file in box.journal.arrivals.unusable("cr")] == ["letter.doc"]


def test_a_settled_file_is_settled_for_good(box: Box) -> None:
    box.item(ItemState.DONE)
    box.journal.arrivals.settle(box.journal.arrivals.proved("cr")[0].id, "deleted")
    assert unsettled(box) == []


def test_a_mere_response_is_no_reason_to_touch_the_source_file(box: Box) -> None:
    box.item(ItemState.ROUTED)
    box.send()
    box.confirm(by=ConfirmedBy.RESPONSE)
    assert box.journal.ledger.item_counts() == {"done": 1}
    assert unsettled(box) == []


def test_one_destination_without_proof_keeps_the_source_file(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    box.route("pacs", "cloud")
    box.send("pacs")
    box.confirm("pacs")
    assert unsettled(box) == []
    box.send("cloud")
    box.confirm("cloud", ConfirmedBy.RESPONSE)
    assert unsettled(box) == []
