"""Whether somebody still writes, as the kernel tells it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.sources.patience import being_written

CAP_LEASE = 28  # linux/capability.h
ASK = """
import sys
from pathlib import Path
from appliance.sources.patience import being_written
print(being_written(Path(sys.argv[1])))
"""


def may_lease() -> bool:
    found = re.search(r"^CapEff:\t(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bool(found and int(found[1], 16) >> CAP_LEASE & 1)


def test_a_file_is_being_written_while_somebody_has_it_open_for_that(tmp_path: Path) -> None:
    path = tmp_path / "film.bmp"
    with path.open("wb"):
        assert being_written(path)
    assert not being_written(path)
    with path.open("rb"):
        assert not being_written(path)


@pytest.mark.skipif(not may_lease() or os.geteuid() != 0, reason="needs root with CAP_LEASE")
def test_of_the_file_of_another_user_only_the_capability_tells(tmp_path: Path) -> None:
    """As in a hosted share: Samba owns what modalities write, watch is another user."""
    path = tmp_path / "film.bmp"
    with path.open("wb"):
        os.chown(path, 1, 1)
        assert being_written(path)
        command = ["setpriv", "--bounding-set=-lease", sys.executable, "-c", ASK, str(path)]
        without = subprocess.run(command, capture_output=True, text=True, check=True)
        assert without.stdout == "False\n"
    assert not being_written(path)
