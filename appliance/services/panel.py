"""Owns what keeper does with the panel: lamps and buzzer for the state, and what the button asks.

Whoever holds the button sees and hears what letting go would do. keeper may do none of that
itself but forget the password; the rest it asks of the steward.
"""

from __future__ import annotations

import logging
from threading import Lock, Timer
from typing import TYPE_CHECKING

from appliance.board.button import Meaning
from appliance.board.lamps import find_lamps
from appliance.board.panel import find_panel
from appliance.call import ask
from appliance.errors import Problem
from appliance.settings import access
from appliance.status import sounds
from appliance.status.pattern import PATTERNS, SIGNS, LampState, Sign, drawing
from appliance.status.sounds import SIGN_SOUNDS, Sounding

if TYPE_CHECKING:
    from typing import TextIO

    from appliance.board.lamps import Lamps
    from appliance.board.panel import Panel
    from appliance.clock import Clock
    from appliance.journal.journal import Paths

_log = logging.getLogger(__name__)

_SHOWN_S = 3.0
_ENDING_S = 60.0
_ASKED_S = 60.0
_HELD = {
    Meaning.STATUS: Sign.ALL_LIT,
    Meaning.NETWORK: Sign.LET_GO_FOR_NETWORK,
    Meaning.RESET: Sign.LET_GO_FOR_RESET,
}


class Face:
    """Lamps and buzzer: the state of the box, or for a moment a sign in its place."""

    def __init__(self, paths: Paths, clock: Clock, out: TextIO, shown_s: float = _SHOWN_S) -> None:
        """Find what the machine has; it hears the button from now on.

        `shown_s`: how long an answer to a press stays on the lamps.
        """
        self._shown_s = shown_s
        self._paths = paths
        self._clock = clock
        self._lamps: Lamps = find_lamps(out)
        self._state: LampState | None = None
        self._sign: Sign | None = None
        self._sounding = Sounding()
        self._back: Timer | None = None
        self._lock = Lock()
        self._panel: Panel | None = None  # it may call us as soon as it is there
        self._panel = find_panel(self, clock)

    def show(self, state: LampState, *, buzzer: bool) -> None:
        """That is the state now; `buzzer`: whether the hospital wants to hear it."""
        now_s = self._clock.monotonic()
        with self._lock:
            self._state = state
            self._sounding, beats = sounds.turn(self._sounding, state, now_s)
            if buzzer and beats and not self._sign:
                self._sound(beats)
            self._light()

    def close(self) -> None:
        """Dark and silent."""
        if self._back:
            self._back.cancel()
        if self._panel:
            self._panel.close()
        self._lamps.close()

    # What the panel hears

    def holding(self, meaning: Meaning) -> None:
        """Show what letting go would do now."""
        if meaning in _HELD:
            self._say(_HELD[meaning])
        elif self._sign is not Sign.ENDING:
            self._say_no_more()

    def pressed(self, meaning: Meaning) -> None:
        """Do it, and show how it went."""
        _log.info("the button asks for: %s", meaning)
        if meaning is Meaning.STATUS:
            with self._lock:
                self._sounding = sounds.silenced(self._sounding)
            self._say(Sign.ALL_LIT, self._shown_s)
            return
        try:
            self._ask(meaning)
        except Problem as problem:
            _log.warning("%s %s", problem.sentence, problem.hint)
            self._say(Sign.REFUSED, self._shown_s)
        else:
            self._say(Sign.DONE, self._shown_s)

    def power_failed(self) -> None:
        """Have everything stopped: systemd watches for this file, nothing else must be started."""
        self._say(Sign.ENDING, _ENDING_S)
        file = self._paths.run / "keeper" / "power-failed"
        try:
            file.touch()
        except OSError as error:
            _log.error("the supply fails, and nobody can be told by %s: %s", file, error.strerror)

    def _ask(self, meaning: Meaning) -> None:
        if meaning is Meaning.NETWORK:
            access.forget(self._paths.root)
            ask(self._paths.run / "steward.sock", {"op": "network-forget"}, _ASKED_S)
        else:
            from appliance.desk import reset  # noqa: PLC0415 - keeper stays small without it

            reset.ask(self._paths)

    # What is seen and heard

    def _say(self, sign: Sign, for_s: float | None = None) -> None:
        with self._lock:
            if self._sign is Sign.ENDING:
                return  # nothing else matters until then
            self._sign = sign
            self._sound(SIGN_SOUNDS.get(sign, ()))
            self._light()
            if self._back:
                self._back.cancel()
            if for_s is not None:
                self._back = Timer(for_s, self._say_no_more)
                self._back.daemon = True
                self._back.start()

    def _say_no_more(self) -> None:
        with self._lock:
            self._sign = None
            self._light()

    def _light(self) -> None:
        if self._sign:
            self._lamps.show(SIGNS[self._sign], f"[{self._sign}]")
        elif self._state:
            self._lamps.show(PATTERNS[self._state].frames, drawing(self._state))

    def _sound(self, beats: tuple[float, ...]) -> None:
        if self._panel:
            self._panel.sound(beats)
