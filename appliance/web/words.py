"""Owns what templates may say besides their own sentences: times, days, fields, who we are."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape

from appliance import __version__
from appliance.desk import settings as desk
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from appliance.web.auth import Auth
    from appliance.web.box import Box

LABELS: Mapping[str, str] = {
    "ae_title": "AE title",
    "after": "When every PACS has proved that it has the image",
    "allow": "Who may send",
    "baud": "Speed (baud)",
    "bits_stored": "Meaningful bits",
    "ca": "Who signed its certificate",
    "called": "Our AE title",
    "cert": "Certificate of this box",
    "calling_ae_title": "Our AE title there",
    "charset": "Text encoding",
    "contact": "Who looks after it",
    "confirm": "How it proves that it has an image",
    "date": "Where the exam date may come from",
    "domain": "Domain",
    "end_bytes": "Ends with",
    "fingerprint": "Fingerprint of its certificate",
    "filename": "Pattern of file names",
    "framing": "Bits",
    "handshake": "Handshake",
    "host": "Host",
    "hosts": "Only these addresses may connect",
    "identity": "Who says that the patient is right",
    "idle_s": "Ends after so many seconds of silence",
    "interface": "Network socket of the box it is connected to",
    "key": "Its private key",
    "listen_port": "Port",
    "max_kib": "Ends after so many kilobytes at the latest",
    "modality": "Modality",
    "mount": "Share of the modality",
    "move_to": "Move them to",
    "password": "Password",
    "path": "Folder",
    "photometric": "Which grey is white",
    "port": "Port",
    "poll_s": "Look every so many seconds",
    "protocol": "What comes over the line",
    "quiet_s": "Look at it after so many quiet seconds",
    "sidecar": "A file beside the image that describes it",
    "size_gib": "Size in GB",
    "sop_class": "Kind of image",
    "start_bytes": "Begins with",
    "station_ae_title": "Only exams planned for the station",
    "test_patient": "Test patient",
    "tls": "Over TLS only",
    "tls_ca": "Who signs certificates of modalities",
    "tls_cert": "Certificate",
    "tls_key": "Its private key",
    "tls_port": "Port for TLS",
    "user": "User",
}
"""Keys of the settings, as hints name them, and what their fields are called on the page."""


def teach(app: Flask, box: Box, auth: Auth) -> None:
    """Make them known to the templates of `app`."""

    def everywhere() -> dict[str, Any]:
        """What the frame of a page shows; a broken journal must not break the page about it."""
        known = {
            "box_name": box.settings.box.name,
            "zone": box.zone,
            "is_on_a_card": box.is_on_a_card,
            "attention_count": 0,
        }
        with suppress(Problem):
            if auth.signed_in():
                known["recovery_key_waits"] = bool(desk.recovery_key(box.paths))
                known["attention_count"] = len(
                    {row["id"] for row in box.journal.ledger.attention()}
                )
        return known

    def local(moment: datetime | str, unit: str = "minutes") -> str:
        """A moment (or a stamp of one) as people read it where the box stands."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return moment.astimezone(box.zone).replace(tzinfo=None).isoformat(" ", unit)

    app.context_processor(everywhere)
    app.add_template_filter(local)
    app.add_template_filter(day)
    app.add_template_filter(in_words)
    app.add_template_filter(coded)
    app.jinja_env.globals.update(csrf=_csrf, version=__version__)


def day(value: str) -> str:
    """A DICOM date (DA, 20260314) as people and the browser's date field write it."""
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if re.fullmatch(r"\d{8}", value) else value


def in_words(hint: str) -> str:
    """A hint with `keys` of the settings called as the page calls them, if it has them."""
    return re.sub(r"`(\w+)`", lambda found: _field(found[1]), hint)


def coded(text: str) -> Markup:
    """Prose in which `words` of the settings or of a command line are set as such."""
    prose, *rest = re.split(r"`([^`]+)`", text)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return escape(prose) + Markup("").join(Markup("<code>{}</code>{}").format(*p) for p in pairs)


def _field(key: str) -> str:
    return f"“{LABELS[key]}”" if key in LABELS else f"“{key}” in the settings file"


def _csrf() -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
