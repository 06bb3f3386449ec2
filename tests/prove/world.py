"""Owns the hospital around a box under proof: four modalities, two PACSs, settings.

Two export to folders: `kept` goes to storescp, whose answer must do, and stays where it is;
`fetched` goes to a PACS that can be asked, and is deleted once that says it has the image. One
calls by DICOM (`called`, to storescp), one sends over a serial line (`wired`, to the other PACS).
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from itertools import chain, cycle
from typing import TYPE_CHECKING

import numpy as np

from appliance.settings import history
from tests.prove.accounts import Reckoning, reckon
from tests.prove.films import LARGE, PROFILE, SMALL, dicom_film, films
from tests.prove.pacs import Pacs, StoreScp
from tests.prove.senders import CALLING, Caller, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tests.prove.box import Look
    from tests.prove.films import Film

_SETTINGS = """
[box]
name = "Box {number}"
listen_port = {listen_port}

[retention]
confirmed_days = 0
min_free_percent = {min_free_percent}

[[source]]
name = "kept"
kind = "folder"
path = "{kept}"
profile = "films"
settle_s = 2

[[source]]
name = "fetched"
kind = "folder"
path = "{fetched}"
profile = "films"
after = "delete"
settle_s = 2

[[source]]
name = "called"
kind = "receiver"
allow = [{{ ae_title = "{calling}", host = "127.0.0.1" }}]

[[source]]
name = "wired"
kind = "serial"
path = "{line}"
protocol = "zmodem"
profile = "films"

[[destination]]
name = "storescp"
host = "127.0.0.1"
port = {store_port}
ae_title = "{store_ae_title}"
confirm = "response"

[[destination]]
name = "archive"
host = "127.0.0.1"
port = {archive_port}
ae_title = "{archive_ae_title}"
confirm = "find"
{routes}
{profile}
"""
_ROUTE = """
[[route]]
when = {{ source = "{source}" }}
to = ["{destination}"]
"""
_ROUTES = {"kept": "storescp", "called": "storescp", "fetched": "archive", "wired": "archive"}
_FIRST_CALLED, _FIRST_WIRED = 30_001, 60_001
_ONE_IN_LARGE = 12
_LARGE_WIRED = 300  # a line takes its time


class World:
    """What happens outside the box."""

    def __init__(self, folder: Path, archive: Pacs, random: Random) -> None:
        self.kept = folder / "kept"
        self.fetched = folder / "fetched"
        self.kept.mkdir()
        self.fetched.mkdir()
        self.store = StoreScp(folder / "storescp")
        self.archive = archive
        self.called = Caller(folder / "called", _dicom_films(random))
        self.wired = Wire(folder / "wired", films(random, large=_LARGE_WIRED, first=_FIRST_WIRED))
        self.dropped: dict[str, list[Film]] = defaultdict(list)
        self._films = films(random)
        # Five kinds of films, two folders: every kind comes to each.
        self._folders = cycle((self.kept, self.fetched))
        self._ways = cycle((self._drop, self._drop, self.called.make, self.wired.make))

    def come(self) -> None:
        """The modalities that send by themselves begin to."""
        self.called.come()
        self.wired.come()

    def hang_up(self) -> None:
        """Who is sending stops in the midst of it."""
        self.called.hang_up()
        self.wired.hang_up()

    def go_on(self) -> None:
        """They send again."""
        self.called.go_on()
        self.wired.go_on()

    def leave(self) -> None:
        """Nobody sends or takes anything any more."""
        for one in (self.called, self.wired):
            one.leave()
        for pacs in (self.store, self.archive):
            pacs.go()

    def settings(self, number: int = 0, min_free_percent: int = 20) -> str:
        """The box's settings; `number` tells one text from another."""
        return _SETTINGS.format(
            number=number,
            listen_port=self.called.port,
            min_free_percent=min_free_percent,
            kept=self.kept,
            fetched=self.fetched,
            calling=CALLING,
            line=self.wired.line,
            store_port=self.store.port,
            store_ae_title=self.store.ae_title,
            archive_port=self.archive.port,
            archive_ae_title=self.archive.ae_title,
            routes="".join(_ROUTE.format(source=s, destination=d) for s, d in _ROUTES.items()),
            profile=PROFILE,
        )

    def set_up(self, root: Path, min_free_percent: int = 20) -> None:
        """Put the settings in force at a box that does not run yet."""
        history.publish(root, self.settings(min_free_percent=min_free_percent))

    def export(self) -> None:
        """One more film, one way or another; a line that is busy gets none."""
        make = next(self._ways)
        if make == self.wired.make and self.wired.waiting:
            make = self._drop
        make()

    def _drop(self) -> Film:
        film, folder = next(self._films), next(self._folders)
        self.dropped[folder.name].append(film)
        (folder / film.name).write_bytes(film.content)
        return film

    @property
    def count(self) -> int:
        """How many films were made."""
        return sum(map(len, (*self.dropped.values(), self.called.made, self.wired.made)))

    def told(self) -> frozenset[str]:
        """What modalities were told is safe: UIDs of what was stored, SHA-256 of what was sent."""
        sent = (sha256(film.content).hexdigest() for film in list(self.wired.safe.values()))
        return frozenset({*(film.uid for film in list(self.called.safe.values())), *sent})

    def unfinished(self, look: Look) -> int:
        """How many films are not yet done, or done and not yet deleted."""
        done = look.count("SELECT count(*) FROM item WHERE state = 'done'")
        return self.count - done + len(list(self.fetched.iterdir()))

    def unsent(self) -> str:
        """What modalities still have to send, for people."""
        waiting = [film.name for one in (self.called, self.wired) for film in one.waiting]
        return f"{', '.join(waiting) or 'none'} of them still to be sent"

    def is_at_the_door(self, look: Look) -> bool:
        """Whether watch has something to take."""
        dropped = sum(map(len, self.dropped.values()))
        query = "SELECT count(DISTINCT name) FROM arrival WHERE source IN ('kept', 'fetched')"
        return bool(self.wired.waiting) or look.count(query) < dropped

    def reckon(self) -> Reckoning:
        """What is wrong at both PACSs."""
        store = reckon([*self.dropped["kept"], *self.called.made], self.store.received())
        archive = reckon([*self.dropped["fetched"], *self.wired.made], self.archive.received())
        return Reckoning([*chain(store.faults, archive.faults)], store.resends + archive.resends)

    def story(self) -> str:
        """How many films came which way, for people."""
        folders = sum(map(len, self.dropped.values()))
        return (
            f"{self.count} films ({folders} dropped, {len(self.called.made)} stored by DICOM in "
            f"{self.called.calls} calls, {len(self.wired.made)} sent by ZMODEM in "
            f"{self.wired.calls} calls)"
        )


def _dicom_films(random: Random) -> Iterator[Film]:
    noise = np.random.default_rng(random.randrange(1 << 32))
    number = _FIRST_CALLED
    while True:
        yield dicom_film(number, noise, SMALL if number % _ONE_IN_LARGE else LARGE)
        number += 1
