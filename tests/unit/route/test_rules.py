"""Where an image goes, and that a test destination alone is nowhere."""

from __future__ import annotations

import pytest

from appliance.errors import NoRoute
from appliance.route.rules import destinations
from appliance.settings.schema import Destination, Environment, Route, Settings

PACS = Destination("pacs", "127.0.0.1", 104, "PACS")
CLOUD = Destination("cloud", "127.0.0.1", 104, "CLOUD")
TEST = Destination("test", "127.0.0.1", 104, "TEST", environment=Environment.TEST)
VALUES = {"Modality": "CR", "ReferringPhysicianName": "SARI^DEWI"}


def names(*routes: Route, of: tuple[Destination, ...] = (PACS, CLOUD, TEST)) -> list[str]:
    settings = Settings(destinations=of, routes=routes)
    return [d.name for d in destinations("cr-export", VALUES, settings)]


def test_without_routes_every_production_destination_gets_it() -> None:
    assert names() == ["pacs", "cloud"]


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"Modality": "CR"},
        {"Modality": "C?", "ReferringPhysicianName": "SARI*"},
        {"source": "cr-*"},
    ],
)
def test_a_route_whose_conditions_all_match_is_taken(when: dict[str, str]) -> None:
    assert names(Route(("cloud",), when)) == ["cloud"]


@pytest.mark.parametrize(
    "when",
    [
        {"Modality": "US"},
        {"Modality": "CR", "ReferringPhysicianName": "BUDI*"},
        {"source": "us-*"},
        {"StationName": "ROOM2"},
    ],
)
def test_a_route_with_a_condition_that_does_not_match_is_not(when: dict[str, str]) -> None:
    with pytest.raises(NoRoute, match="none of the routes matches"):
        names(Route(("cloud",), when))


def test_all_matching_routes_count_and_nobody_gets_it_twice() -> None:
    assert names(Route(("cloud", "pacs")), Route(("pacs", "test"))) == ["pacs", "cloud", "test"]


def test_a_test_destination_alone_is_nowhere_even_when_a_route_names_it() -> None:
    with pytest.raises(NoRoute, match="only test destinations"):
        names(Route(("test",)))


def test_a_box_with_only_a_test_destination_sends_nothing() -> None:
    with pytest.raises(NoRoute, match="only test destinations"):
        names(of=(TEST,))


def test_a_box_without_destinations_says_so() -> None:
    with pytest.raises(NoRoute, match="none is set up yet"):
        names(of=())
