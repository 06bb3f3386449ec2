"""A preview is drawn at arm's length: what its reader does costs the picture, and nothing else."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from appliance.convert import draw
from appliance.convert.preview import Previews
from appliance.convert.stage import Convert
from appliance.errors import NoPreview, NotThere
from appliance.model import ItemState
from appliance.settings.load import parse
from appliance.settings.schema import Settings
from tests.builders import pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.convert.draw import Wish
    from appliance.model import Body, Item
    from tests.builders.box import Box

    Draw = Callable[[Body, Wish], Image.Image]

PNG = pictures.saved(pictures.grey(8), "PNG")
PDF = b"%PDF-1.4\n%%EOF\n"
REPORTS = parse('[[source]]\nname = "cr"\nkind = "folder"\npath = "/srv/cr"\nprofile = "it"\n'
                '[[profile]]\nname = "it"\nsop_class = "PDF"\n')  # fmt: skip


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Draw], None]:
    """Has pictures drawn by a reader of the test's."""
    return lambda act: monkeypatch.setattr(draw, "drawn", act)


def read(box: Box, content: bytes = PNG, settings: Settings | None = None) -> Item:
    item = box.accept(f"film{len(content)}", content)
    assert Convert(box.journal).turn(settings or Settings())
    return box.journal.items.get(item.id)


def asked(item: Item, **changes: object) -> dict[str, Any]:
    return {"item": item.id, "object": 1, "frame": 1, "side": 768, **changes}


def seen(previews: Previews, request: Mapping[str, Any]) -> Image.Image:
    answer, fd = previews.answer(request)
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        image = Image.open(BytesIO(file.read()))
    assert image.format == "JPEG"
    assert (answer["columns"], answer["rows"]) == image.size
    return image


def of(box: Box, settings: Settings | None = None) -> Previews:
    return Previews(box.journal, lambda: settings or Settings())


def test_it_is_handed_over_as_a_jpeg(box: Box) -> None:
    item = read(box)
    files = box.journal.spool.files()
    assert seen(of(box), asked(item)).size == (pictures.COLUMNS, pictures.ROWS)
    assert seen(of(box), asked(item, side=16)).size == (16, 11)
    assert box.journal.spool.files() == files


def test_the_profiles_window_goes_before_the_formats(box: Box) -> None:
    text = ('[[source]]\nname = "cr"\nkind = "folder"\npath = "/srv/cr"\nprofile = "it"\n'
            '[[profile]]\nname = "it"\nwindow = [40000, 10]\n')  # fmt: skip
    item = read(box, pictures.saved(pictures.grey(12), "PNG"))
    assert seen(of(box), asked(item)).histogram()[255]
    assert not any(seen(of(box, parse(text)), asked(item)).histogram()[1:])


def test_what_there_is_no_picture_of_is_said(box: Box) -> None:
    previews = of(box, REPORTS)
    with pytest.raises(NoPreview, match="not read as an image"):
        previews.answer(asked(box.item(ItemState.QUARANTINED)))
    with pytest.raises(NotThere):
        previews.answer({**asked(read(box)), "item": 99})
    report = read(box, PDF, REPORTS)
    with pytest.raises(NoPreview, match="it is a document"):
        previews.answer(asked(report))
    film = read(box, pictures.saved(pictures.grey(16), "PNG"))
    for each in box.journal.items.bodies(film):
        for piece in each.slices:
            piece.path.unlink()
    with pytest.raises(NoPreview, match="keeps its bytes no longer"):
        previews.answer(asked(film))


@pytest.mark.parametrize("number", [0, -1, 1 << 40, "1", None, [], 1.5])
def test_numbers_that_are_none_are_refused(box: Box, number: object) -> None:
    with pytest.raises(ValueError, match="item is no number"):
        of(box).answer({**asked(read(box)), "item": number})
    with pytest.raises(KeyError):
        of(box).answer({"item": 1})


# --- hostile ones


def segfault(*_: object) -> Image.Image:
    ctypes.string_at(0)
    raise AssertionError


def leave(*_: object) -> Image.Image:
    os._exit(0)


def hoard(*_: object) -> Image.Image:
    bytearray(300 << 20)
    raise AssertionError


def lie(*_: object) -> Image.Image:
    return Image.new("L", (2000, 2000))


def loop(*_: object) -> Image.Image:
    while True:
        pass


def out_of_the_cage(act: Callable[[Path], object]) -> Draw:
    def drawn(body: Body, _: Wish) -> Image.Image:
        act(body.slices[0].path)
        return Image.new("L", (9, 9))

    return drawn


ACTS: dict[str, Draw] = {
    "segfault": segfault,
    "leave": leave,
    "hoard": hoard,
    "lie": lie,
    "loop": loop,
    "write": out_of_the_cage(lambda path: path.open("r+b")),
    "read elsewhere": out_of_the_cage(lambda _: Path("/etc/passwd").read_bytes()),
    "run": out_of_the_cage(lambda _: os.execv("/bin/true", ["true"])),
    "call home": out_of_the_cage(lambda _: socket.create_connection(("127.0.0.1", 9), 1)),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_costs_the_picture_and_nothing_else(
    box: Box, installed: Callable[[Draw], None], act: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.convert.cage._PICTURE_S", 0.5 if act is loop else 4.0)
    item = read(box)
    history = len(box.journal.ledger.history(item.id))
    previews, good = of(box), draw.drawn
    installed(act)
    with pytest.raises(NoPreview, match="cannot be drawn"):
        previews.answer(asked(item))
    assert box.journal.items.get(item.id) == item
    assert len(box.journal.ledger.history(item.id)) == history
    installed(good)
    assert seen(previews, asked(read(box, pictures.saved(pictures.grey(16), "PNG")))).size


def test_what_cannot_be_drawn_is_not_tried_again(
    box: Box, installed: Callable[[Draw], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the page again does not wait for it again."""
    monkeypatch.setattr("appliance.convert.preview._MOST_REMEMBERED", 1)
    films = [read(box), read(box, pictures.saved(pictures.grey(16), "PNG"))]
    previews, good = of(box), draw.drawn
    installed(segfault)
    with pytest.raises(NoPreview):
        previews.answer(asked(films[0]))
    installed(good)
    with pytest.raises(NoPreview):
        previews.answer(asked(films[0]))
    installed(segfault)
    with pytest.raises(NoPreview):
        previews.answer(asked(films[1]))
    installed(good)
    assert seen(previews, asked(films[0])).size


def killed(*_: object) -> Image.Image:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def sleep(*_: object) -> Image.Image:
    signal.pause()
    raise AssertionError


@pytest.mark.parametrize("trouble", [killed, sleep, None], ids=["killed", "slow", "no process"])
def test_the_machines_trouble_is_tried_again(
    box: Box,
    installed: Callable[[Draw], None],
    monkeypatch: pytest.MonkeyPatch,
    trouble: Draw | None,
) -> None:
    def no_process() -> int:
        raise BlockingIOError

    monkeypatch.setattr("appliance.convert.cage._PICTURE_S", 0.5 if trouble is sleep else 4.0)
    item, previews, good = read(box), of(box), draw.drawn
    with monkeypatch.context() as troubled:
        if trouble:
            installed(trouble)
        else:
            troubled.setattr(os, "fork", no_process)
        with pytest.raises(NoPreview):
            previews.answer(asked(item))
    installed(good)
    monkeypatch.setattr("appliance.convert.cage._PICTURE_S", 4.0)
    assert seen(previews, asked(item)).size
