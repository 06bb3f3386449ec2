"""A box that does not know what time it is: its clock dates nothing, and it says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from appliance.clock import UNSURE
from appliance.convert import formats
from appliance.desk.candidates import candidates
from appliance.errors import ClockUnsure, NoRoute
from appliance.identify.proof import prove
from appliance.identify.stage import Identify
from appliance.journal.certificates import Holder, Paper
from appliance.journal.spool import Spool
from appliance.model import Claim, Evidence, ItemState, Origin
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.route.values import values
from appliance.settings.load import parse
from appliance.settings.schema import Profile, Retention, Settings
from appliance.status.retention import Housekeeping
from appliance.status.snapshot import take
from tests.builders import headers, identities, objects, pictures
from tests.builders.box import Box
from tests.builders.identities import evidence, order, says
from tests.builders.objects import ARRIVED_AT, PACS, trusted
from tests.builders.scenarios import FILM, OF_SITI
from tests.fakes.worklists import FakeWorklists

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "cr"

[[source]]
name = "trusted"
kind = "folder"
path = "/srv/trusted"
profile = "trusted"

[[profile]]
name = "cr"
modality = "CR"
identity = "worklist"

[[profile]]
name = "trusted"
identity = "trust"
date = ["header", "arrival"]

[[worklist]]
name = "ris"
host = "10.0.0.1"
port = 104
ae_title = "RIS"
sources = ["cr"]
""")
UNDATED = {k: v for k, v in OF_SITI.items() if not k.startswith("Study")}
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """Started a moment ago, without a clock chip."""
    made = Box(tmp_path)
    made.clock.sure = False
    made.clock.is_set(LONG_AGO)
    yield made
    made.close()


def identified(box: Box, said: Evidence, source: str = "cr") -> tuple[str, str]:
    """Where an image that says this comes to stand."""
    item = box.accept(source=source)
    claimed = box.claim(ItemState.ARRIVED)
    box.journal.items.converted(claimed, [box.body(claimed)], said)
    stage = Identify(box.journal, FakeWorklists(box, order()), box.clock)
    while stage.turn(SETTINGS):
        pass
    row = box.journal.ledger.item_row(item.id)
    return row["state"], row["code"]


# --- what comes ----------------------------------------------------------------------------------


def test_it_is_written_down_with_what_comes_and_stays_so(box: Box) -> None:
    item = box.accept()
    box.clock.sure = True
    assert box.journal.items.get(item.id).unsure
    assert not box.accept().unsure
    (_, remark) = box.journal.ledger.history(item.id)
    assert remark["code"] == "clock-unsure"
    assert remark["sentence"].startswith("It came while the clock of this box was not known")


def test_neither_arrival_nor_the_time_of_the_file_is_a_date(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    stored = spool.keep(BytesIO(pictures.tiff(pictures.grey(16))))
    _, found = formats.read(
        stored.path,
        "a.tif",
        Profile(sop_class="CR"),
        sidecars={},
        modified_at=None,
        arrived_at=None,
        make_body=lambda produce: spool.make(produce).path,
    )
    assert not {claim.origin for claim in found.claims} & {Origin.MTIME, Origin.ARRIVAL}


# --- whose it is ---------------------------------------------------------------------------------


def test_a_date_of_its_own_needs_no_clock(box: Box) -> None:
    assert identified(box, evidence(says(**OF_SITI))) == ("identified", "")
    assert identified(box, evidence(says(**FILM, PatientID="1")), "trusted") == ("identified", "")


def test_without_one_a_person_is_asked_for_that_reason(box: Box) -> None:
    assert identified(box, evidence(says(**UNDATED))) == ("held", "clock-unsure")
    assert identified(box, evidence(says(PatientID="1")), "trusted") == ("held", "clock-unsure")
    item = box.journal.items.get(1)
    assert candidates(box.journal, SETTINGS, item) == ()


def test_once_the_time_is_known_what_comes_is_dated_as_ever(box: Box) -> None:
    box.clock.sure = True
    arrived = (Claim(Origin.ARRIVAL, "StudyDate", "20260314"),)
    said = evidence(says(PatientID="1"), arrived)
    assert identified(box, said, "trusted") == ("identified", "")


def test_an_order_is_not_matched_by_a_time_that_nobody_knows() -> None:
    undated = replace(identities.case(says(**UNDATED)), unsure=True)
    with pytest.raises(ClockUnsure):
        prove(undated, [order()])
    dated = replace(identities.case(says(**OF_SITI)), unsure=True)
    late = replace(dated, arrived_at=dated.arrived_at - timedelta(days=2000))
    assert prove(late, [order()])


# --- where it goes -------------------------------------------------------------------------------


def routed(folder: Path, **said: str) -> Case:
    claims = tuple(Claim(Origin.HEADER, k, v) for k, v in said.items())
    return Case(Evidence(claims), trusted(), None, "cr", ARRIVED_AT, unsure=True)


def test_a_route_by_the_hour_cannot_be_taken(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    found = values(body, routed(tmp_path), ("Modality", "source"))
    assert found["source"] == "cr"
    assert "time" not in found
    for wanted in ("time", "weekday"):
        with pytest.raises(NoRoute, match="clock of this box was not known to be right"):
            values(body, routed(tmp_path), (wanted,))


def test_nothing_in_the_object_is_dated_by_it(tmp_path: Path) -> None:
    made = objects.read(compose(objects.image(tmp_path / "a"), routed(tmp_path), PACS))
    assert "InstanceCreationDate" not in made
    assert "InstanceCreationTime" not in made


def test_a_change_of_an_unknown_time_is_told_in_the_history_alone(tmp_path: Path) -> None:
    sure = Case(Evidence(), trusted(), Profile(set={"SeriesNumber": "7"}), "cr", ARRIVED_AT)
    told = objects.read(compose(headers.came(tmp_path), sure, PACS))
    assert told.OriginalAttributesSequence
    untold = objects.read(compose(headers.came(tmp_path), replace(sure, unsure=True), PACS))
    assert untold.SeriesNumber == 7
    assert "OriginalAttributesSequence" not in untold


# --- what is told, and what is left alone --------------------------------------------------------


def test_the_page_and_the_status_say_so(box: Box) -> None:
    look = take(box.journal, SETTINGS, (), box.clock)
    assert look.document()["clock"] == "unsure"
    assert [notice.code for notice in look.notices] == ["clock-not-set"]
    box.clock.sure = True
    look = take(box.journal, SETTINGS, (), box.clock)
    assert (look.document()["clock"], look.notices) == ("sure", ())


def test_no_certificate_is_said_to_have_ended(box: Box) -> None:
    holder = Holder("destination", "pacs", "theirs")
    box.journal.certificates.seen(Paper(holder, "CN=pacs", "AB", LONG_AGO - timedelta(days=1)))
    codes = {notice.code for notice in take(box.journal, SETTINGS, (), box.clock).notices}
    assert codes == {"clock-not-set"}


def test_nothing_is_let_go_of_for_its_age(box: Box) -> None:
    item = box.item(ItemState.DONE)
    box.clock.passes(days=400)
    custody, orders = box.journal.custody, box.journal.orders
    keeping = Housekeeping(custody, orders, box.paths.spool, box.clock)
    keeping.turn(Settings(retention=Retention(confirmed_days=30, min_free_percent=0)))
    assert box.journal.spool.path(item.sha256).exists()
    box.clock.sure = True
    keeping.turn(Settings(retention=Retention(confirmed_days=30, min_free_percent=0)))
    assert not box.journal.spool.path(item.sha256).exists()


def test_a_workstation_is_always_sure() -> None:
    assert not UNSURE.exists()
