"""Whose image it is and which order it answers: every scenario, by the rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from appliance.errors import Held
from appliance.identify.proof import prove
from appliance.model import Origin
from tests.builders.identities import (
    JAKARTA,
    case,
    says,
)
from tests.builders.scenarios import SCENARIOS, Scenario

LATER = datetime(2024, 4, 1, 8, 0, tzinfo=JAKARTA)


def decided(scenario: Scenario) -> str:
    made = case(
        says(Origin.HEADER, **scenario.header),
        says(Origin.SIDECAR, **scenario.sidecar),
        says(Origin.FILENAME, **scenario.filename),
        arrived_at=LATER,
    )
    try:
        identity = prove(made, scenario.orders).identity
    except Held as held:
        return held.code
    assert identity.proof == "worklist"
    return f"sent {identity.values['AccessionNumber']}"


def test_there_are_enough_of_them_and_none_twice() -> None:
    titles = [scenario.title for scenario in SCENARIOS]
    assert len(titles) == len(set(titles)) >= 60


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_what_comes_of_it(scenario: Scenario) -> None:
    assert decided(scenario) == scenario.wants


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_the_order_of_orders_changes_nothing(scenario: Scenario) -> None:
    turned = replace(scenario, orders=scenario.orders[::-1])
    assert decided(turned) == scenario.wants
