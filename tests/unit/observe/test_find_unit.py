"""Which unit and which home are the daemon's: found without doubt, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.values.reading import Known, Unknown
from tests.unit.observe.fake_host import Host, observe


@pytest.fixture
def silent(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on."""
    return Host(tmp_path, 1)


def test_no_unit_and_two_units_are_distinguished(silent: Host) -> None:
    """Exactly one must match; otherwise nothing of a daemon is known, and the reason names them."""
    silent.units = []
    none = observe(silent).unit
    assert isinstance(none, Unknown)
    assert "no unit file" in none.reason
    silent.units = ["virtengine.service enabled -", "virtengined.service disabled -"]
    two = observe(silent)
    assert isinstance(two.unit, Unknown)
    assert "virtengined.service" in two.unit.reason
    assert isinstance(two.sign_state, Unknown)
    assert isinstance(observe(silent, unit="virtengine.service").unit, Known)


def test_templates_and_aliases_are_not_a_second_unit(silent: Host) -> None:
    """`virtengine@.service` cannot run, and an alias is the same unit again."""
    silent.units += ["virtengine@.service static -", "virtengine-node.service alias -"]
    assert isinstance(observe(silent).unit, Known)


def test_without_home_on_the_command_line_it_is_unknown(silent: Host) -> None:
    """A wrapper's home is not guessed; the inventory can say it."""
    silent.arguments = "run start"
    unknown = observe(silent)
    assert isinstance(unknown.unit, Unknown)
    assert "has no --home" in unknown.unit.reason
    assert isinstance(unknown.sign_state, Unknown)
    assert unknown.samples == ()
    pinned = observe(silent, home=str(silent.home)).unit
    assert isinstance(pinned, Known)
    assert pinned.value.home == str(silent.home)


def test_two_different_homes_are_unknown(silent: Host) -> None:
    """The inventory and the unit contradict each other: neither is believed."""
    reading = observe(silent, home="/somewhere/else")
    assert isinstance(reading.unit, Unknown)
    assert "the inventory says" in reading.unit.reason
