"""Owns lamps that only remember: what each LED was told, and what was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.board.lamps import Frame


class FakeLamps:
    """Remembers the last drawing; refuses to show anything once closed, as the real ones do."""

    def __init__(self) -> None:
        self.drawing = ""
        self.frames: tuple[Frame, ...] = ()
        self._open = True

    def show(self, frames: tuple[Frame, ...], drawing: str) -> None:
        assert self._open
        self.frames, self.drawing = frames, drawing

    def close(self) -> None:
        self._open = False
