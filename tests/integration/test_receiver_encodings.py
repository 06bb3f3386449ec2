"""Compressed and otherwise unusual objects, from real senders: kept bit for bit as they came."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.builders.encodings import WAYS, Encoded, encoded, read
from tests.builders.receiving import receiving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.receiving import Receiving

_CONVERTED_BY_DCMSEND = "big-endian"


def sent_by(tool: str, option: str, box: Receiving, image: Encoded) -> str:
    command = [tool, "-v", "-aet", "CR1", "-aec", "JEMBATAN", option]
    command += ["127.0.0.1", str(box.port), str(image.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", WAYS)
def test_a_data_set_is_kept_bit_for_bit(tmp_path: Path, name: str) -> None:
    image = encoded(name, tmp_path)
    with receiving(tmp_path / "box") as box:
        said = sent_by("storescu", WAYS[name].proposing, box, image)
        assert "Received Store Response (Success)" in said
        if name != _CONVERTED_BY_DCMSEND:
            assert "with status SUCCESS  : 1" in sent_by(
                "dcmsend", "--decompress-never", box, image
            )
        assert box.names() == [f"CR1/{image.uid}.dcm"]
        (kept,) = box.box.journal.spool.files()
        assert read(kept)[1:] == image[1:]
