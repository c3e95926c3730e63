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
    assert copy.took_s is None
    assert len(parse_copies(f"copy={SHA256}\n{ABOUT}" * 2)) == 2


def test_where_it_was_made_a_copy_says_how_long_that_took() -> None:
    """Which is no part of what it is."""
    first, second = parse_copies(f"copy={SHA256}\n{ABOUT}seconds=512\ncopy={SHA256}\n{ABOUT}")
    assert (first.took_s, second.took_s) == (512, None)
    assert first.words == second.words


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
        f"copy={SHA256}\n{ABOUT}seconds=-1\n",
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
    assert _shown(program) == f"copy={SHA256}\n{ABOUT}"
    (tmp_path / "e.copy").write_text(f"{'b' * 64}\nseconds=9\n")
    (tmp_path / "f.copy").write_text(f"{SHA256}\n")
    assert _shown(program) == f"copy={SHA256}\n{ABOUT}"
    (tmp_path / "f.copy").write_text(f"{SHA256}\nseconds=512\n")
    assert _shown(program) == f"copy={SHA256}\n{ABOUT}seconds=512\n"


def _shown(program: str) -> str:
    words = ["bash", "-c", f"set -o pipefail\n{program}\ncopies"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
