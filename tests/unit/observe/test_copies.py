"""The copies of databases that a host keeps, as they are read and parsed."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.comet.data_copy import MAX_COPIES, parse_copies
from remediations.values.lines import TextError

SHA256 = "c" * 64
ABOUT = (
    "format=1\nchain_id=ve-1\ndonor=full1\nheight=114\napp_hash=AB\nbackend=goleveldb\nbytes=9\n"
)


def test_a_copy_says_what_it_is() -> None:
    """In one line it is a fact."""
    (copy,) = parse_copies(f"copy={SHA256}\n{ABOUT}")
    assert (copy.sha256, copy.donor, copy.height) == (SHA256, "full1", 114)
    assert copy.words == (
        "chain_id=ve-1 donor=full1 height=114 app_hash=AB backend=goleveldb bytes=9"
    )
    assert len(parse_copies(f"copy={SHA256}\n{ABOUT}" * 2)) == 2


@pytest.mark.parametrize(
    "text",
    [
        ABOUT,
        f"copy=abc\n{ABOUT}",
        f"copy={SHA256}\n",
        f"copy={SHA256}\n{ABOUT.replace('format=1', 'format=2')}",
        f"copy={SHA256}\n{ABOUT}more=1\n",
        f"copy={SHA256}\n{ABOUT.replace('bytes=9', '')}",
        f"copy={SHA256}\n{ABOUT.replace('114', '-1')}",
        f"copy={SHA256}\n{ABOUT.replace('full1', 'a b')}",
        f"copy={SHA256}\n{ABOUT.replace('AB', 'zz')}",
        f"copy={SHA256}\n{ABOUT}" * (MAX_COPIES + 1),
    ],
)
def test_what_is_malformed_is_not_believed(text: str) -> None:
    """Nothing of it is a default."""
    with pytest.raises(TextError):
        parse_copies(text)


def test_only_what_begins_as_a_copy_is_shown(tmp_path: Path) -> None:
    """Programs lie in the same place; of a copy only its first member is read."""
    (tmp_path / ("a" * 64)).write_bytes(b"\x7fELF")
    with tarfile.open(tmp_path / SHA256, "w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("about")
        member.size = len(ABOUT)
        archive.addfile(member, io.BytesIO(ABOUT.encode()))
    (tmp_path / "d.copy").write_text("no")
    text = files("remediations.systems.comet").joinpath("probe.sh").read_text()
    function = re.search(r"^copies\(\) \{.*?^\}", text, re.MULTILINE | re.DOTALL)
    assert function is not None
    program = function[0].replace("/var/lib/remediate/files", str(tmp_path))
    program = program.replace("((EUID == 0)) || return 13", "")
    shown = subprocess.run(
        ["bash", "-c", f"{program}\ncopies"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"copy={SHA256}\n{ABOUT}"
