"""Owns the proofs' hand in a guest: runs what comes over a port, line by line, as root.

The port is a virtio one, or the serial line that is named on the command line.

Uses nothing but Python's own library. A request is {"run": [...]} or {"python": SOURCE}; it is
answered by {"status", "out"}, by {"value"} (of `value` after SOURCE, whose names stay) or by
{"error"}.
"""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
import tty
from typing import Any

_PORT = "/dev/virtio-ports/agent"
_names: dict[str, Any] = {}


def main() -> None:
    """Answer until the power goes."""
    where = sys.argv[1] if len(sys.argv) > 1 else _PORT
    with open(where, "r+b", buffering=0) as port:  # noqa: PTH123 - unbuffered both ways
        if port.isatty():
            tty.setraw(port.fileno())
        port.write(b'{"value": "here"}\n')
        for line in _lines(port):
            port.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")


def _lines(port: Any) -> Any:
    """What comes, by lines; a read of nothing means that nobody is at the other end just now."""
    rest = b""
    while True:
        rest += port.read(1 << 16) or b""
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            yield line


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return _run(request) if "run" in request else _python(request["python"])
    except Exception:  # noqa: BLE001 - whoever asked is told
        return {"error": traceback.format_exc()}


def _run(request: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        request["run"],
        input=request.get("input", ""),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=request.get("seconds", 120),
        check=False,
    )
    return {"status": done.returncode, "out": done.stdout}


def _python(source: str) -> dict[str, Any]:
    exec(source, _names)
    return {"value": _names.get("value")}


if __name__ == "__main__":
    main()
