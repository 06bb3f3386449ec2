"""deliver as the process it is: on promotion nothing of the tests goes to the real PACS."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.desk.explain import ask_deliver
from appliance.journal.bell import ring
from appliance.model import ItemState
from appliance.settings import history
from tests.builders.box import Box
from tests.builders.identities import SITI, TODAY, evidence, says
from tests.builders.receiving import until
from tests.builders.routable import converted, identified
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Item

pytestmark = pytest.mark.network

SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
confirm = "response"
environment = "{environment}"
retry = {{ first_s = 1, longest_s = 2 }}

[[destination]]
name = "archive"
host = "127.0.0.1"
port = {archive}
ae_title = "STORESCP"
confirm = "response"

[[route]]
to = ["pacs", "archive"]
"""

PRACTICE = """
[[source]]
name = "practice"
kind = "folder"
path = "/srv/practice"

[[worklist]]
name = "invented"
host = "127.0.0.1"
port = 1
ae_title = "RIS"
environment = "test"
sources = ["practice"]

[[route]]
when = { source = "practice" }
to = ["pacs"]
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "box")
    yield box
    box.close()


@pytest.fixture
def deliver(box: Box) -> Iterator[None]:
    """A deliver service that answers calls; neither destination listens."""
    history.publish(box.paths.root, settings("test", 1, 1))
    command = [sys.executable, "-m", "appliance.services.deliver", "--root", str(box.paths.root)]
    with subprocess.Popen(command) as process:
        until((box.paths.run / "deliver.sock").exists)
        yield
        process.terminate()


def state_of(box: Box, item: Item) -> ItemState:
    return box.journal.items.get(item.id).state


def until_identified(box: Box, item: Item) -> None:
    until(lambda: state_of(box, item) is ItemState.IDENTIFIED)


def settings(environment: str, port: int, archive: int) -> str:
    return SETTINGS.format(environment=environment, port=port, archive=archive)


def stands(box: Box, item_id: int) -> dict[str, tuple[str, str]]:
    rows = box.journal.ledger.deliveries_of(item_id)
    return {row["destination"]: (row["state"], row["code"]) for row in rows}


def test_what_came_for_tests_is_not_the_image_of_another_source(box: Box) -> None:
    real = settings("test", 1, 1).replace("[[route]]", '[[route]]\nwhen = { source = "cr" }')
    history.publish(box.paths.root, real + PRACTICE)
    first = box.accept("film.tif", b"pixels", source="practice")
    command = [sys.executable, "-m", "appliance.services.deliver", "--root", str(box.paths.root)]
    with subprocess.Popen(command) as process:
        until(lambda: box.accept("film.tif", b"pixels", source="cr").id != first.id)
        process.terminate()


@pytest.mark.usefixtures("deliver")
def test_only_what_comes_afterwards_goes_to_a_promoted_destination(
    box: Box, tmp_path: Path
) -> None:
    before = identified(box, "CR")
    ring(box.paths.run, "deliver")
    until(lambda: stands(box, before.id).get("pacs", ("",))[0] == "deferred")
    (only,) = ask_deliver(box.paths.run, before.id)["objects"]
    assert [way["destination"] for way in only["goes_to"]] == ["pacs", "archive"]
    with storescp(tmp_path / "pacs") as pacs, storescp(tmp_path / "archive") as archive:
        real = settings("production", pacs.target.port, archive.target.port)
        history.publish(box.paths.root, real)
        ring(box.paths.run, "deliver")
        until(lambda: stands(box, before.id)["pacs"] == ("held", "made-while-testing"))
        after = identified(box, "CR", name="BUDI")
        ring(box.paths.run, "deliver")
        sent = dict.fromkeys(("pacs", "archive"), ("confirmed", ""))
        until(lambda: stands(box, after.id) == sent)
        until(lambda: stands(box, before.id)["archive"] == ("confirmed", ""))
        assert stands(box, before.id)["pacs"] == ("held", "made-while-testing")
        assert len(pacs.received()) == 1
        assert len(archive.received()) == 2


@pytest.mark.usefixtures("deliver")
def test_nothing_real_is_routed_while_a_lane_to_the_tests_is_at_work(
    box: Box, tmp_path: Path
) -> None:
    """What that lane found due it would send to where the tests were."""
    with storescp(tmp_path / "pacs") as pacs, socket.create_server(("127.0.0.1", 0)) as silent:
        history.publish(box.paths.root, settings("test", silent.getsockname()[1], pacs.port))
        before = identified(box, "CR")
        ring(box.paths.run, "deliver")
        caller, _ = silent.accept()
        history.publish(box.paths.root, settings("production", pacs.port, pacs.port))
        ring(box.paths.run, "deliver")
        until(lambda: stands(box, before.id)["pacs"] == ("held", "made-while-testing"))
        after = identified(box, "CR", name="BUDI")
        for name in ("ANI", "TONO"):  # two turns, each of which would route too
            said = evidence(says(**{**SITI, **TODAY, "PatientName": name}))
            one = converted(box, "CR", name=name, evidence=said)
            ring(box.paths.run, "deliver")
            until_identified(box, one)
        assert state_of(box, after) is ItemState.IDENTIFIED
        caller.close()
        until(lambda: stands(box, after.id).get("pacs") == ("confirmed", ""))
