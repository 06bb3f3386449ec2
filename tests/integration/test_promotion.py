"""deliver as the process it is: on promotion nothing of the tests goes to the real PACS."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.desk.explain import ask_deliver
from appliance.journal.bell import ring
from appliance.settings import history
from tests.builders.box import Box
from tests.builders.receiving import until
from tests.builders.routable import identified
from tests.fakes.systemd import FakeSystemd
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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

[[destination]]
name = "archive"
host = "127.0.0.1"
port = {archive}
ae_title = "STORESCP"
confirm = "response"

[[route]]
to = ["pacs", "archive"]
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "box")
    yield box
    box.close()


@pytest.fixture
def deliver(box: Box, tmp_path: Path) -> Iterator[None]:
    """A deliver service; the test PACS does not listen, the archive does."""
    history.publish(box.paths.root, settings("test", 1, 1))
    systemd = FakeSystemd(tmp_path, watchdog_s=60)
    command = [sys.executable, "-m", "appliance.services.deliver", "--root", str(box.paths.root)]
    with subprocess.Popen(command, env={**os.environ, **systemd.environment}) as process:
        assert systemd.heard(20, most=1) == ["READY=1"]
        yield
        process.terminate()
    systemd.close()


def settings(environment: str, port: int, archive: int) -> str:
    return SETTINGS.format(environment=environment, port=port, archive=archive)


def stands(box: Box, item_id: int) -> dict[str, tuple[str, str]]:
    rows = box.journal.ledger.deliveries_of(item_id)
    return {row["destination"]: (row["state"], row["code"]) for row in rows}


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
