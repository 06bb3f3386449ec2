"""Owns what is around a guest: the PACS (storescp, on this machine, outside every cut) and the
reckoning of what was exported against what it has.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn, Self

from tests.prove.accounts import reckon
from tests.prove.emulator import HOST
from tests.prove.films import PROFILE
from tests.prove.guest_box import Box
from tests.prove.machine import NotProved
from tests.prove.pacs import StoreScp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.films import Film
    from tests.prove.guest_image import Arch

_SETTINGS = """
[[destination]]
name = "pacs"
host = "{host}"
port = {port}
ae_title = "{ae_title}"
confirm = "response"
{profile}
{source}
"""
_REST_S = 600


class Hospital:
    """One guest with the product, and one PACS."""

    def __init__(self, arch: Arch, folder: Path, source: str, data_fs: str = "ext4") -> None:
        self.pacs = StoreScp(folder / "pacs")
        self.films: list[Film] = []
        self._stack = ExitStack()
        settings = _SETTINGS.format(
            host=HOST,
            port=self.pacs.port,
            ae_title=self.pacs.ae_title,
            profile=PROFILE,
            source=source,
        )
        self.box = Box(arch, folder, settings, data_fs)

    def __enter__(self) -> Self:
        with self._stack:
            self.pacs.come()
            self._stack.callback(self.pacs.go)
            self._stack.enter_context(self.box)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def come_to_rest(self) -> None:
        """Until nothing is on its way any more."""
        try:
            self.box.wait_for("all delivered", lambda: not self.box.unfinished(), _REST_S)
        except NotProved as reason:
            self.fail(str(reason), *self._stuck())

    def reckon(self) -> int:
        """How many data sets came again, byte for byte. Raises NotProved for any other fault."""
        self.come_to_rest()
        reckoning = reckon(self.films, self.pacs.received())
        if faults := [*reckoning.faults, *self.box.verify()]:
            self.fail(*faults)
        return reckoning.resends

    def fail(self, *faults: str) -> NoReturn:
        """Raises NotProved: what is wrong, with the end of the guest's log."""
        raise NotProved("\n".join((*faults[:10], self.box.said())))

    def _stuck(self) -> list[str]:
        rows = self.box.rows(
            "SELECT name, state, sentence FROM item "
            "WHERE state NOT IN ('done', 'ignored', 'quarantined') LIMIT 5"
        )
        return [" ".join(row) for row in rows]
