"""Owns the hospital around a box under proof: two modalities' export folders, two PACSs, settings.

`kept` goes to storescp, whose answer must do, and stays where it is. `fetched` goes to a PACS that
can be asked, and is deleted once that says it has the image.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, cycle
from typing import TYPE_CHECKING

from appliance.settings import history
from tests.prove.accounts import Reckoning, reckon
from tests.prove.films import PROFILE, films
from tests.prove.pacs import Pacs, StoreScp

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.prove.box import Look
    from tests.prove.films import Film

_SETTINGS = """
[box]
name = "Box {number}"

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

[[route]]
when = {{ source = "kept" }}
to = ["storescp"]

[[route]]
when = {{ source = "fetched" }}
to = ["archive"]
{profile}
"""


class World:
    """What happens outside the box."""

    def __init__(self, folder: Path, archive: Pacs, random: Random) -> None:
        self.kept = folder / "kept"
        self.fetched = folder / "fetched"
        self.kept.mkdir()
        self.fetched.mkdir()
        self.store = StoreScp(folder / "storescp")
        self.archive = archive
        self.dropped: dict[str, list[Film]] = defaultdict(list)
        self._films = films(random)
        # Five kinds of films, two folders: every kind comes to each.
        self._folders = cycle((self.kept, self.fetched))

    def settings(self, number: int = 0, min_free_percent: int = 20) -> str:
        """The box's settings; `number` tells one text from another."""
        return _SETTINGS.format(
            number=number,
            min_free_percent=min_free_percent,
            kept=self.kept,
            fetched=self.fetched,
            store_port=self.store.port,
            store_ae_title=self.store.ae_title,
            archive_port=self.archive.port,
            archive_ae_title=self.archive.ae_title,
            profile=PROFILE,
        )

    def set_up(self, root: Path, min_free_percent: int = 20) -> None:
        """Put the settings in force at a box that does not run yet."""
        history.publish(root, self.settings(min_free_percent=min_free_percent))

    def drop(self) -> Film:
        """One more export."""
        film, folder = next(self._films), next(self._folders)
        self.dropped[folder.name].append(film)
        (folder / film.name).write_bytes(film.content)
        return film

    @property
    def count(self) -> int:
        """How many films were dropped."""
        return sum(map(len, self.dropped.values()))

    def unfinished(self, look: Look) -> int:
        """How many films are not yet done, or done and not yet deleted."""
        done = look.count("SELECT count(*) FROM item WHERE state = 'done'")
        return self.count - done + len(list(self.fetched.iterdir()))

    def reckon(self) -> Reckoning:
        """What is wrong at both PACSs."""
        store = reckon(self.dropped["kept"], self.store.received())
        archive = reckon(self.dropped["fetched"], self.archive.received())
        return Reckoning([*chain(store.faults, archive.faults)], store.resends + archive.resends)
