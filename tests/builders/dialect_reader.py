"""Owns asking convert what it makes of a file's bytes, and looking at the answer."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from appliance.convert import formats
from appliance.journal.spool import Spool
from appliance.model import Body, Evidence, Origin
from tests.builders import objects

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings.schema import Profile


class Read(NamedTuple):
    """The one object of a file, and its evidence."""

    body: Body
    evidence: Evidence

    @property
    def rules(self) -> list[str]:
        return [repair.rule for repair in self.evidence.repairs]

    @property
    def encoding(self) -> bytes:
        return b"".join(map(objects.content, self.body.slices))

    def sentence(self, rule: str) -> str:
        return next(each.sentence for each in self.evidence.repairs if each.rule == rule)

    def says(self, keyword: str) -> str:
        return self.evidence.get(keyword, Origin.HEADER)


def read(folder: Path, content: bytes, profile: Profile | None = None) -> Read:
    spool = Spool(folder / "spool")
    (body,), evidence = formats.read(
        spool.keep(BytesIO(content)).path,
        "exam/a.dcm",
        profile,
        sidecars={},
        modified_at=objects.ARRIVED_AT,
        arrived_at=objects.ARRIVED_AT,
        make_body=lambda produce: spool.make(produce).path,
    )
    return Read(body, evidence)
