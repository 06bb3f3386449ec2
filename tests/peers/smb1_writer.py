"""Owns an SMB1 writer as old as XP (impacket): sets the end of file first, then writes slowly.

Run as a program, so that its library's habits stay its own:
python -m tests.peers.smb1_writer PORT USER PASSWORD SHARE NAME FILE SECONDS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from impacket.smb import SMB_DIALECT
from impacket.smbconnection import SMBConnection

_HERE = "127.0.0.1"
_PARTS = 20
_MOST_AT_ONCE = 16 << 10


def main(port: int, user: str, password: str, share: str, name: str, file: str, s: float) -> None:
    """Write `file` as `name`, over `s` seconds; "wrote" when it is closed."""
    content = Path(file).read_bytes()
    # Another name than its address it would look up first, for seconds.
    connection = SMBConnection(_HERE, _HERE, sess_port=port, preferredDialect=SMB_DIALECT)
    assert connection.getDialect() == SMB_DIALECT
    connection.login(user, password)
    tree = connection.connectTree(share)
    handle = connection.createFile(tree, name)
    # SMB_COM_WRITE of nothing sets the end of file (MS-CIFS 2.2.4.12).
    connection.getSMBServer().write(tree, handle, b"", len(content))
    print("size set", flush=True)
    step = -(-len(content) // _PARTS)
    for start in range(0, len(content), step):
        time.sleep(s / _PARTS)
        part = content[start : start + step]
        for at in range(0, len(part), _MOST_AT_ONCE):
            piece = part[at : at + _MOST_AT_ONCE]
            connection.writeFile(tree, handle, piece, start + at)
    connection.closeFile(tree, handle)
    print("wrote", flush=True)


if __name__ == "__main__":
    _, the_port, who, secret, where, called, what, seconds = sys.argv
    main(int(the_port), who, secret, where, called, what, float(seconds))
