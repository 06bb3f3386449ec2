"""Owns previews: small pictures of images, drawn when somebody asks, and kept nowhere.

Each is drawn in a process of its own, like what came is read, and only its pixels come back from
there; so what a browser gets was encoded by nobody who has seen foreign bytes.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

from appliance.call import Handing
from appliance.convert import draw
from appliance.convert.cage import cage_for_a_picture
from appliance.convert.draw import Wish
from appliance.convert.wire import OutOfTime, Silence, Word
from appliance.convert.worker import Reader, has_computed
from appliance.errors import NoPreview
from appliance.model import BodyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from PIL import Image

    from appliance.convert.wire import Line, PatientLine
    from appliance.journal.journal import Journal
    from appliance.model import Body, Item
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

_LONGEST_SIDE = 768
_MOST = 1 << 31
_QUALITY = 85
_MOST_REMEMBERED = 1000


class Previews:
    """What the convert service answers to whoever wants to see an image."""

    def __init__(
        self,
        journal: Journal,
        settings: Callable[[], Settings],
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        """Draw what `journal` knows of; `beat` is called now and then while one takes its time."""
        self._journal = journal
        self._settings = settings
        self._beat = beat
        self._hopeless: dict[tuple[str, int], str] = {}

    def answer(self, request: Mapping[str, Any]) -> Handing:
        """{"item", "object", "frame", "side"} -> the columns and rows of a JPEG, handed over.

        Raises NotThere and NoPreview; ValueError or KeyError where the request is none.
        """
        item = self._journal.items.get(_whole(request, "item"))
        number = _whole(request, "object")
        bodies = {body.number: body for body in self._journal.items.bodies(item)}
        if number not in bodies:
            raise NoPreview(why="it was not read as an image")
        frame, side = _whole(request, "frame"), _whole(request, "side")
        window = self._window(item, bodies[number])
        wish = Wish(frame, min(side, _LONGEST_SIDE), window)
        image = self._drawn(item, bodies[number], wish)
        return Handing({"columns": image.width, "rows": image.height}, _as_jpeg(image))

    def _window(self, item: Item, body: Body) -> tuple[float, float] | None:
        """The profile's, which goes before what the format says (route.iod)."""
        profile = self._settings().profile_of(item.source)
        if body.kind is BodyKind.DATASET or profile is None or not profile.window:
            return None
        centre, width = profile.window
        return centre, width

    def _drawn(self, item: Item, body: Body, wish: Wish) -> Image.Image:
        key = body.digest, wish.frame
        if key in self._hopeless:
            raise NoPreview(why=self._hopeless[key])
        if body.kind is BodyKind.DOCUMENT:
            raise NoPreview(why="it is a document")
        if not all(piece.path.exists() for piece in body.slices):
            raise NoPreview(why="the box keeps its bytes no longer")
        try:
            return picture(body, wish, self._journal.spool.folder, self._beat)
        except Undrawable as error:
            _log.warning("no picture of %s (item %d): %s", item.name, item.id, error)
            why = "it cannot be drawn"
            if error.is_to_blame:  # the same again would be no better, and somebody waits
                self._remember(key, why)
            raise NoPreview(why=why) from error

    def _remember(self, key: tuple[str, int], why: str) -> None:
        """So that a page that is looked at again does not wait for it again."""
        if len(self._hopeless) >= _MOST_REMEMBERED:
            self._hopeless.clear()
        self._hopeless[key] = why


class Undrawable(Exception):
    """There is no picture of it; whether its bytes `is_to_blame`, or the machine."""

    def __init__(self, why: str, *, is_to_blame: bool = True) -> None:
        """Keep the reason, which is for the log."""
        super().__init__(why)
        self.is_to_blame = is_to_blame


def picture(body: Body, wish: Wish, spool: Path, beat: Callable[[], object]) -> Image.Image:
    """Drawn by a process of its own, which may die of it. Raises Undrawable."""

    def work(_: Line) -> Image.Image:
        return draw.drawn(body, wish)

    cage = cage_for_a_picture([spool])
    try:
        with closing(Reader(cage, work, draw.told, beat)) as reader:
            try:
                return draw.believed(_told(reader.line, wish), wish.side)
            except OutOfTime:
                msg, is_to_blame = "it takes too long", has_computed(reader.end(), cage)
            except Silence:
                status = reader.ended()
                msg, is_to_blame = f"its reader ended ({status})", status != -signal.SIGKILL
            raise Undrawable(msg, is_to_blame=is_to_blame)
    except ValueError as error:
        raise Undrawable(str(error)) from error
    except OSError as error:
        raise Undrawable(str(error), is_to_blame=False) from error


def _told(line: PatientLine, wish: Wish) -> bytes:
    """What the reader says, if it is an answer. Raises Silence, OutOfTime and ValueError."""
    word, length = line.frame()
    if word is not Word.ANSWER or length > draw.most_told_bytes(wish.side):
        msg = "what its reader says makes no sense"
        raise ValueError(msg)
    return line.hear(length)


def _whole(request: Mapping[str, Any], key: str) -> int:
    number = request[key]
    if not isinstance(number, int) or not 0 < number < _MOST:
        msg = f"{key} is no number"
        raise ValueError(msg)
    return number


def _as_jpeg(image: Image.Image) -> int:
    """A descriptor of a file in memory, to be read from its start."""
    fd = os.memfd_create("preview", os.MFD_CLOEXEC)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            image.save(file, "JPEG", quality=_QUALITY)
    except BaseException:
        os.close(fd)
        raise
    return fd
