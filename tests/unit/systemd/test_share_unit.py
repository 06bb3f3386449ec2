"""What Samba's sandbox leaves open; read as systemd reads units and drop-ins."""

from __future__ import annotations

from pathlib import Path

UNITS = Path("systemd")


def said(option: str) -> list[str]:
    """The values of a list that an empty one begins anew (systemd.exec(5))."""
    drop_ins = [*UNITS.glob("jembatan-.service.d/*"), *UNITS.glob("jembatan-share.service.d/*")]
    drop_ins.sort(key=lambda path: path.name)
    values: list[str] = []
    for path in (UNITS / "jembatan-share.service", *drop_ins):
        for line in path.read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals and key == option:
                values = [*values, *value.split()] if value else []
    return values


def test_it_writes_where_modalities_write_and_sees_neither_journal_nor_images() -> None:
    assert said("ReadWritePaths") == ["/run/jembatan", "-/data/shares", "-/srv"]
    assert said("InaccessiblePaths") == ["/data/var"]
