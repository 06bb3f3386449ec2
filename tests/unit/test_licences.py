from __future__ import annotations

from importlib.metadata import Distribution
from typing import TYPE_CHECKING

import pytest

from tests import licences

if TYPE_CHECKING:
    from pathlib import Path


def package(folder: Path, *fields: str) -> Distribution:
    info = folder / "sample-1.dist-info"
    info.mkdir()
    metadata = "\n".join(("Metadata-Version: 2.4", "Name: sample", "Version: 1", *fields, ""))
    (info / "METADATA").write_text(metadata)
    return Distribution.at(info)


@pytest.mark.parametrize(
    "fields",
    [
        ("License-Expression: MIT",),
        ("License-Expression: Apache-2.0 AND (BSD-2-Clause OR MIT)",),
        ("Classifier: License :: OSI Approved :: BSD License", "License: a page of text"),
        ("License: BSD-3-Clause",),
    ],
)
def test_a_permissive_licence_passes(tmp_path: Path, fields: tuple[str, ...]) -> None:
    assert licences.objection(package(tmp_path, *fields)) == ""


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("License: UNKNOWN",),
        ("License-Expression: GPL-3.0-or-later",),
        ("License-Expression: MIT AND AGPL-3.0-only",),
        ("License-Expression: GPL-2.0-only WITH Classpath-exception-2.0",),
        (
            "Classifier: License :: OSI Approved :: MIT License",
            "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
        ),
    ],
)
def test_any_other_is_named(tmp_path: Path, fields: tuple[str, ...]) -> None:
    assert licences.objection(package(tmp_path, *fields)).startswith("sample: ")


def test_a_lock_names_its_pins_only() -> None:
    lock = "# a comment\nflask-wtf==1.3.0 ; marker \\\n    --hash=sha256:00\n    # via jembatan\n"
    assert list(licences.installed(lock)) == ["flask-wtf"]
