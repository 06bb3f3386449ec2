"""What keeper does when asked, through its own socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from appliance.call import Server, ask
from appliance.errors import Declined
from appliance.settings import access
from appliance.settings.clerk import Clerk
from appliance.settings.load import load, settings_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Keeper:
    """A clerk behind a socket; counts how often it rang."""

    def __init__(self, root: Path) -> None:
        access.prepare(root)
        self.root = root
        self.rang = 0
        self._path = root / "keeper.sock"
        self.server = Server(self._path, Clerk(root, self.ring).operations)
        self.server.start()

    def ring(self) -> None:
        self.rang += 1

    def ask(self, **request: object) -> dict[str, Any]:
        return ask(self._path, request)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path)
    yield keeper
    keeper.server.close()


def test_settings_are_published_and_the_others_are_told(keeper: Keeper) -> None:
    assert keeper.ask(op="settings", toml='[box]\nname = "A"') == {"version": 1}
    assert load(settings_path(keeper.root)).box.name == "A"
    assert keeper.rang == 1


def test_bad_settings_come_back_with_all_their_faults(keeper: Keeper) -> None:
    with pytest.raises(Declined) as declined:
        keeper.ask(op="settings", toml='[box]\nnam = "A"\nlanguage = "de"')
    assert declined.value.code == "bad-settings"
    assert declined.value.sentence.splitlines() == [
        "jembatan.toml: box.nam: is not a known key; did you mean name?",
        "jembatan.toml: box.language: must be one of en, id",
    ]
    assert keeper.rang == 0


def test_the_box_is_claimed_and_its_password_changed(keeper: Keeper) -> None:
    keeper.ask(op="claim", code=access.claim_code(keeper.root), password="correct horse")
    keeper.ask(op="password", old="correct horse", new="battery staple")
    assert access.password_is(keeper.root, "battery staple")
    with pytest.raises(Declined, match="has a password already"):
        keeper.ask(op="claim", code="x", password="battery staple")


def test_a_request_without_what_it_needs_is_refused(keeper: Keeper) -> None:
    with pytest.raises(Declined, match="the request was refused: it has no 'password'"):
        keeper.ask(op="claim", code="x")
