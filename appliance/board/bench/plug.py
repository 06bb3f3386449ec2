"""Owns trying the RS-232 plug with its pins 2 and 3 joined: what is sent must come back."""

from __future__ import annotations

import os

import serial

from appliance.board.bench.finding import Finding, judged, untold

_SPEEDS = (9600, 115200)
_LENGTH = 256
_PATIENCE_S = 2.0
_EXPECTED = f"{_LENGTH} bytes come back as they went, at {' and '.join(map(str, _SPEEDS))} baud"
_JOIN = "Join pins 2 and 3 of the nine-pin plug, with nothing else plugged in, and look again."


def loopback(path: str) -> Finding:
    """Send and receive on the line behind `path`."""
    try:
        for speed in _SPEEDS:
            with serial.Serial(path, speed, timeout=_PATIENCE_S, exclusive=True) as port:
                port.reset_input_buffer()
                sent = os.urandom(_LENGTH)
                port.write(sent)
                if (came := port.read(_LENGTH)) != sent:
                    return _bad(f"{len(came)} bytes at {speed} baud{_how(came)}")
    except (OSError, serial.SerialException) as error:
        return untold(
            "RS-232", str(error), _EXPECTED, "Take `dtoverlay=jembatan` into config.txt."
        )
    return judged("RS-232", good=True, found=f"{path}: all", expected=_EXPECTED, advice="")


def _how(came: bytes) -> str:
    return ", damaged or of somebody else" if len(came) == _LENGTH else ""


def _bad(found: str) -> Finding:
    return judged("RS-232", good=False, found=found, expected=_EXPECTED, advice=_JOIN)
