"""Owns the doctor's look at the clock: who else says what time it is, and how far we are off.

DICOM has no question for it. A PACS often answers NTP or HTTP on the same machine; a chip in this
box may have gone on counting while it was off.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from appliance import errors
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.desk.doctor.way import failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.desk.doctor.subject import Visit

_TOLERATED_S = 30.0
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_NTP_QUESTION = b"\x23" + bytes(47)  # RFC 5905 7.3: version 4, mode 3 (client)
_NTP_SERVER, _NTP_BYTES, _UNSYNCHRONISED = 4, 48, 3
_HTTP_MOST = 8192
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"  # RFC 9110 5.6.7
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


class Saying(NamedTuple):
    """What somebody says the time is, and how far ahead of that this box is."""

    who: str
    ahead_s: float

    @property
    def is_far(self) -> bool:
        """Whether it matters."""
        return abs(self.ahead_s) > _TOLERATED_S

    def __str__(self) -> str:
        """For people."""
        if abs(self.ahead_s) < 1:
            return f"it agrees with {self.who}"
        direction = "ahead of" if self.ahead_s > 0 else "behind"
        return f"it is {_span(abs(self.ahead_s))} {direction} {self.who}"


def hour(visit: Visit) -> str | Found:
    """This box's clock agrees with whoever can be asked."""
    kept = visit.limits.synchronised.exists()
    sayings = list(_sayings(visit))
    far = [saying for saying in sayings if saying.is_far]
    if far and kept:
        text = f"this box is kept by network time, and yet {_joined(far)}"
        return Found(text, State.UNKNOWN, "Have the clock of that machine looked at.")
    if far:
        what = f"This box's clock is wrong: {_joined(far)}"
        problem = errors.ClockWrong(what=what)
        return failed(problem, (Entry("this box", "time server", _best_server(visit, far)),))
    if sayings or kept:
        return ", ".join(["it is kept by network time"] * kept + [str(each) for each in sayings])
    return Found(
        f"it cannot be known: {visit.target.host} answers neither NTP nor HTTP, this box is not "
        "kept by network time and has no clock chip; DICOM itself tells no time",
        State.UNKNOWN,
        "Compare the time on this page with a good clock.",
    )


def _sayings(visit: Visit) -> Iterator[Saying]:
    """Those of the PACS's machine first; a chip counts only where that says nothing."""
    now, host = visit.clock.utc, visit.target.host
    by_others = [
        Saying(f"{host} by {way}", (now() - told).total_seconds())
        for way, told in (("NTP", _ntp(visit)), ("HTTP", _http(visit)))
        if told
    ]
    yield from by_others
    told = None if by_others else _chip(visit)
    if told:
        yield Saying("the clock chip of this box", (now() - told).total_seconds())


def _ntp(visit: Visit) -> datetime | None:
    """The time by SNTP (RFC 5905); half of what the answer took is of no account here."""
    answer = b""
    with suppress(OSError), socket.socket(*_family(visit), socket.SOCK_DGRAM) as sock:
        sock.settimeout(visit.limits.time_s)
        sock.connect((visit.addresses[0], visit.limits.ntp_port))
        sock.send(_NTP_QUESTION)
        answer = sock.recv(_NTP_BYTES)
    if len(answer) < _NTP_BYTES or answer[0] & 7 != _NTP_SERVER or not answer[1]:
        return None
    if answer[0] >> 6 == _UNSYNCHRONISED:
        return None
    seconds, fraction = struct.unpack_from(">II", answer, 40)
    return _NTP_EPOCH + timedelta(seconds=seconds + fraction / (1 << 32))


def _http(visit: Visit) -> datetime | None:
    """The time by the Date of a web server's answer, whatever else it says."""
    answer = b""
    with suppress(OSError):
        where = (visit.addresses[0], visit.limits.http_port)
        with socket.create_connection(where, visit.limits.time_s) as sock:
            sock.sendall(
                b"HEAD / HTTP/1.0\r\nHost: %b\r\n\r\n"
                % visit.target.host.encode("ascii", "replace")
            )
            while len(answer) < _HTTP_MOST and (more := sock.recv(_HTTP_MOST)):
                answer += more
    for line in answer.decode("latin-1").splitlines():
        key, _, value = line.partition(":")
        if key.lower() == "date":
            with suppress(ValueError):
                return datetime.strptime(value.strip(), _HTTP_DATE).replace(tzinfo=UTC)
    return None


def _chip(visit: Visit) -> datetime | None:
    with suppress(OSError, ValueError, OverflowError):
        return datetime.fromtimestamp(int(visit.limits.chip.read_text()), UTC)
    return None


def _family(visit: Visit) -> tuple[int]:
    return (socket.AF_INET6 if ":" in visit.addresses[0] else socket.AF_INET,)


def _best_server(visit: Visit, far: list[Saying]) -> str:
    """Whoever answered NTP can be asked for good."""
    by_ntp = any(saying.who.endswith("NTP") for saying in far)
    return visit.target.host if by_ntp else "the time server of the hospital"


def _joined(sayings: list[Saying]) -> str:
    return ", ".join(map(str, sayings))


def _span(seconds: float) -> str:
    """Two units at most: 2 days 3 h, 5 min 12 s."""
    whole = round(seconds)
    units = (("days", _DAY_S), ("h", _HOUR_S), ("min", _MINUTE_S), ("s", 1))
    first = next(index for index, (_, length) in enumerate(units) if whole >= length)
    parts = []
    for unit, length in units[first : first + 2]:
        count, whole = divmod(whole, length)
        parts += [f"{count} {unit}"] * bool(count)
    return " ".join(parts)
