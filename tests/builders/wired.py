"""Owns a serial source on a cable of socat's, turned by hand."""

from __future__ import annotations

import random
import select
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.settings.links import SerialLink
from appliance.sources.line.serial import SerialSource
from tests.builders import pictures
from tests.builders.box import Box
from tests.peers.line import Cable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.model import Item
    from appliance.settings.schema import Profile

IDLE_S = 0.3
LOOK_S = 0.03


class Wired:
    """A serial source turned by hand, as its thread would."""

    def __init__(
        self,
        root: Path,
        profile: Profile | None = None,
        cable: type[Cable] = Cable,
        **settings: Any,
    ) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.cable = cable(root)
        self.box = Box(root / "box")
        self.box.paths.etc.mkdir(exist_ok=True)
        self.profile = profile
        self.link = SerialLink(
            **{"name": "us", "path": str(self.cable.box), "idle_s": IDLE_S, **settings}
        )
        self.folder = self.box.paths.serial / "us"
        self.source = self.connected()

    def connected(self) -> SerialSource:
        journal = self.box.journal
        return SerialSource(
            self.link, self.profile, journal, Intake(journal), SystemClock(), self.folder
        )

    def run_until(self, happened: Callable[[], bool], within_s: float = 20.0) -> None:
        """Turn as the source asks to be turned; fails when `happened` stays false."""
        until_s = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < until_s, (self.counts(), self.trouble(), self.place())
            self.turn_once(LOOK_S)

    def turn_once(self, most_s: float) -> None:
        _, wait_s = self.source.turn()
        watched = [fd] if (fd := self.source.fileno()) is not None else []
        select.select(watched, [], [], most_s if wait_s is None else min(wait_s, most_s))

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def items(self) -> list[Item]:
        return [self.box.journal.items.get(n) for n in range(1, sum(self.counts().values()) + 1)]

    def content(self, item: Item) -> bytes:
        return self.box.journal.spool.path(item.sha256).read_bytes()

    def trouble(self) -> list[tuple[str, str]]:
        return [(row["code"], row["sentence"]) for row in self.box.journal.ledger.attention()]

    def place(self) -> tuple[str, str]:
        places = [row for row in self.box.journal.ledger.places() if row["name"] == "us"]
        return (places[0]["state"], places[0]["code"]) if places else ("", "")

    def staged(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def close(self) -> None:
        self.source.close()
        self.cable.unplug()
        self.box.close()


def a_film(size_bytes: int) -> bytes:
    """A TIFF of just that size, which is no multiple of a block."""
    noise = np.frombuffer(random.Random(5).randbytes(size_bytes), np.uint8)
    for rows in range(4, 100):
        head = len(pictures.tiff(noise[: rows * 100].reshape(rows, 100))) - rows * 100
        columns, rest = divmod(size_bytes - head, rows)
        if not rest and columns < 60_000:
            return pictures.tiff(noise[: rows * columns].reshape(rows, columns))
    raise AssertionError
