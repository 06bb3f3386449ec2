"""Each object of an item goes where it is routed; what cannot be composed is held there only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.errors import IdentityConflict
from appliance.model import BodyKind, Identity, ItemState, Priority
from appliance.route.stage import Routing
from appliance.settings.conditions import Like
from appliance.settings.links import FolderLink
from appliance.settings.schema import Destination, Environment, Profile, Route, Settings
from tests.builders.box import NAMED, SITI, Box
from tests.builders.objects import SITI as WHOLE
from tests.builders.routable import identified

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Item

PACS, CLOUD = (Destination(name, "h", 104, "PACS") for name in ("pacs", "cloud"))
TESTS = replace(PACS, name="tests", environment=Environment.TEST)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def routed(box: Box, *routes: Route, there: tuple[Destination, ...] = (PACS, CLOUD)) -> None:
    assert Routing(box.journal).turn(Settings(destinations=there, routes=routes))


def delivered(box: Box, destination: str) -> list[int]:
    """The numbers of the objects that go to a destination."""
    (delivery,) = box.journal.deliveries.claim_deliveries(destination, 1)
    return [instance.number for instance in delivery.instances]


def test_each_object_goes_where_it_is_routed(box: Box) -> None:
    item = identified(box, "CR", "OT", "CR")
    routed(box, Route(("pacs",)), Route(("cloud",), {"Modality": Like("OT")}))
    assert delivered(box, "pacs") == [1, 2, 3]
    assert delivered(box, "cloud") == [2]
    assert box.journal.items.get(item.id).state is ItemState.ROUTED


def test_an_object_that_goes_nowhere_holds_the_item(box: Box) -> None:
    item = identified(box, "CR", "OT")
    routed(box, Route(("pacs",), {"Modality": Like("CR")}))
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_what_is_held_while_it_is_routed_stays_held(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = identified(box, "CR")
    other = box.again("convert")
    conflict = IdentityConflict(before="Budi", now="Siti")
    done = box.journal.items.routed

    def meanwhile(*given: Any) -> None:
        other.journal.items.hold_twins([item], conflict)
        done(*given)

    monkeypatch.setattr(box.journal.items, "routed", meanwhile)
    routed(box)
    other.close()
    assert box.journal.items.get(item.id).state is ItemState.HELD
    assert not box.journal.ledger.deliveries_of(item.id)


def test_routes_see_what_the_profile_makes_of_values(box: Box) -> None:
    identified(box, "CR")
    routes = (
        Route(("pacs",), {"Modality": Like("CR")}),
        Route(("cloud",), {"Modality": Like("DX")}),
    )
    profile = Profile("cr", map={"Modality": {"CR": "DX"}})
    source = FolderLink(name="cr", path="/srv/cr", profile="cr")
    settings = Settings(
        sources=(source,), profiles=(profile,), destinations=(PACS, CLOUD), routes=routes
    )
    assert Routing(box.journal).turn(settings)
    assert delivered(box, "cloud") == [1]
    assert not box.journal.deliveries.claim_deliveries("pacs", 1)


def test_letters_that_one_destination_has_not_hold_its_delivery_only(box: Box) -> None:
    item = identified(box, "CR", name="王^小东")
    routed(box, there=(PACS, replace(CLOUD, charset="ISO_IR 100")))
    assert delivered(box, "pacs") == [1]
    assert not box.journal.deliveries.claim_deliveries("cloud", 1)
    assert box.journal.items.get(item.id).state is ItemState.ROUTED


def test_an_image_whose_bytes_the_card_lost_is_held(box: Box) -> None:
    """What its routes ask for stands in a file that is not there any more."""
    item = box.accept()
    whole = replace(box.body(item), kind=BodyKind.DATASET)
    box.journal.items.converted(box.claim(ItemState.ARRIVED), [whole], NAMED)
    box.identify()
    box.journal.spool.path(item.sha256).unlink()
    routed(box, Route(("pacs",), {"BodyPartExamined": Like("CHEST")}))
    row = box.journal.ledger.item_row(item.id)
    assert (row["state"], row["code"]) == ("held", "bytes-gone")


# --- why, and how soon ---------------------------------------------------------------------------


def told(box: Box, item: Item) -> list[tuple[str, str]]:
    """What was recorded of its routing."""
    history = box.journal.ledger.history(item.id)
    return [(row["destination"], row["sentence"]) for row in history if row["code"] == "routed-by"]


def priorities(box: Box, item: Item) -> dict[str, int]:
    rows = box.journal.ledger.deliveries_of(item.id)
    return {row["destination"]: row["priority"] for row in rows}


def test_why_an_item_goes_there_is_written_down_for_each_destination(box: Box) -> None:
    item = identified(box, "CR", "OT", "CR")
    routed(box, Route(("pacs",)), Route(("cloud",), {"Modality": Like("O*")}))
    assert told(box, item) == [
        ("pacs", "It goes to pacs: route 1 takes every image."),
        ("cloud", 'It goes to cloud: route 2 takes it, for Modality is "OT".'),
    ]


def test_of_several_objects_each_reason_is_told_once(box: Box) -> None:
    item = identified(box, "CR", "OT", "CR")
    routed(
        box,
        Route(("pacs",), {"Modality": Like("CR")}),
        Route(("pacs",), {"Modality": Like("OT")}, priority="high"),
    )
    reasons = (f'route {n} takes it, for Modality is "{m}"' for n, m in ((1, "CR"), (2, "OT")))
    assert told(box, item) == [("pacs", f"It goes to pacs: {'; '.join(reasons)}.")]
    assert priorities(box, item) == {"pacs": Priority.HIGH}


def test_an_urgent_order_goes_first(box: Box) -> None:
    urgent = Identity(WHOLE, "worklist", priority="STAT")
    item = identified(box, "CR", identity=urgent)
    routed(box)
    assert priorities(box, item) == {"pacs": Priority.STAT, "cloud": Priority.STAT}


def test_so_does_what_a_route_hurries(box: Box) -> None:
    item = identified(box, "CR")
    routed(box, Route(("pacs",), priority="stat"), Route(("cloud",)))
    assert priorities(box, item) == {"pacs": Priority.STAT, "cloud": Priority.ROUTINE}


# --- tests and real patients ---------------------------------------------------------------------


def test_an_invented_patient_reaches_the_tests_alone(box: Box) -> None:
    item = identified(box, "CR", identity=Identity(WHOLE, "worklist", invented=True))
    routed(box, there=(PACS, TESTS))
    assert delivered(box, "tests") == [1]
    assert [row["destination"] for row in box.journal.ledger.deliveries_of(item.id)] == ["tests"]


def test_what_came_before_a_promotion_is_held_ready_there_and_goes_elsewhere(box: Box) -> None:
    box.journal.promotions.look({"pacs": "test", "cloud": "production"})
    item = identified(box, "CR")
    box.journal.promotions.look({"pacs": "production", "cloud": "production"})
    routed(box)
    assert delivered(box, "cloud") == [1]
    to_pacs, _ = box.journal.ledger.deliveries_of(item.id)
    assert (to_pacs["state"], to_pacs["code"]) == ("held", "made-while-testing")
    assert to_pacs["sentence"].startswith("It came before pacs was promoted from tests")
    assert len(box.journal.ledger.instances_of(to_pacs["id"])) == 1
    identified(box, "CR", name="BUDI")
    routed(box)
    assert delivered(box, "pacs") == [1]


def test_a_promotion_that_was_taken_back_holds_nothing(box: Box) -> None:
    box.journal.promotions.look({"tests": "test"})
    item = identified(box, "CR", identity=Identity({**WHOLE, **SITI.values}, "x", invented=True))
    box.journal.promotions.look({"tests": "production"})
    box.journal.promotions.look({"tests": "test"})
    routed(box, there=(TESTS,))
    assert delivered(box, "tests") == [1]
    assert box.journal.items.get(item.id).state is ItemState.ROUTED
