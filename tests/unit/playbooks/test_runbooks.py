"""Every alert and every runbook is a name that `remediate plan` takes, and leads to the right
branch."""

from __future__ import annotations

import re

import pytest

from remediations.engine.catalogue import catalogue, find_playbook
from remediations.engine.domain import pick_branch
from remediations.errors import Refused
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.situation import situation_of
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.diagnose.test_slow import TURNS, proposed, slow
from tests.unit.docs.pages import ROOT
from tests.unit.playbooks.test_open_files import looping

PAGE = (ROOT / "docs/diagnosis.md").read_text()
NAME = "`([A-Za-z0-9-]+)`"
ROW = re.compile(rf"^\| {NAME} \| (?:alert|runbook) \| {NAME} \|", re.MULTILINE)
NAMES = (
    "ChainHalted", "ChainBlockTimeSlow", "NodeDown", "BlockProductionStalled", "LowValidatorCount",
    "consensus-failure", "network-partition", "database-issues",
)  # fmt: skip
CONFIG = MachineConfig()


def chosen(name: str, world: CometReading) -> str:
    """The branch that a plan of this name takes."""
    installed = find_playbook(name, CONFIG)
    assert installed is not None
    chain = situation_of(world, frozenset())
    return pick_branch(installed.playbook, chain, DOMAIN.finding(chain), None).name


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_taken(name: str) -> None:
    """In any case of letters."""
    for written in (name, name.lower(), name.upper()):
        assert find_playbook(written, CONFIG) is not None


def test_the_table_is_whole() -> None:
    """Each alert of a playbook of the chain and each of its names is a row, with what takes it."""
    rows = dict(ROW.findall(PAGE))
    mine = [one.playbook for one in catalogue(CONFIG).playbooks if one.domain.name == DOMAIN.name]
    named = {alert: one.id for one in mine for alert in one.alerts}
    assert rows == {**{one.id: one.id for one in mine}, **named}
    assert set(NAMES) <= set(rows)


@pytest.mark.parametrize(
    ("name", "world", "branch"),
    [
        ("ChainBlockTimeSlow", worlds.frozen(worlds.healthy(), "val3"), "restart-node"),
        ("ChainBlockTimeSlow", worlds.stopped(worlds.healthy(), "val3"), "restart-node"),
        ("ChainBlockTimeSlow", looping(), "raise-open-files"),
        ("consensus-failure", worlds.stopped(worlds.healthy(), "val1"), "start-missing-together"),
        ("consensus-failure", worlds.stopped(worlds.healthy(), "full1"), "restart-node"),
        (
            "consensus-failure",
            worlds.split(worlds.healthy(), ("val1",), ("val2", "val3", "val4", "full1")),
            "roll-back-together",
        ),
        ("consensus-failure", looping(), "raise-open-files"),
    ],
)
def test_it_leads_to_the_branch_of_the_class(name: str, world: CometReading, branch: str) -> None:
    assert chosen(name, world) == branch


def test_a_slow_chain_of_which_everybody_is_well_is_left_alone() -> None:
    """Nothing is restarted for load: the refusal hands out what was read."""
    for world in (slow(*TURNS), slow("val2", "val3", "val4")):
        with pytest.raises(Refused) as refused:
            chosen("ChainBlockTimeSlow", world)
        assert refused.value.next_step == DOMAIN.finding(situation_of(world, frozenset())).next_step


def test_a_slow_chain_that_halts_is_another_playbook() -> None:
    with pytest.raises(Refused, match="slow-blocks has no branch for this") as refused:
        chosen("ChainBlockTimeSlow", worlds.stopped(proposed(worlds.healthy(), *TURNS), "val1"))
    assert "use INC-001" in refused.value.got
