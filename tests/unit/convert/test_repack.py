"""The stage that makes pixels anew: what goes wrong costs the one delivery, or nothing at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.convert import frames, unpack
from appliance.convert.repack import Repack
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.errors import MixedPatients, Recoding, WorkerDied
from appliance.model import BodyKind, ItemState, Slice
from appliance.route.recompose import Recompose
from tests.builders import part10
from tests.builders.box import NAMED, SITI, Box
from tests.unit.convert.test_worker import killed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Item

RLE = "1.2.840.10008.1.2.5"
WHY = Recoding(peer="PACS", wanted="that", syntax="this")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.close()


def wished(box: Box, wanted: str, content: bytes | None = None, syntax: str = EXPLICIT_LE) -> Item:
    """A data set whose one delivery is to be made anew."""
    whole = content or part10.film("1.2.3.4", syntax=syntax)
    item = box.accept(content=whole)
    start = len(part10.meta("1.2.3.4", syntax))
    body = replace(
        box.body(item),
        kind=BodyKind.DATASET,
        transfer_syntax_uid=syntax,
        slices=(Slice(box.journal.spool.path(item.sha256), start, len(whole) - start),),
    )
    box.journal.items.converted(box.claim(ItemState.ARRIVED), [body], NAMED)
    box.identify(SITI)
    claimed = box.claim(ItemState.IDENTIFIED)
    instance = replace(box.compose(item), transfer_syntax_uid=syntax, pieces=body.slices)
    box.journal.items.routed(claimed, {"pacs": (instance,)})
    box.journal.recodings.ask(box.take_up(), {1: wanted}, WHY, pixels=True)
    return item


def work(box: Box) -> None:
    assert Repack(box.journal).turn()
    Recompose(box.journal).turn()


def state(box: Box, item: Item) -> tuple[str, str]:
    (row,) = box.journal.ledger.deliveries_of(item.id)
    return row["state"], row["code"]


def test_there_is_nothing_to_do_where_nothing_is_asked(box: Box) -> None:
    assert not Repack(box.journal).turn()
    assert not Recompose(box.journal).turn()


def test_what_is_made_is_what_goes(box: Box) -> None:
    item = wished(box, RLE)
    work(box)
    assert state(box, item) == ("prepared", "recoded")
    (instance,) = box.take_up().instances
    assert instance.transfer_syntax_uid == RLE


def test_what_cannot_be_compressed_goes_as_it_is(box: Box) -> None:
    shortened = part10.film("1.2.3.4")[:-2]
    item = wished(box, RLE, shortened[:-640] + part10.element(0x7FE00010, "OW", bytes(638)))
    work(box)
    assert state(box, item) == ("prepared", "not-compressed")
    (instance,) = box.take_up().instances
    assert instance.transfer_syntax_uid == EXPLICIT_LE


@pytest.mark.parametrize("stage", [Repack, Recompose], ids=["to convert", "to compose"])
def test_bytes_that_are_gone_are_missed(box: Box, stage: type[Repack | Recompose]) -> None:
    item = wished(box, IMPLICIT_LE, syntax=part10.EXPLICIT_BE)
    if stage is Recompose:
        assert Repack(box.journal).turn()
    box.journal.spool.path(item.sha256).unlink()
    assert stage(box.journal).turn()
    assert state(box, item) == ("held", "bytes-gone")


def test_bytes_that_are_short_are_missed_too(box: Box) -> None:
    item = wished(box, IMPLICIT_LE, syntax=part10.EXPLICIT_BE)
    path = box.journal.spool.path(item.sha256)
    path.write_bytes(path.read_bytes()[:-400])
    assert Repack(box.journal).turn()
    assert state(box, item)[0] == "held"


def test_a_header_that_makes_no_sense_is_held_with_a_sentence(box: Box) -> None:
    item = wished(box, IMPLICIT_LE, part10.meta("1.2.3.4") + b"\x08\0\x18\0XX no element")
    work(box)
    assert state(box, item) == ("held", "cannot-recode")


def test_what_takes_its_converter_down_is_held_in_the_end(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = wished(box, IMPLICIT_LE, syntax=part10.EXPLICIT_BE)
    monkeypatch.setattr(unpack, "unpacked", lambda *_: killed(None))  # type: ignore[arg-type]
    for _ in range(3):
        service = box.again("convert")
        with pytest.raises(WorkerDied):
            Repack(service.journal).turn()
        service.close()
        box.journal.custody.free_the_dead()
    assert state(box, item)[0] == "waiting"
    assert Repack(box.journal).turn()
    assert state(box, item) == ("held", "cannot-recode")


def test_a_decoder_that_crashes_costs_its_delivery_only(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashes(*_: object) -> None:
        raise AssertionError

    item = wished(box, IMPLICIT_LE, syntax=part10.EXPLICIT_BE)
    monkeypatch.setattr(unpack, "_turned", crashes)
    work(box)
    assert state(box, item) == ("held", "cannot-recode")
    assert box.journal.items.get(item.id).state is ItemState.ROUTED


@pytest.mark.parametrize("stage", [Repack, Recompose], ids=["convert", "compose"])
def test_what_is_doubted_meanwhile_stays_held(
    box: Box, monkeypatch: pytest.MonkeyPatch, stage: type[Repack | Recompose]
) -> None:
    item = wished(box, IMPLICIT_LE, syntax=part10.EXPLICIT_BE)
    if stage is Recompose:
        assert Repack(box.journal).turn()
    box.journal.items.kin(item, ["1.2.4"], {"PatientID": "1"})
    verb = "made" if stage is Repack else "composed"
    real = getattr(box.journal.recodings, verb)

    def doubted_first(*facts: object) -> None:
        other = replace(item, id=item.id + 1)
        box.journal.items.hold_kin(other, ["1.2.4"], MixedPatients(them="1 and 2"))
        real(*facts)

    monkeypatch.setattr(box.journal.recodings, verb, doubted_first)
    assert stage(box.journal).turn()
    assert state(box, item) == ("held", "mixed-patients")


def test_every_lossy_and_lossless_syntax_that_comes_is_known() -> None:
    for last in ("50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203"):
        assert frames.known(f"1.2.840.10008.1.2.4.{last}")
    assert frames.known(RLE)
    assert not frames.known(EXPLICIT_LE)
