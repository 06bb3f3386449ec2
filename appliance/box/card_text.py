"""Owns taking a jembatan.txt over: what it wishes is kept, what is secret in it is wiped."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box import bootfat, network, wishes
from appliance.box.state import Text, digest
from appliance.box.textfile import NotText, blanked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.box.connect import Places

_LARGEST_FILE = 1 << 18


def take_over(places: Places, path: Path, content: bytes, keep: Callable[[Text], None]) -> Text:
    """What came of it. Everything is durable on the data partition before anything is wiped.

    A cut on the way means that the file is read once more, to the same end. `keep` makes what
    came of it durable.
    """
    before = network.load(places.root)
    reading = wishes.read(content, before, lambda *place: _beside(places, path.parent, *place))
    for name, found in reading.files.items():
        durable.publish(places.own / name, found, 0o600)
    network.save(places.root, reading.network)
    with suppress(NotText):
        content = blanked(content, list(reading.secrets))
    text = Text(digest(content), tuple(map(str, reading.faults)), reading.groups)
    if reading.private:  # before the text counts as known: else nobody would come back for them
        with bootfat.writable(path.parent):
            for name in reading.private:
                _wipe(path.with_name(name))
    keep(text)
    if reading.secrets:
        with bootfat.writable(path.parent):
            _overwrite(path, content)
    return text


def _beside(places: Places, card: Path, folder: str, name: str) -> bytes:
    """A file that was named: from the card, else as it was taken over before."""
    on_card = card / name
    with (on_card if on_card.exists() else places.own / folder / name).open("rb") as file:
        return file.read(_LARGEST_FILE)


def _overwrite(path: Path, content: bytes) -> None:
    """In place and as long as before, so that the FAT's tables stay as they are.

    What a card promises ends here: it may well keep the old block somewhere, where no program
    can reach it. Only another password makes the old one worthless.
    """
    with path.open("r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _wipe(path: Path) -> None:
    """Take a private key off the card, as far as that can be done (see `_overwrite`)."""
    if path.exists():
        _overwrite(path, bytes(path.stat().st_size))
        bootfat.erase(path.parent, path.name)
