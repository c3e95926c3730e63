"""What counts as left under the key that is out, in a real directory: each number for its own."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from remediations.playbooks.keys.reencryption_gates import StoreBefore, why_left
from remediations.systems.stores.aftermath import Aftermath, look_after
from remediations.systems.stores.inventory import FilesPlace
from remediations.systems.stores.sealing import PrivateKey
from tests.unit.stores.keys import FIRST, SECOND
from tests.unit.stores.test_reencrypt import sealed


def forged() -> bytes:
    """An envelope that names the key that is out, and that it does not open."""
    tree = json.loads(sealed("content"))
    content = bytearray(b64decode(tree["ciphertext"]))
    content[-1] ^= 1
    tree["ciphertext"] = b64encode(content).decode()
    return json.dumps(tree, separators=(",", ":")).encode()


def after(tree: Path, *, old: PrivateKey | None = FIRST, **objects: bytes) -> Aftermath:
    """What is found in a directory with these objects."""
    tree.mkdir()
    for name, data in objects.items():
        (tree / name).write_bytes(data)
    place = FilesPlace(name="vault", path=str(tree))
    return look_after(place, FIRST.fingerprint, SECOND, old, {})


def before(*, damaged: int = 0, locked: int = 0) -> StoreBefore:
    """A store as it was planned, with what was accepted."""
    return StoreBefore(
        store="vault", count=2, root="ab" * 32, accept_damaged=damaged, keeps_former=False,
        accept_locked=locked,
    )  # fmt: skip


def test_what_the_old_key_opens_is_not_damaged(tmp_path: Path) -> None:
    """However many damaged ones were accepted."""
    found = after(tmp_path / "tree", live=sealed("by a writer who does not know"))
    assert (found.name_old, found.damaged) == (1, 0)
    assert "1 live ones name it, 0 were accepted" in why_left(before(damaged=5), found)
    assert why_left(before(locked=1), found) == ""


def test_what_it_does_not_open_is_damaged(tmp_path: Path) -> None:
    """As the job has called it; where it may stay under the old key it is not accepted by that."""
    found = after(tmp_path / "tree", torn=sealed("torn")[:-9], forged=forged())
    assert (found.name_old, found.damaged) == (0, 2)
    assert why_left(before(damaged=2), found) == ""
    assert "2 cannot be read, 1 were accepted" in why_left(before(damaged=1, locked=9), found)


@pytest.mark.parametrize("data", [sealed("content"), forged()], ids=["sealed", "forged"])
def test_without_the_old_key_whatever_names_it_counts(tmp_path: Path, data: bytes) -> None:
    """Nobody can tell the two apart then."""
    found = after(tmp_path / "tree", old=None, one=data)
    assert (found.name_old, found.damaged) == (1, 0)
    assert why_left(before(damaged=5), found)
