"""Each object of an item goes where it is routed; what cannot be composed is held there only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.model import Evidence, Identity, ItemState
from appliance.route.stage import Routing
from appliance.settings.links import FolderLink
from appliance.settings.schema import Destination, Profile, Route, Settings
from tests.builders import objects
from tests.builders.box import Box
from tests.builders.part10 import CR_IMAGE, SC_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Body, Item

PACS, CLOUD = (Destination(name, "h", 104, "PACS") for name in ("pacs", "cloud"))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def identified(box: Box, *modalities: str, name: str = "SITI") -> Item:
    """An item with an object of each modality."""
    item = box.accept(content=bytes(48))
    bodies = [page(box, item, n, modality) for n, modality in enumerate(modalities, 1)]
    box.journal.items.converted(box.claim(ItemState.ARRIVED), bodies, Evidence())
    return box.identify(Identity({**objects.SITI, "PatientName": name}, "trust"))


def page(box: Box, item: Item, number: int, modality: str) -> Body:
    colour = modality == "OT"
    plain = box.body(item, number)
    shape = objects.image(
        box.paths.root / "shape",
        bits=8 if colour else 16,
        colour=colour,
        sop_class=SC_IMAGE if colour else CR_IMAGE,
    )
    return replace(plain, attributes={**shape.attributes, "Modality": modality})


def routed(box: Box, *routes: Route, there: tuple[Destination, ...] = (PACS, CLOUD)) -> None:
    assert Routing(box.journal).turn(Settings(destinations=there, routes=routes))


def delivered(box: Box, destination: str) -> list[int]:
    """The numbers of the objects that go to a destination."""
    (delivery,) = box.journal.deliveries.claim_deliveries(destination, 1)
    return [instance.number for instance in delivery.instances]


def test_each_object_goes_where_it_is_routed(box: Box) -> None:
    item = identified(box, "CR", "OT", "CR")
    routed(box, Route(("pacs",)), Route(("cloud",), {"Modality": "OT"}))
    assert delivered(box, "pacs") == [1, 2, 3]
    assert delivered(box, "cloud") == [2]
    assert box.journal.items.get(item.id).state is ItemState.ROUTED


def test_an_object_that_goes_nowhere_holds_the_item(box: Box) -> None:
    item = identified(box, "CR", "OT")
    routed(box, Route(("pacs",), {"Modality": "CR"}))
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_routes_see_what_the_profile_makes_of_values(box: Box) -> None:
    identified(box, "CR")
    routes = (
        Route(("pacs",), {"Modality": "CR"}),
        Route(("cloud",), {"Modality": "DX"}),
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
