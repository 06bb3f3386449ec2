"""From tests to real patients in one step: the destination, and the worklists it depends on."""

from __future__ import annotations

import pytest

from appliance.desk.promote import plan, promoted
from appliance.errors import BadSettings, NotThere, Refused
from appliance.settings.load import parse
from appliance.settings.schema import Environment

TESTING = """
[[source]]  # the old CR
name = "cr"
kind = "folder"
path = "/srv/cr"

[[source]]
name = "us"
kind = "folder"
path = "/srv/us"

[[destination]]
name = "pacs"
host = "h"
port = 104
ae_title = "PACS"
environment = "test"

[[destination]]
name = "other"
host = "h"
port = 104
ae_title = "OTHER"
environment = "test"

[[worklist]]
name = "ris"
host = "h"
port = 104
ae_title = "RIS"
environment = "test"
sources = ["cr"]

[[worklist]]
name = "us-ris"
host = "h"
port = 104
ae_title = "US"
environment = "test"
sources = ["us"]
"""
ROUTED = f"""{TESTING}
[[route]]
when = {{ source = "cr" }}
to = ["pacs"]

[[route]]
when = {{ source = "us" }}
to = ["other"]
"""


def of(text: str) -> dict[str, str]:
    settings = parse(text)
    destinations = {d.name: d.environment.value for d in settings.destinations}
    return destinations | {w.name: w.environment.value for w in settings.worklists}


def test_the_worklist_of_its_images_comes_along_and_the_rest_stays() -> None:
    plan_ = plan(parse(ROUTED), "pacs")
    assert plan_.worklists == ("ris",)
    assert plan_.sentence.startswith(
        "pacs is for real patients now, its patients come from ris. What came before stays here"
    )
    text = promoted(ROUTED, plan_)
    assert of(text) == {
        "pacs": "production",
        "other": "test",
        "ris": "production",
        "us-ris": "test",
    }
    assert "# the old CR" in text


def test_without_routes_every_source_feeds_it() -> None:
    assert plan(parse(TESTING), "pacs").worklists == ("ris", "us-ris")


def test_either_alone_would_be_refused() -> None:
    """An invented patient in a real PACS, if only the destination were changed."""
    alone = TESTING.replace('environment = "test"', 'environment = "production"', 1)
    with pytest.raises(BadSettings, match=r"worklist.ris.sources: it is for tests, but"):
        parse(alone)


def test_what_is_not_there_or_real_already_is_refused() -> None:
    with pytest.raises(NotThere, match='destination "ris"'):
        plan(parse(TESTING), "ris")
    real = parse(promoted(TESTING, plan(parse(TESTING), "pacs")))
    assert real.destinations[0].environment is Environment.PRODUCTION
    with pytest.raises(Refused, match="it is for real patients already"):
        plan(real, "pacs")
