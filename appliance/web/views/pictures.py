"""Owns showing which image it is: previews that convert draws, and reports to be opened elsewhere.

Nothing is decoded here, and nothing kept: a browser may keep a preview, but asks each time.
"""

from __future__ import annotations

import hashlib
import os
from textwrap import wrap
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, NamedTuple

from flask import Response, render_template, request

from appliance.call import ask_for_descriptor
from appliance.errors import NobodyAnswers, NoPreview, NotThere, Problem
from appliance.model import BodyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.journal.journal import Journal
    from appliance.model import Body, Item, Slice
    from appliance.web.box import Box

_SIDE, _SMALL_SIDE = 768, 192
_VERSION = 1  # of how convert draws
_AT_ONCE = 6  # as many as one browser asks for; the page itself has more threads
_PATIENCE_S = 25.0
_MOST_BYTES = 4 << 20
_CHUNK_BYTES = 1 << 18
_BUSY = "The picture cannot be drawn just now: load the page again in a minute."
_LINE = 36


class Sight(NamedTuple):
    """One object of an image, as far as it can be looked at."""

    number: int
    is_document: bool
    frames: int  # as far as the journal knows
    is_kept: bool


def sights(journal: Journal, item: Item) -> tuple[Sight, ...]:
    """What of an image there is to look at; nothing where it was not read."""
    return tuple(_sight(body) for body in journal.items.bodies(item))


def _sight(body: Body) -> Sight:
    frames = body.attributes.get("NumberOfFrames", 1)
    return Sight(
        body.number,
        body.kind is BodyKind.DOCUMENT,
        frames if isinstance(frames, int) else 1,
        all(piece.path.exists() for piece in body.slices),
    )


class Pictures:
    """The views that are looked at within others."""

    def __init__(self, box: Box) -> None:
        """Show what the journal of `box` knows of."""
        self._box = box
        self._free = BoundedSemaphore(_AT_ONCE)

    def preview(self, item_id: int, number: int) -> Response:
        """A small picture of one object; where there is none, a picture that says so."""
        item, body = self._object(item_id, number)
        side = _SMALL_SIDE if "small" in request.args else _SIDE
        wish = {"frame": request.args.get("frame", 1, int), "side": side}
        profile = self._box.settings.profile_of(item.source)
        tag = _tag(body.digest, *wish.values(), profile.window if profile else ())
        if request.if_none_match.contains(tag):
            return _tagged(Response(status=304), tag)
        try:
            content = self._drawn({"item": item_id, "object": number, **wish})
        except Problem as problem:
            return _said(problem, is_small=side == _SMALL_SIDE)
        return _tagged(Response(content, mimetype="image/jpeg"), tag)

    def document(self, item_id: int, number: int) -> Response:
        """A report, to be kept and opened by whatever the person opens such files with."""
        _, body = self._object(item_id, number)
        if body.kind is not BodyKind.DOCUMENT or not _sight(body).is_kept:
            raise NotThere(what=f"document {number} of item {item_id}")
        response = Response(_content(body.slices), mimetype="application/pdf")
        response.content_length = sum(piece.length for piece in body.slices)
        name = f"report-{item_id}-{number}.pdf"
        response.headers.set("Content-Disposition", "attachment", filename=name)
        return response

    def _object(self, item_id: int, number: int) -> tuple[Item, Body]:
        items = self._box.journal.items
        item = items.get(item_id)
        for body in items.bodies(item):
            if body.number == number:
                return item, body
        raise NotThere(what=f"object {number} of item {item_id}")

    def _drawn(self, wish: Mapping[str, int]) -> bytes:
        """A JPEG, by convert. Raises Declined and NobodyAnswers."""
        if not self._free.acquire(blocking=False):
            raise NobodyAnswers(path="the previews", why="too many are asked for at once")
        try:
            path = self._box.paths.run / "convert.sock"
            _, fd = ask_for_descriptor(path, {"op": "preview", **wish}, _PATIENCE_S)
            try:
                return os.pread(fd, _MOST_BYTES, 0)
            finally:
                os.close(fd)
        except OSError as error:
            raise NobodyAnswers(path="convert.sock", why=str(error)) from error
        finally:
            self._free.release()


def _tag(*parts: object) -> str:
    """What a preview depends on: the content, and how it is drawn."""
    return hashlib.sha256(repr((_VERSION, *parts)).encode()).hexdigest()[:32]


def _tagged(response: Response, tag: str) -> Response:
    """A browser may keep it, for this person only, and asks each time whether it may show it."""
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _said(problem: Problem, *, is_small: bool) -> Response:
    words = problem.sentence if problem.code == NoPreview.code else _BUSY
    lines = ["No", "picture"] if is_small else wrap(words, _LINE)
    picture = render_template("no_picture.svg", lines=lines, small=is_small)
    return Response(picture, mimetype="image/svg+xml")


def _content(slices: Iterable[Slice]) -> Iterator[bytes]:
    for piece in slices:
        with piece.path.open("rb") as file:
            file.seek(piece.offset)
            left = piece.length
            while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk
