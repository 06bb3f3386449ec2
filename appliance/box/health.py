"""Owns whether the box works after a start, and what follows from that.

Works: RAUC's own part aside, data can be written, the page answers and finds the journal in order,
and every service runs, or can come when it is rung for, and goes on so. No PACS and no network
have a part in it, nor has what an older version would suffer from as well: a full card.
"""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ALWAYS = ("jembatan-watch", "jembatan-deliver", "jembatan-keeper", "jembatan-devices")
"""Units that run all the time; the page shows itself by answering."""
ON_DEMAND = ("convert", "steward")
"""Services that come when they are rung for."""
MAY_REST = ("jembatan-receive", "jembatan-share", *(f"jembatan-{name}" for name in ON_DEMAND))
"""Units that need not run, but must not have failed, nor be about to start again and again."""
_MAY_BE = frozenset({"active", "inactive", "deactivating", ""})

_PATIENCE_S = 15.0
_NOT_OURS = ("disk-full:",)
"""What /healthz may say without the version being to blame."""


@dataclass(frozen=True, slots=True)
class Look:
    """The box at one moment: what is wrong, a line each, and how often services were started."""

    reasons: tuple[str, ...]
    starts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """How long the box has been well without a break."""

    well_since_s: float | None = None
    starts: Mapping[str, int] | None = None
    reasons: tuple[str, ...] = ()

    def after(self, look: Look, now_s: float) -> Trial:
        """The same, one look later: who had to start again was not well meanwhile."""
        if look.reasons:
            return Trial(None, look.starts, look.reasons)
        goes_on = self.well_since_s is not None and self.starts == look.starts
        return Trial(self.well_since_s if goes_on else now_s, look.starts)

    def is_passed(self, now_s: float, least_s: float) -> bool:
        """Whether it has been well for so many seconds."""
        return self.well_since_s is not None and now_s - self.well_since_s >= least_s


def look(root: Path, port: int) -> Look:
    """Look at everything once."""
    units = shown(_systemctl((*ALWAYS, *MAY_REST)))
    reasons = (*_data(root), *_page(port), *_units(units))
    return Look(reasons, {name: starts for name, (_, starts) in units.items()})


def shown(text: str) -> dict[str, tuple[str, int]]:
    """State and number of restarts of each unit, from what `systemctl show` prints."""
    found = {}
    for block in text.split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in said:
            starts = int(said.get("NRestarts") or 0)
            found[said["Id"].removesuffix(".service")] = (said.get("ActiveState", ""), starts)
    return found


def page_reasons(status: int, text: str) -> tuple[str, ...]:
    """What /healthz finds wrong that a version can be to blame for."""
    if status == http.client.OK:
        return ()
    lines = tuple(line for line in text.splitlines() if not line.startswith(_NOT_OURS))
    if status == http.client.SERVICE_UNAVAILABLE and text.strip():
        return lines
    return (f"the page answers {status}",)


def _units(units: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    for name in ALWAYS:
        state = units.get(name, ("", 0))[0]
        if state != "active":
            yield f"{name} is {state or 'not known'}"
    for name in MAY_REST:
        if (state := units.get(name, ("", 0))[0]) not in _MAY_BE:
            yield f"{name} is {state}"


def _data(root: Path) -> Iterator[str]:
    if not os.path.ismount(root):
        yield f"nothing is mounted at {root}"
        return
    probe = root / "box" / "health"
    try:
        durable.publish(probe, b"written\n", mode=0o600)
        durable.remove(probe)
    except DiskFull:
        return
    except OSError as error:
        yield f"{root} cannot be written to: {error.strerror}"


def _page(port: int) -> tuple[str, ...]:
    """What the page says of itself, asked as a browser would."""
    # Its certificate is the box's own, and the way to it never leaves the box.
    anyone = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
    line = http.client.HTTPSConnection("127.0.0.1", port, timeout=_PATIENCE_S, context=anyone)
    try:
        line.request("GET", "/healthz")
        answer = line.getresponse()
        return page_reasons(answer.status, answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return (f"the page does not answer: {error}",)
    finally:
        line.close()


def _systemctl(names: Sequence[str]) -> str:
    units = [f"{name}.service" for name in names]
    command = ["/usr/bin/systemctl", "show", "--property=Id,ActiveState,NRestarts", *units]
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
        return done.stdout
    return ""
