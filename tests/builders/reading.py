"""Owns reading one file as the converter does, for the tests of its readers."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from appliance.convert import formats
from appliance.journal.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.model import Body, Evidence
    from appliance.settings.schema import Profile

NOON = datetime(2026, 5, 6, 12, 0, 0, tzinfo=UTC)
NAME = "exam/a.xyz"


class Read(NamedTuple):
    """What became of a file."""

    bodies: tuple[Body, ...]
    evidence: Evidence

    @property
    def body(self) -> Body:
        (body,) = self.bodies
        return body


def read(tmp_path: Path, content: bytes, profile: Profile | None = None) -> Read:
    spool = Spool(tmp_path / "spool")
    bodies, evidence = formats.read(
        spool.keep(BytesIO(content)).path,
        NAME,
        profile,
        sidecars={},
        modified_at=NOON,
        arrived_at=NOON,
        make_body=lambda produce: spool.make(produce).path,
    )
    return Read(bodies, evidence)


def content_of(body: Body) -> bytes:
    return b"".join(
        each.path.read_bytes()[each.offset : each.offset + each.length] for each in body.slices
    )


def values_of(body: Body) -> NDArray[np.generic]:
    """The pixels by what the object says of them, as a stranger would read it."""
    said = {keyword: value for keyword, value in body.attributes.items() if isinstance(value, int)}
    signed = "i" if said["PixelRepresentation"] else "u"
    values = np.frombuffer(content_of(body), f"<{signed}{said['BitsAllocated'] // 8}")
    frames, samples = said.get("NumberOfFrames", 1), said["SamplesPerPixel"]
    shape = (said["Rows"], said["Columns"])
    return values.reshape(
        *((frames,) if frames > 1 else ()), *shape, *((samples,) if samples > 1 else ())
    )
