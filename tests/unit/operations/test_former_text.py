"""The programs that bring back what an install replaced, a limit and a disabled unit, run for
real."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.systems.comet.enablement import PlannedDisable
from remediations.systems.comet.former_program import (
    PlannedFormer,
    PlannedFormerBelow,
    put_former_back_below_text,
    put_former_back_text,
)
from remediations.systems.comet.install import FILES
from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.hosts.probe import program_is, unit_disabled
from tests.unit.operations.host import FakeHost
from tests.unit.operations.test_install_below import BelowHost
from tests.unit.operations.test_install_text import NEW, OLD, InstallHost, sha256

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are root's alone")

RPC = "http://127.0.0.1:26657"
BLOCK = 45
"""The sign state of the host is 40/1/3 (`FakeHost`)."""


class FormerHost(InstallHost):
    """A host on which the install was done, and whose unit fails again and again."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        assert self.install().returncode == 0
        self.answers('echo "v1.0"')
        self.show(ActiveState="activating", InvocationID="b" * 32)
        self.app(None)

    def app(self, height: int | None) -> None:
        """What the application tells of its height; None for a node that does not answer."""
        told = "exit 7" if height is None else f"""echo '{{"last_block_height":"{height}"}}'"""
        self.script("curl", f"#!/bin/sh\n{told}\n")

    def former(self, **changes: str | int) -> PlannedFormer:
        data: dict[str, object] = {
            **vars(self.node(user="nobody")), "stands_at": BLOCK, "rpc": RPC,
            "path": str(self.path), "sha256": sha256(OLD), "replaces": sha256(NEW),
        }  # fmt: skip
        return PlannedFormer.from_data({**data, **changes})

    def put_back(self, **changes: str | int) -> subprocess.CompletedProcess[str]:
        text = put_former_back_text(self.former(**changes))
        return self.run(text.replace(FILES, str(self.files)))


@pytest.fixture
def root() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def host(root: Path) -> FormerHost:
    return FormerHost(root)


def test_the_former_program_comes_back(host: FormerHost) -> None:
    """Between stop and start, whichever process runs by now; the probe looks at the file."""
    assert host.path.read_bytes() == NEW
    assert host.holds(program_is(str(host.path), "", sha256(NEW)))
    done = host.put_back()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"put back: {host.path}, v1.0",
        "started again: ve.service is active",
    ]
    assert host.acts[-2:] == ["stop ve.service", "start ve.service"]
    assert host.path.read_bytes() == OLD
    assert host.holds(program_is(str(host.path), "", sha256(OLD)))
    assert not host.holds(program_is(str(host.path), "", sha256(NEW)))


def test_a_unit_that_fails_again_is_told(host: FormerHost) -> None:
    """It stands at the block at which it stood before: that is what was asked for."""
    (host.unit / "on-start").write_text("echo activating >ActiveState")
    done = host.put_back()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "started again: ve.service is activating",
    )


def test_half_an_install_is_taken_back(host: FormerHost) -> None:
    """It was cut off before the swap: the unit is stopped, and only started again."""
    host.path.write_bytes(OLD)
    host.show(ActiveState="inactive")
    done = host.put_back()
    assert (done.returncode, done.stdout) == (0, "started again: ve.service is active\n")


@pytest.mark.parametrize("height", [BLOCK, BLOCK + 7])
def test_a_program_that_acted_stays(host: FormerHost, height: int) -> None:
    """Its application has executed the block; nothing is stopped for that."""
    host.app(height)
    acts = host.acts
    done = host.put_back()
    assert done.returncode == 64
    assert f"an application at {height}: the new program acted" in done.stderr
    assert (host.acts, host.path.read_bytes()) == (acts, NEW)


def test_a_node_below_the_block_has_not_acted(host: FormerHost) -> None:
    host.app(BLOCK - 1)
    assert host.put_back().returncode == 0


def test_a_key_that_signed_above_the_block_tells_it(host: FormerHost) -> None:
    """Also where the node does not answer any more."""
    done = host.put_back(stands_at=39)
    assert done.returncode == 64
    assert "the new program executed block 39" in done.stderr
    assert host.path.read_bytes() == NEW


def test_a_former_program_that_is_not_kept(host: FormerHost) -> None:
    (host.files / sha256(OLD)).unlink()
    done = host.put_back()
    assert done.returncode == 64
    assert "no file" in done.stderr
    assert host.path.read_bytes() == NEW


def test_another_program_is_left_alone(host: FormerHost) -> None:
    """Somebody put a third one there."""
    host.path.write_bytes(NEW + b"x")
    done = host.put_back()
    assert done.returncode == 64
    assert host.path.read_bytes() == NEW + b"x"


@pytest.mark.parametrize("rpc", ["", "https://x:1", "http://x"])
def test_an_rpc_that_is_none(host: FormerHost, rpc: str) -> None:
    with pytest.raises(PlannedNodeError, match="rpc is"):
        host.former(rpc=rpc)


def test_below_cosmovisor(root: Path) -> None:
    """In the place of the program in use, with the rights of the service user."""
    host = BelowHost(root)
    host.script("curl", "#!/bin/sh\nexit 7\n")
    host.genesis.write_bytes(NEW)
    host.brought(OLD)
    host.owned()
    data: dict[str, object] = {
        **vars(host.node(user="nobody")), "stands_at": BLOCK, "rpc": RPC, "name": "ve",
        "current": str(host.genesis), "current_sha256": sha256(NEW), "place": str(host.genesis),
        "sha256": sha256(OLD), "replaces": sha256(NEW), "upgrade": "",
        "upgrade_info": sha256(host.info.read_bytes()), "backup": 0,
    }  # fmt: skip
    text = put_former_back_below_text(PlannedFormerBelow.from_data(data))
    done = host.run(text.replace(FILES, str(host.files)))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith(f"placed: {host.genesis}, ")
    assert host.genesis.read_bytes() == OLD
    assert host.holds(program_is(str(host.genesis), "nobody", sha256(OLD)))
    again = host.run(text.replace(FILES, str(host.files)))
    assert again.returncode == 0
    acted = PlannedFormerBelow.from_data({**data, "stands_at": 39})
    host.genesis.write_bytes(NEW)
    refused = host.run(put_former_back_below_text(acted).replace(FILES, str(host.files)))
    assert (refused.returncode, host.genesis.read_bytes()) == (64, NEW)


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("disabled", "enabled", "disabled: ve.service"),
        ("disabled", "disabled", "already so"),
        ("static", "enabled", "left as it is: ve.service was static before"),
        ("", "enabled", "left as it is: ve.service was of unknown state before"),
    ],
)
def test_only_what_was_disabled_is_disabled_again(
    tmp_path: Path, was: str, now: str, says: str
) -> None:
    host = FakeHost(tmp_path)
    (host.unit / "enabled").write_text(now)
    host.show(UnitFileState=now)
    node = host.node()
    planned = PlannedDisable(unit=node.unit, home=node.home, user=node.user, was=was)
    done = host.run(planned.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(says)
    assert host.holds(unit_disabled("ve.service")) is (was == "disabled")
