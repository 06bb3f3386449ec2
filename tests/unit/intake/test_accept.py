"""The moment a file becomes ours, and when it does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.errors import ChangedMeanwhile, Incomplete
from appliance.intake.accept import Intake, evidence_digest, fingerprint, shown_name
from appliance.model import Arrival, ItemState
from appliance.settings.schema import Profile
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = Profile("cr", filename=r"(?P<PatientID>[^_]+)_")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path / "box")
    yield made
    made.close()


def arrival(path: Path, content: bytes = b"film", source: str = "cr") -> Arrival:
    path.write_bytes(content)
    return Arrival(source, path.name, path, fingerprint(path.lstat()))


def test_an_accepted_file_is_in_the_spool_and_in_the_journal(box: Box, tmp_path: Path) -> None:
    accepted = Intake(box.journal).accept(arrival(tmp_path / "P1_a.tif"), NAMES)
    item = box.journal.items.get(accepted.item_id)
    assert accepted.new
    assert box.journal.spool.path(item.sha256).read_bytes() == b"film"
    assert (item.name, item.size_bytes, item.state) == ("P1_a.tif", 4, ItemState.ARRIVED)
    assert box.journal.custody.verify() == []


@pytest.mark.parametrize("name", ["P1_a.tif", "P1_b.tif"])
def test_the_same_bytes_for_the_same_patient_are_the_same_item(
    box: Box, tmp_path: Path, name: str
) -> None:
    intake = Intake(box.journal)
    first = intake.accept(arrival(tmp_path / "P1_a.tif"), NAMES)
    second = intake.accept(arrival(tmp_path / name), NAMES)
    assert (second.item_id, second.new) == (first.item_id, False)


def test_the_same_bytes_by_another_source_are_the_same_item(box: Box, tmp_path: Path) -> None:
    intake = Intake(box.journal)
    first = intake.accept(arrival(tmp_path / "P1_a.tif"), NAMES)
    second = intake.accept(arrival(tmp_path / "P1_b.tif", source="stick"), NAMES)
    assert second.item_id == first.item_id
    assert len(box.journal.ledger.arrivals_of(first.item_id)) == 2


def test_the_same_bytes_for_another_patient_are_another_item(box: Box, tmp_path: Path) -> None:
    intake = Intake(box.journal)
    first = intake.accept(arrival(tmp_path / "P1_a.tif"), NAMES)
    second = intake.accept(arrival(tmp_path / "P2_a.tif"), NAMES)
    assert second.item_id != first.item_id


def test_a_sidecar_is_kept_with_its_image_and_counts_as_evidence(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"PatientID": "P1"}')
    film = arrival(tmp_path / "a.tif")
    accepted = Intake(box.journal).accept(film, None, [tmp_path / "a.json"])
    sidecars = box.journal.items.get(accepted.item_id).sidecars
    spooled = box.journal.spool.path(sidecars["a.json"])
    assert spooled.read_text() == '{"PatientID": "P1"}'
    assert evidence_digest(None, "a.tif", sidecars) != evidence_digest(None, "a.tif", {})
    assert box.journal.custody.verify() == []


def test_a_file_that_changed_since_it_was_looked_at_is_not_taken(box: Box, tmp_path: Path) -> None:
    film = arrival(tmp_path / "a.tif")
    film.path.write_bytes(b"film and more")
    with pytest.raises(ChangedMeanwhile):
        Intake(box.journal).accept(film, None)
    assert box.journal.ledger.item_counts() == {}
    assert box.journal.custody.verify() == []


def test_a_link_is_not_followed(box: Box, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a.tif").symlink_to(tmp_path / "secret")
    film = Arrival("cr", "a.tif", tmp_path / "a.tif", fingerprint(os.lstat(tmp_path / "a.tif")))
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        Intake(box.journal).accept(film, None)


def test_what_cannot_be_used_is_kept_with_its_reason(box: Box, tmp_path: Path) -> None:
    verdict = Incomplete(name="a.tif", detail="it stops at byte 4")
    accepted = Intake(box.journal).accept(arrival(tmp_path / "a.tif"), None, (), verdict)
    item = box.journal.items.get(accepted.item_id)
    assert item.state is ItemState.QUARANTINED
    assert box.journal.spool.path(item.sha256).read_bytes() == b"film"
    ((code, sentence),) = [(r["code"], r["sentence"]) for r in box.journal.ledger.attention()]
    assert (code, sentence) == ("incomplete", "a.tif ends too early: it stops at byte 4.")


def test_a_name_says_nothing_without_a_pattern() -> None:
    assert evidence_digest(None, "P1_a.tif", {}) == ""
    assert evidence_digest(Profile("cr"), "P1_a.tif", {}) == ""
    assert evidence_digest(NAMES, "nothing.tif", {}) == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("SITI Ümlaut 患者.dcm", "SITI Ümlaut 患者.dcm"),
        ("100 %.dcm", "100 %.dcm"),
        ("two\nlines\x1b[31m", "two%0Alines%1B[31m"),
        ("right\u202eto left", "right%E2%80%AEto left"),
        (os.fsdecode(b"latin \xfc.dcm"), "latin %FC.dcm"),
    ],
)
def test_a_name_is_shown_without_what_cannot_be_seen_or_decoded(name: str, shown: str) -> None:
    assert shown_name(name) == shown
    shown.encode()
