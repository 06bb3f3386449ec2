"""Owns what the statement says of security and of letters."""

from __future__ import annotations

import ssl

from appliance.desk.conformance.parts import Table
from appliance.dicom.guarded import profiled
from appliance.settings.schema import CHARSETS


def profiles() -> Table:
    """The security profiles of PS3.15."""
    rows = (
        ("BCP 195 RFC 9325 TLS Secure Transport Connection (PS3.15 B.12)", "Yes, out and in"),
        ("Basic Application Level Confidentiality (PS3.15 E)", "No"),
        ("Audit Trail (PS3.15 A.5)", "No"),
        ("Online Electronic Storage, digital signatures (PS3.15 A.1, C)", "No"),
    )
    return Table("Security profiles", ("Profile", "Supported"), rows)


def ciphers() -> Table:
    """The cipher suites that are offered and taken: as OpenSSL on this machine names them."""
    context = profiled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    found = context.get_ciphers()
    rows = tuple((str(each["protocol"]), str(each["name"])) for each in found)
    return Table("TLS cipher suites", ("Since", "Cipher suite"), rows)


def letters() -> Table:
    """Specific Character Sets."""
    rows = (
        ("Objects that came", "kept as they were declared; any of PS3.3 C.12.1.1.2"),
        ("Objects made here", "none declared while ASCII is enough, else ISO_IR 192"),
        (
            "Worklist answers",
            (
                "any of PS3.3 C.12.1.1.2; one that is not declared: the worklist's "
                "`charset` setting"
            ),
        ),
        ("For a destination that is set to one (`charset`)", ", ".join(CHARSETS)),
    )
    return Table("Character sets", ("Where", "Which"), rows)
