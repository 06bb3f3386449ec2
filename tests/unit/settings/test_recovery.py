from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.settings import recovery

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_kept_until_somebody_has_it(tmp_path: Path) -> None:
    assert recovery.kept(tmp_path) == ""
    recovery.forget(tmp_path)
    recovery.keep(tmp_path, "ABCDEF-GHJKMN", os.getuid())
    assert recovery.kept(tmp_path) == "ABCDEF-GHJKMN"
    recovery.forget(tmp_path)
    assert recovery.kept(tmp_path) == ""
