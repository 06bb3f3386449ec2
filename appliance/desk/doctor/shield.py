"""Owns the doctor's look at TLS: do both sides want it, and do they trust each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.remedies import remedies
from appliance.desk.doctor.report import State
from appliance.desk.doctor.subject import Found
from appliance.desk.doctor.talk import met
from appliance.dicom import handshake

if TYPE_CHECKING:
    from appliance.certificate import Certificate
    from appliance.desk.doctor.subject import Visit
    from appliance.dicom.handshake import Handshake

_MAY_MEAN_TLS = (errors.AssociationAborted, errors.NotDicom, errors.PeerSilent)


def tls(visit: Visit) -> str | Found:
    """Both want it and trust each other, or both do not want it."""
    if visit.target.tls is None:
        return _without(visit)
    seen = handshake.probe(visit.target, visit.limits.patience.connection_s)
    if seen.problem:
        return _failed(visit, seen.problem, seen)
    until = f", certificate good until {_day(seen.certificate)}" if seen.certificate else ""
    return f"{seen.version}{until}"


def facts(shown: Certificate | None) -> dict[str, str]:
    """What remedies are filled in with, of a certificate if one was shown."""
    return {
        "names": " or ".join(shown.names) if shown else "a name it is made out to",
        "fingerprint": shown.fingerprint if shown else "...",
        "until": _day(shown) if shown else "the past",
    }


def _without(visit: Visit) -> str | Found:
    """Only where a plain call was not understood is the peer asked whether it wants TLS."""
    if not isinstance(met(visit), _MAY_MEAN_TLS):
        return "neither side uses it"
    seen = handshake.shown(visit.target, visit.limits.patience.connection_s)
    if not seen.version:
        return "this box does not use it, and it is not what is asked for there"
    target = visit.target
    problem = errors.TlsExpected(host=target.host, port=target.port, peer=target)
    return _failed(visit, problem, seen)


def _failed(visit: Visit, problem: errors.AssociationFailed, seen: Handshake) -> Found:
    shown = seen.certificate
    text = problem.sentence + (f" {_described(shown)}" if shown else "")
    entries = remedies(problem.code, {**visit.facts, **facts(shown)})
    return Found(text, State.FAILED, problem.hint, problem.code, entries)


def _described(shown: Certificate) -> str:
    names = ", ".join(shown.names) or "nobody"
    return (
        f"It is made out to {names}, signed by {shown.issuer}, good from "
        f"{shown.not_before:%Y-%m-%d} to {_day(shown)}, fingerprint {shown.fingerprint}."
    )


def _day(shown: Certificate) -> str:
    return f"{shown.not_after:%Y-%m-%d}"
