"""Owns how long a doctor waits in tests, and that no clock but a test's own is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.desk.doctor.subject import Limits
from appliance.dicom.association import Patience
from tests.peers.orthanc import free_port

if TYPE_CHECKING:
    from pathlib import Path


def short(
    root: Path,
    *,
    answer_s: float = 15.0,
    report_s: float = 0.1,
    ntp_port: int = 0,
    http_port: int = 0,
    synchronised: Path | None = None,
    chip: Path | None = None,
) -> Limits:
    """Long enough for a real peer on a busy machine; short where nothing is to come at all."""
    return Limits(
        patience=Patience(connection_s=5.0, acse_s=15.0, release_s=1.0, dimse_s=answer_s),
        report_s=report_s,
        time_s=0.5,
        synchronised=synchronised or root / "no" / "synchronised",
        chip=chip or root / "no" / "chip",
        ntp_port=ntp_port or free_port(),
        http_port=http_port or free_port(),
        other_port=free_port(),
    )
