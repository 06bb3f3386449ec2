"""Where an image goes, how soon and why; and that a test destination alone is nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import LeftFromTests, NoRoute
from appliance.model import Priority
from appliance.route.rules import taken, tried, ways
from appliance.settings import conditions
from appliance.settings.schema import (
    Destination,
    Environment,
    Match,
    Route,
    Routing,
    Settings,
    Worklist,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PACS = Destination("pacs", "127.0.0.1", 104, "PACS")
CLOUD = Destination("cloud", "127.0.0.1", 104, "CLOUD")
TEST = Destination("test", "127.0.0.1", 104, "TEST", environment=Environment.TEST)
TRIAL = Destination("trial", "127.0.0.1", 104, "TRIAL", environment=Environment.TEST)
ALL = (PACS, CLOUD, TEST)
VALUES = {
    "Modality": "CR",
    "ReferringPhysicianName": "SARI^DEWI",
    "ImageType": "DERIVED\\SECONDARY",
    "source": "cr-export",
    "time": "22:15",
    "weekday": "sat",
}


def route(
    *to: str, priority: str = "routine", when: Mapping[str, object] | None = None, **more: object
) -> Route:
    asked = {**(when or {}), **more}
    return Route(to, {word: conditions.read(raw) for word, raw in asked.items()}, priority)


def settings(
    *routes: Route, of: tuple[Destination, ...] = ALL, match: Match = Match.ALL
) -> Settings:
    return Settings(destinations=of, routes=routes, routing=Routing(match))


def names(
    *routes: Route, of: tuple[Destination, ...] = ALL, invented: bool = False, **said: str
) -> list[str]:
    found = ways({**VALUES, **said}, settings(*routes, of=of), invented=invented)
    return [way.destination.name for way in found]


def test_without_routes_every_production_destination_gets_it() -> None:
    assert names() == ["pacs", "cloud"]


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"Modality": "CR"},
        {"Modality": "C?", "ReferringPhysicianName": "SARI*"},
        {"Modality": ["US", "C*"]},
        {"Modality": {"in": ["US", "CR"]}},
        {"Modality": {"not": "US"}},
        {"Modality": {"not": ["US", "DX"]}},
        {"ReferringPhysicianName": {"regex": "DEWI$"}},
        {"ImageType": "SECONDARY"},
        {"StationName": {"not": "ROOM2"}},
        {"source": "cr-*"},
        {"time": "19:00-06:00", "weekday": ["sat", "sun"]},
    ],
)
def test_a_route_whose_conditions_all_match_is_taken(when: Mapping[str, object]) -> None:
    assert names(route("cloud", when=when)) == ["cloud"]


@pytest.mark.parametrize(
    "when",
    [
        {"Modality": "US"},
        {"Modality": "cr"},
        {"Modality": "CR", "ReferringPhysicianName": "BUDI*"},
        {"Modality": ["US", "DX"]},
        {"Modality": {"not": "C*"}},
        {"ImageType": {"not": "SECONDARY"}},
        {"ReferringPhysicianName": {"regex": "^DEWI"}},
        {"source": "us-*"},
        {"StationName": "ROOM2"},
        {"time": "06:00-19:00"},
        {"weekday": {"not": "sat"}},
    ],
)
def test_a_route_with_a_condition_that_does_not_match_is_not(when: Mapping[str, object]) -> None:
    with pytest.raises(NoRoute, match="none of the routes matches"):
        names(route("cloud", when=when))


def test_all_matching_routes_count_and_nobody_gets_it_twice() -> None:
    assert names(route("cloud", "pacs"), route("pacs", "test")) == ["pacs", "cloud", "test"]


def test_or_only_the_first_that_matches() -> None:
    routes = (route("cloud", Modality="US"), route("pacs", Modality="CR"), route("cloud"))
    (way,) = ways(VALUES, settings(*routes, match=Match.FIRST))
    assert way.destination is PACS


def test_it_is_told_which_route_took_it_and_for_what() -> None:
    routes = (route("pacs"), route("pacs", "cloud", Modality="C*", StationName={"not": "X"}))
    to_pacs, to_cloud = ways(VALUES, settings(*routes))
    second = 'route 2 takes it, for Modality is "CR" and StationName is not said'
    assert to_pacs.reasons == ("route 1 takes every image", second)
    assert to_cloud.reasons == (second,)


def test_and_for_a_route_that_does_not_which_condition_it_was() -> None:
    routes = (route("pacs", Modality="C*", source={"not": ["cr-*", "us-*"]}),)
    (trial,) = tried(VALUES, settings(*routes))
    assert not trial.matches
    assert [(a.keyword, str(a.condition), a.value, a.holds) for a in trial.asked] == [
        ("Modality", '"C*"', "CR", True),
        ("source", 'not "cr-*" or "us-*"', "cr-export", False),
    ]
    assert taken([trial], settings(*routes)) == []


# --- how soon ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ordered", "by_route", "found"),
    [
        ("", "routine", Priority.ROUTINE),
        ("LOW", "routine", Priority.ROUTINE),
        ("HIGH", "routine", Priority.HIGH),
        ("STAT", "routine", Priority.STAT),
        ("stat", "high", Priority.STAT),
        ("ROUTINE", "high", Priority.HIGH),
        ("HIGH", "stat", Priority.STAT),
    ],
)
def test_an_order_and_a_route_may_both_hurry_it(
    ordered: str, by_route: str, found: Priority
) -> None:
    values = {**VALUES, "RequestedProcedurePriority": ordered}
    hurried = ways(values, settings(route("pacs", priority=by_route), route("cloud")))
    assert hurried[0].priority is found


def test_a_route_hurries_only_what_it_sends_itself() -> None:
    found = ways(VALUES, settings(route("pacs", priority="stat"), route("cloud")))
    assert [way.priority for way in found] == [Priority.STAT, Priority.ROUTINE]


# --- tests and real patients ---------------------------------------------------------------------


def test_a_test_destination_alone_is_nowhere_even_when_a_route_names_it() -> None:
    with pytest.raises(NoRoute, match="only test destinations"):
        names(route("test"))


def test_a_box_with_only_a_test_destination_sends_nothing() -> None:
    with pytest.raises(NoRoute, match="only test destinations"):
        names(of=(TEST,))


def test_a_box_without_destinations_says_so() -> None:
    with pytest.raises(NoRoute, match="none is set up yet"):
        names(of=())


def test_an_invented_patient_goes_to_every_test_destination_and_to_no_other() -> None:
    assert names(invented=True) == ["test"]
    assert names(route("pacs", "cloud"), invented=True) == ["test"]


def test_or_to_those_tests_that_its_routes_name() -> None:
    of = (*ALL, TRIAL)
    assert names(route("pacs", "trial"), of=of, invented=True) == ["trial"]


def test_an_invented_patient_without_a_test_destination_waits() -> None:
    ris = Worklist("ris", "h", 104, "RIS", environment=Environment.TEST, sources=("cr-export",))
    tests = Settings(destinations=(PACS, CLOUD), routes=(route("pacs"),), worklists=(ris,))
    with pytest.raises(NoRoute, match="the worklist of its source is for tests, and no dest"):
        ways(VALUES, tests, invented=True)


def test_one_that_is_left_over_from_the_tests_is_for_nobody() -> None:
    with pytest.raises(LeftFromTests, match="one of a worklist that was for tests then"):
        names(route("pacs"), of=(PACS, CLOUD), invented=True)


def test_why_an_invented_patient_goes_there_is_told_too() -> None:
    (way,) = ways(VALUES, settings(), invented=True)
    assert way.reasons == ("it is for tests, and so is the worklist of its source",)
