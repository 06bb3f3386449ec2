"""Owns looking at the certificate that a peer shows, for a person who compares and agrees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.call import ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from appliance.settings.schema import Tls

_DELIVER_S = 60.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What was shown; without a `fingerprint` nothing was, and why."""

    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    fingerprint: str = ""
    sentence: str = ""
    hint: str = ""


def look(run_dir: Path, host: str, port: int, tls: Tls | None) -> Looked:
    """Have the service that sends images look. Raises NobodyAnswers where it does not run."""
    request = {"host": host, "port": port, "tls": tls and asdict(tls)}
    told = ask(run_dir / "deliver.sock", {"op": "certificate", **request}, _DELIVER_S)
    if not told["certificate"]:
        return Looked(sentence=told["sentence"], hint=told["hint"])
    return _read(told["certificate"])


def _read(told: Mapping[str, Any]) -> Looked:
    return Looked(
        told["subject"],
        told["issuer"],
        tuple(told["names"]),
        datetime.fromisoformat(told["not_before"]),
        datetime.fromisoformat(told["not_after"]),
        told["fingerprint"],
    )
