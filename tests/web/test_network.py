"""The network on the page: how it is, a trial that is confirmed from there, every port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box import connect, network, state
from appliance.box.address import Changes
from appliance.box.connect import Places
from appliance.box.network import Lan, Modality, Network
from appliance.box.state import Link, State, Text
from appliance.call import Server
from tests.fakes.tools import Tools
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

    from tests.builders.box import Box
    from tests.web.browser import Person
    from tests.web.visitor import Visitor

OLD = Network(lan=Lan("10.1.2.3/24", "10.1.2.1", ("10.1.2.10",)))
STATE = State(
    "jembatan-abcd1234",
    "abcd1234",
    OLD,
    (
        Link("lan", is_plugged=True, addresses=("169.254.77.7", "10.1.2.3")),
        Link("modality", is_plugged=False),
    ),
)


def seen(visitor: Visitor, path: str) -> str:
    return text_of(visitor.get(path))


class Steward:
    """The network's operations behind the steward's socket, programs aside."""

    def __init__(self, box: Box) -> None:
        self.places = Places(box.paths.root, box.paths.root)
        self.places.own.mkdir()
        network.save(self.places.root, OLD)
        connect.write(self.places, OLD)
        self.tell(STATE)
        changes = Changes(self.places, Tools(), monotonic=box.clock.monotonic)
        self.calls = Server(box.paths.run / "steward.sock", changes.operations)
        self.calls.start()

    def tell(self, told: State) -> None:
        state.tell(self.places.told, told)

    @property
    def kept(self) -> Network:
        return network.load(self.places.root)


@pytest.fixture
def steward(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steward]:
    monkeypatch.setattr(connect, "rename", lambda _: None)
    steward = Steward(box)
    yield steward
    steward.calls.close()


def test_a_workstation_has_a_table_of_ports_and_no_form(owner: Visitor) -> None:
    page = seen(owner, "/settings/network")
    assert "no box but a workstation" in page
    assert "TCP" in page
    assert owner.get("/settings/network/change").status_code == 302


def test_it_says_how_the_box_is_found(owner: Visitor, steward: Steward) -> None:
    page = seen(owner, "/settings/network")
    for words in (
        "jembatan-abcd1234.local",
        "10.1.2.3/24, gateway 10.1.2.1",
        "169.254.77.7, for a laptop",
        "no address, no cable",
        "UDP 5353",
        "TCP 443, 80",
    ):
        assert words in page
    assert seen(owner, "/settings").count("Network") == 1


def test_what_was_wrong_in_the_text_file_is_told(owner: Visitor, steward: Steward) -> None:
    fault = "line 4: 'adress' is no key of this file; write: address = 10.1.2.3/24"
    steward.tell(State("j", network=OLD, text=Text("x", (fault,)), troubles=("No rules.",)))
    page = seen(owner, "/settings/network")
    assert fault in page
    assert "No rules." in page


def test_another_address_is_tried_and_confirmed_from_there(
    owner: Visitor, steward: Steward
) -> None:
    assert wish(owner).status_code == 302
    page = seen(owner, "/settings/network")
    assert "In 120 seconds the one before comes back" in page
    assert "Open https://10.9.9.9/ , log in and confirm there" in page
    refused = owner.post("/settings/network/confirm", "/settings/network")
    assert "10.9.9.9" in text_of(refused)
    assert steward.kept == OLD
    there = owner.another(there="10.9.9.9")
    there.is_let_in()
    assert "You are there" in seen(there, "/settings/network")
    there.post("/settings/network/confirm", "/settings/network")
    assert "is kept" in seen(there, "/settings/network")
    assert steward.kept.lan == Lan("10.9.9.9/24", "10.9.9.1", ("10.1.2.10",))


def test_it_is_given_up_when_somebody_says_so(owner: Visitor, steward: Steward) -> None:
    wish(owner)
    owner.post("/settings/network/revert", "/settings/network")
    page = seen(owner, "/settings/network")
    assert "as it was before" in page
    assert "seconds" not in page
    assert steward.kept == OLD


def test_what_is_wrong_is_told_at_its_field(owner: Visitor, steward: Steward) -> None:
    answer = wish(owner, gateway="10.1.2.1", **{"modality-address": "192.168.77.0"})
    assert answer.status_code == 422
    assert 'id="gateway-fault"' in answer.text
    assert "is not in the network of this box" in text_of(answer)
    assert 'id="modality-address-fault"' in answer.text
    assert "An address" not in text_of(answer)
    assert steward.kept == OLD
    missing = wish(owner, address="")
    assert 'id="address-fault"' in missing.text


def test_the_form_shows_what_is_set(owner: Visitor, steward: Steward) -> None:
    steward.tell(State("j", network=Network("cr2", OLD.lan, Modality("192.168.77.1/24", True))))
    form = owner.get("/settings/network/change").text
    for value in ("10.1.2.3", "255.255.255.0", "10.1.2.1", "10.1.2.10", "192.168.77.1", "cr2"):
        assert f'value="{value}"' in form
    assert '<option value="own" selected>' in form
    assert " checked" in form


def test_by_dhcp_the_address_goes_and_a_second_side_is_tried_too(
    owner: Visitor, steward: Steward
) -> None:
    wish(owner, how="dhcp", dns="")
    told = state.told(steward.places.told)
    assert told
    assert told.trial
    assert told.trial.network.lan == Lan()
    assert "Confirm at the address that the network gave" in seen(owner, "/settings/network")
    owner.post("/settings/network/revert", "/settings/network")
    given = {"modality-address": "192.168.77.1", "modality-netmask": "255.255.255.0"}
    wish(owner, address="10.1.2.3", gateway="10.1.2.1", **given, **{"modality-dhcp": "on"})
    told = state.told(steward.places.told)
    assert told
    assert told.trial
    assert told.trial.network.modality == Modality("192.168.77.1/24", True)


def wish(visitor: Visitor, **fields: str) -> TestResponse:
    given = {
        "how": "own",
        "address": "10.9.9.9",
        "netmask": "255.255.255.0",
        "gateway": "10.9.9.1",
        "dns": "10.1.2.10",
        "hostname": "",
        "modality-address": "",
        **fields,
    }
    return visitor.post("/settings/network/change", **given)


@pytest.mark.timeout(120)
def test_on_a_phone_and_on_a_screen(person: Person, steward: Steward) -> None:
    person.visit("/settings")
    person.press("Network")
    person.sees("jembatan-abcd1234.local")
    person.photograph("network")
    person.press("Change it")
    person.photograph("network-change")
    person.choose("Address of this box", "One of its own, as below")
    person.fill("Address", "127.0.0.1")
    person.press("Use it")
    person.sees("cannot be the address of a machine")
    person.fill("Address", "10.9.9.9")
    person.fill("Gateway", "10.9.9.1")
    person.press("Use it")
    person.sees("Another network is tried: 10.9.9.9")
    person.sees("In 118 seconds")  # it counts
    person.photograph("network-tried")
    person.press("Back to the one before, now")
    person.sees("The network is as it was before.")
    assert person.complaints() == []
