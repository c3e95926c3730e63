"""The plain path's reading: its program under /bin/sh, and what is made of its answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from remediations.systems.comet.plain.facts import NodeReading, NodeState
from tests.unit.operations.host import ADDRESS, FakeHost


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def read(host: FakeHost, **arguments: str) -> NodeState | None:
    fact = NodeReading()
    done = host.run(fact.command(**arguments).get_raw_value())
    assert done.returncode == 0
    assert "priv_key" not in done.stdout + done.stderr
    return fact.process(done.stdout.splitlines())


def test_everything_is_discovered(host: FakeHost) -> None:
    """Unit, home and RPC port are found on the host when nobody names them."""
    host.rpc(height=100, power=40, total=100)
    state = read(host)
    assert state is not None
    assert (state.unit, state.home, state.user) == ("ve.service", str(host.home), "ve")
    assert (state.address, state.sign, state.stop_timeout_s) == (ADDRESS, (40, 1, 3), 20)
    assert (state.free_kib, state.halt, state.double_sign_check_height) == (10**8, "0/0", 0)
    assert state.rpc is not None
    assert (state.rpc.height, state.rpc.power, state.rpc.total) == (100, 40, 100)


def test_a_node_that_is_down_has_no_rpc_and_no_doubt(host: FakeHost) -> None:
    """An RPC that does not answer is a finding, not a failure to read."""
    state = read(host, unit="ve.service", home=str(host.home), rpc="http://127.0.0.1:26657")
    assert state is not None
    assert state.rpc is None


def test_a_keyless_host_has_no_address(host: FakeHost) -> None:
    """Absent is a value of its own for key and sign state."""
    (host.home / "config/priv_validator_key.json").unlink()
    host.sign_file.unlink()
    state = read(host)
    assert state is not None
    assert (state.address, state.sign) == ("", None)


FAULTS = ["key", "sign", "disk", "home", "unit", "status", "infinity", "zeros", "FIFO", "depth"]


@pytest.mark.parametrize("fault", FAULTS)
def test_doubt_is_none(host: FakeHost, fault: str) -> None:
    """Whatever cannot be read or parsed makes the whole node unknown."""
    host.rpc(height=100, power=40, total=100)
    match fault:
        case "key":
            (host.home / "config/priv_validator_key.json").write_text("{}")
        case "sign":
            host.sign_file.write_text("{")
        case "disk":
            host.script("df", "#!/bin/sh\nexit 1\n")
        case "home":
            host.home.rename(host.root / "elsewhere")
        case "unit":
            host.show(ExecStart="{ argv[]=/bin/other ; }")
        case "status":
            (host.root / "rpc/status").write_text("<html>")
        case "zeros":
            host.sign_file.unlink()
            host.sign_file.symlink_to("/dev/zero")
        case "FIFO":
            (host.home / "config/config.toml").unlink()
            os.mkfifo(host.home / "config/config.toml")
        case "depth":
            (host.root / "rpc/status").write_text("[" * 1_000_000)
        case "infinity":
            host.show(TimeoutStopUSec="infinity")
    assert read(host) is None


def test_an_answer_that_was_cut_is_none() -> None:
    """Without its last line the answer is incomplete."""
    assert NodeReading().process(["unit=ve.service"]) is None
    assert NodeReading().process(["noise"]) is None


@pytest.mark.parametrize(
    ("line", "on"),
    [("", False), ("adaptive_sync = false\n", False), ("adaptive_sync = true # why\n", True)],
    ids=["not there", "off", "on"],
)
def test_adaptive_sync_is_read(host: FakeHost, line: str, on: bool) -> None:
    """Before CometBFT 0.39 there is no such setting."""
    file = host.home / "config/config.toml"
    file.write_text(f"{file.read_text()}\n[blocksync]\n{line}")
    state = read(host)
    assert state is not None
    assert state.adaptive_sync is on


def test_an_adaptive_sync_of_another_form_is_doubt(host: FakeHost) -> None:
    """The daemon takes a number for a switch, too: what it means is not guessed."""
    file = host.home / "config/config.toml"
    file.write_text(f"{file.read_text()}\n[blocksync]\nadaptive_sync = 1\n")
    assert read(host) is None
