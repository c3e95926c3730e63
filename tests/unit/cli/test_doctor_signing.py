"""`doctor`: keys, roles and settings by which a validator could sign twice."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.line import LineState
from remediations.playbooks.chain.doctor.chain_lines import CHAIN
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known
from tests import worlds
from tests.unit.cli.examined import bad, lines_of
from tests.worlds import healthy, known


def test_the_copy_that_runs_is_left_alone() -> None:
    """Which host gives its key away follows from who runs; where both do, people find out."""
    world = worlds.duplicated(healthy(), "val1", "standby1")
    where = (CHAIN, "one key, one host")
    assert bad(lines_of(world))[where].mend.startswith(
        "val1 runs: leave it; on standby1: `sudo systemctl disable --now UNIT`, then move the key"
    )
    world = worlds.duplicated(healthy(), "val1", "val2")
    assert "find out which of val1, val2 signs" in bad(lines_of(world))[where].mend


@pytest.mark.parametrize("host", ["val4", "full1"])
def test_adaptive_sync_is_a_warning_on_a_validator(host: str) -> None:
    """Neither its sign state nor a remote signer protects it then; a full node signs nothing."""
    found = bad(lines_of(worlds.configured(healthy(), host, adaptive_sync=True)))
    if host == "full1":
        assert found == {}
        return
    line = found[host, "adaptive_sync"]
    assert line.state is LineState.WARN
    assert "signing twice" in line.found
    assert "[blocksync]" in line.mend


def role_of(world: CometReading, host: str, role: Role) -> CometReading:
    return worlds.change(world, host, lambda r: replace(r, role=role))


def test_the_only_holder_of_a_key_is_not_told_to_give_it_away() -> None:
    """The inventory calls a running validator a standby: that word is wrong, not the key."""
    line = bad(lines_of(role_of(healthy(), "val2", Role.STANDBY)))["val2", "validator key"]
    assert "role: validator" in line.mend
    assert "leave its key" in line.mend


def test_a_daemon_on_a_bastion_is_lacking() -> None:
    """A validator runs there, and nobody would look after it."""
    line = bad(lines_of(role_of(healthy(), "val4", Role.BASTION)))["val4", "role"]
    assert line.state is LineState.LACK
    assert "correct `role:`" in line.mend
    assert ("bastion1", "role") not in bad(lines_of(healthy(bastion=1)))


def test_nobody_is_told_to_enable_a_validator_without_its_key() -> None:
    """The next boot would make a new key; the line about the key says not to start it."""
    world = worlds.disabled(healthy(), "val4")
    assert ("val4", "unit") in bad(lines_of(world))
    keyless = worlds.key_missing(world, "val4")
    lines = bad(lines_of(worlds.change(keyless, "val4", _disabled)))
    assert ("val4", "unit") not in lines
    assert "do not start it" in lines["val4", "validator key"].mend


def _disabled(reading: HostReading) -> HostReading:
    assert isinstance(reading.unit, Known)
    return replace(reading, unit=known(replace(reading.unit.value, enabled="disabled")))
