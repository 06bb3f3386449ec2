"""What the share service tells watch, and what a share service gone bad cannot do to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.errors import ShareUnusable
from appliance.services.offers import Offers, tell
from appliance.settings.links import ShareLink
from appliance.settings.schema import Settings
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAD = ShareUnusable(name="us", why="{it} is so")


def settings(*names: str) -> Settings:
    return Settings(sources=tuple(ShareLink(name=name, hosted=True) for name in names))


class Heard:
    """A box, and what it knows of its shares."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root)
        self.run = self.box.paths.run
        self.run.mkdir(exist_ok=True)
        self.offers = Offers(self.run, self.box.journal.custody)

    def places(self) -> dict[str, tuple[str, str, str]]:
        rows = self.box.journal.ledger.places()
        return {row["name"]: (row["state"], row["code"], row["sentence"]) for row in rows}


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    made = Heard(tmp_path)
    yield made
    made.box.close()


def test_the_journal_learns_how_each_share_is(heard: Heard) -> None:
    assert not heard.offers.write_down(settings("us", "cr"))
    tell(heard.run, {"us": BAD, "cr": None, "stranger": None})
    assert heard.offers.write_down(settings("us", "cr"))
    bad = ("stopped", "share-unusable", BAD.sentence)
    assert heard.places() == {"us": bad, "cr": ("offered", "", "")}
    assert not heard.offers.write_down(settings("us", "cr"))


def test_a_share_that_left_the_settings_has_no_trouble_any_more(heard: Heard) -> None:
    tell(heard.run, {"us": BAD})
    heard.offers.write_down(settings("us"))
    assert heard.offers.write_down(settings())
    assert heard.places() == {"us": ("removed", "", "")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"us": 7}',
        b'{"us": ["sentence"]}',
        b'{"us": [1, 2, 3]}',
        b'{"us": ["\\u001b[31m", "code", "hint"]}',
        b"[" * 60_000,
        b" " * 70_000 + b"{}",
        b"\xff",
    ],
)
def test_what_is_no_such_message_is_not_heard(heard: Heard, content: bytes) -> None:
    (heard.run / "shares.json").write_bytes(content)
    assert not heard.offers.write_down(settings("us"))
    assert heard.places() == {}


def test_nobody_is_kept_waiting_by_what_is_no_file(heard: Heard) -> None:
    os.mkfifo(heard.run / "shares.json")
    assert not heard.offers.write_down(settings("us"))
    (heard.run / "shares.json").unlink()
    (heard.run / "elsewhere").write_text('{"us": []}')
    (heard.run / "shares.json").symlink_to(heard.run / "elsewhere")
    assert not heard.offers.write_down(settings("us"))
