"""Owns bringing an update here from an address or from a stick."""

from __future__ import annotations

import http.client
import os
import stat
from typing import IO, TYPE_CHECKING, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from appliance.errors import BundleCutOff, CannotFetch, NotABundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPMessage, HTTPResponse
    from pathlib import Path

    from appliance.box.incoming import Incoming

SUFFIX = ".raucb"

_CHUNK = 1 << 20
_PATIENCE_S = 60.0


class _Narrow(HTTPRedirectHandler):
    """An address may send us elsewhere, but not out of https."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check(address: str) -> None:
    """Raises CannotFetch where an address is not one that updates are taken from."""
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise CannotFetch(address=address[:200], why="an address begins with https://")


def fetch(address: str, incoming: Incoming, go_on: Callable[[], None]) -> None:
    """Bring what is at an https address; `go_on` is called after each piece.

    Raises CannotFetch, BundleCutOff, and what Incoming.piece raises.
    """
    check(address)
    try:
        with build_opener(_Narrow).open(address, timeout=_PATIENCE_S) as answer:
            total = _length(answer, address)
            _pour(_pieces(answer), total, incoming, go_on)
    except (URLError, OSError, http.client.HTTPException) as error:
        raise CannotFetch(address=address, why=_why(error)) from error


def find(root: Path, label: str) -> Path:
    """The one update at the top of a stick. Raises NotABundle where there is none, or several."""
    try:
        names = sorted(p for p in root.iterdir() if p.suffix.lower() == SUFFIX)
    except OSError as error:
        raise NotABundle(name=f"The stick {label}", why=f"{error.strerror}".lower()) from error
    visible = [path for path in names if not path.name.startswith(".")]  # macOS leaves "._NAME"
    if len(visible) != 1:
        why = f"there are {len(visible)} files that end in {SUFFIX} on it, not one"
        raise NotABundle(name=f"The stick {label}", why=why)
    return visible[0]


def copy(file: Path, incoming: Incoming, go_on: Callable[[], None]) -> None:
    """Bring a file of a stick. Raises BundleCutOff, NotABundle, and as Incoming.piece."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as source:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise NotABundle(name=file.name, why="it is no file")
            _pour(_pieces(source), found.st_size, incoming, go_on)
    except OSError as error:
        raise BundleCutOff(name=file.name, why=f"{error.strerror}".lower()) from error


def _why(error: Exception) -> str:
    """What the web server said, or why there is none, without urllib's own words around it."""
    if isinstance(error, URLError) and not isinstance(error, HTTPError):
        return str(error.reason)
    return str(error)


def _length(answer: HTTPResponse, address: str) -> int:
    try:
        return int(answer.headers["Content-Length"])
    except (TypeError, ValueError):
        raise CannotFetch(address=address, why="it does not say how long it is") from None


def _pieces(source: BinaryIO | HTTPResponse) -> Iterator[bytes]:
    while piece := source.read(_CHUNK):
        yield piece


def _pour(
    pieces: Iterator[bytes], total: int, incoming: Incoming, go_on: Callable[[], None]
) -> None:
    with os.fdopen(incoming.piece(0, total), "wb") as target:
        came = 0
        for piece in pieces:
            came += len(piece)
            if came > total:
                raise BundleCutOff(name="The file", why="more came than was announced")
            target.write(piece)
            target.flush()
            go_on()
    if came < total:
        raise BundleCutOff(name="The file", why=f"{came} of {total} bytes came")
