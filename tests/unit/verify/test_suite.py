"""Every check passes on a recovered chain, and fails for the one thing that it is there for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.engine.verify.result import NotVerified
from remediations.playbooks.chain.baseline import ChainBaseline, MendedLink
from remediations.playbooks.chain.checks import test_chain as chain
from remediations.playbooks.chain.checks import test_nodes as each
from remediations.playbooks.chain.checks import test_synced as synced
from remediations.playbooks.chain.checks.planned import PlannedChain, SyncedNode
from remediations.playbooks.chain.free_space import ROOM_LEFT
from remediations.playbooks.chain.mend import LINKS_UP
from remediations.playbooks.chain.open_files import LIMIT_RAISED
from remediations.playbooks.chain.restart import EXPECTED_STATE
from remediations.playbooks.chain.state_sync import SYNC_CHECKS
from tests import worlds
from tests.unit.model import answers
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.verify.desk import Break, Desk, Nodes
from tests.unit.verify.fakes import SYNC_OFF, TIP, recovered
from tests.worlds.jail import jailed


def _expecting(baseline: ChainBaseline) -> ChainBaseline:
    """A rehearsal came to the state that the chain has."""
    return replace(baseline, expected_hash=worlds.app_hash_at(baseline.height))


def _jailed(baseline: ChainBaseline) -> ChainBaseline:
    """The power of val1 was missing in the set."""
    return replace(baseline, total_power=60, online_power=60)


def _mending(baseline: ChainBaseline) -> ChainBaseline:
    """The link between val2 and its fourth peer was mended."""
    return replace(
        baseline, links=(MendedLink(one="val2", other="x", other_id=answers.node_id(3)),)
    )


Check = Callable[[Desk], None]
CHECKS: dict[str, Check] = {
    "P1": lambda d: chain.test_blocks_go_on(d.fleet, d.baseline, d.wait, d.say),
    "P2": lambda d: chain.test_one_app_hash(d.reading, d.baseline, d.say),
    "P3": lambda d: chain.test_one_block_id(d.reading, d.baseline, d.say),
    "P4": lambda d: chain.test_chain_continues(d.reading, d.baseline, d.say),
    "P5": lambda d: chain.test_no_evidence(d.reading, d.baseline, d.say),
    "P7": lambda d: each.test_signs(d.one(), d.fleet, d.baseline, d.wait, d.say),
    "P8": lambda d: chain.test_signing_power(d.reading, d.fleet, d.baseline, d.wait, d.say),
    "P9": lambda d: chain.test_calm_rounds(d.reading, d.fleet, d.baseline, d.wait, d.say),
    "P10": lambda d: each.test_sign_state_never_lower(d.one(), d.baseline, d.say),
    "P11": lambda d: each.test_address_kept(d.one(), d.say),
    "P12": lambda d: each.test_follows(d.one(), d.reading, d.fleet, d.baseline, d.wait, d.say),
    "P13": lambda d: each.test_peers(d.one("val2"), d.fleet, d.baseline, d.wait, d.say),
    "P14": lambda d: each.test_binary(d.one(), d.baseline, d.say),
    "P15": lambda d: each.test_journal(d.one(), d.say),
    "P17": lambda d: each.test_ownership(d.one(), d.say),
    "P18": lambda d: chain.test_state_as_rehearsed(d.reading, _expecting(d.baseline), d.say),
    "P20": lambda d: each.test_unjailed_signs(d.one(), d.fleet, d.baseline, d.wait, d.say),
    "P21": lambda d: chain.test_power_rose(d.reading, d.plan, _jailed(d.baseline), d.say),
    "P22": lambda d: chain.test_links_are_up(d.plan, d.fleet, _mending(d.baseline), d.wait, d.say),
    "P25": lambda d: each.test_room_left(d.one(), d.fleet, d.say),
    "P26": lambda d: each.test_open_files(d.one(), d.fleet, d.say),
    "P33": lambda d: synced.test_settings_as_before(d.one(), d.plan, d.fleet, d.say),
    "P34": lambda d: synced.test_set_aside(d.one(), d.plan, d.fleet, d.say),
    "I13": lambda d: each.test_healthy_untouched(d.reading, d.plan, d.baseline, d.say),
}


def sets(host: str, **fields: object) -> Break:
    """One node has other values."""

    def how(nodes: Nodes) -> None:
        for name, value in fields.items():
            setattr(nodes[host], name, value)

    return how


def all_set(**fields: object) -> Break:
    """All nodes have other values."""

    def how(nodes: Nodes) -> None:
        for host in nodes:
            sets(host, **fields)(nodes)

    return how


BROKEN: tuple[tuple[str, str, Break], ...] = (
    ("P1", "one node stands", sets("full1", height=117)),
    ("P2", "another state", sets("full1", branch="x")),
    ("P2", "no block since", sets("val3", height=113)),
    ("P3", "another block", sets("val2", branch="x")),
    ("P2", "all computed another state than was decided", all_set(state_branch="x")),
    ("P4", "another past", sets("val2", branch="x")),
    ("P4", "another chain everywhere", all_set(branch="x")),
    ("P18", "another state", all_set(branch="x")),
    ("P5", "evidence", sets("val4", evidence_at=120)),
    ("P7", "does not sign", sets("val1", absent=frozenset({"val1"}))),
    ("P7", "no three blocks yet", sets("val1", height=115)),
    ("P8", "two thirds or less sign", all_set(absent=frozenset({"val1"}))),
    ("P9", "two rounds more", all_set(round=2)),
    ("P9", "no block since", all_set(height=113)),
    ("P10", "height is lower", sets("val1", state=(112, 0, 3))),
    ("P10", "step is lower", sets("val1", state=(113, 0, 2))),
    ("P11", "another key", sets("val1", address="F" * 40)),
    ("P11", "lost its power", sets("val1", power=0)),
    ("P12", "catching up", sets("val1", catching_up=True)),
    ("P12", "two blocks behind", sets("val1", height=TIP - 2)),
    ("P12", "all stand where they stood", all_set(height=113)),
    ("P12", "the unit is down", sets("val1", running=False)),
    ("P13", "two peers fewer", sets("val2", peer_count=1)),
    ("P22", "the other is no peer", sets("val2", peer_count=3)),
    ("P14", "another program", sets("val1", program="d" * 64)),
    ("P15", "it said so", sets("val1", found="CONSENSUS FAILURE!!!")),
    ("P17", "root wrote there", sets("val1", foreign="/var/lib/virtengine/data/x")),
    ("P20", "out of the set", sets("val1", power=0)),
    ("P20", "does not sign", sets("val1", absent=frozenset({"val1"}))),
    ("P20", "another key", sets("val1", address="F" * 40)),
    ("P21", "out of the set", all_set(powers=(0, 30, 20, 10))),
    ("P21", "others left the set", all_set(powers=(40, 10, 5, 5))),
    ("P25", "full again", sets("val1", room=(255 << 20, 1_000_000))),
    ("P25", "no inodes", sets("val1", room=(50 << 30, 999))),
    ("P26", "the old limit", sets("val1", limit="1024")),
    ("P33", "still on", sets("val1", sync=SYNC_OFF.replace("false", "true"))),
    ("P33", "another value", sets("val1", sync=SYNC_OFF.replace("168h", "1h"))),
    ("P34", "somebody removed it", sets("val1", aside="no")),
    ("I13", "another process", sets("val2", ticks="")),
    ("I13", "same pid, started anew", sets("val3", ticks="9001")),
)

UNREAD: tuple[tuple[str, str], ...] = (
    ("P1", "status"),
    ("P2", "block_results"),
    ("P3", "blockchain"),
    ("P4", "blockchain"),
    ("P5", "blockchain"),
    ("P18", "blockchain"),
    ("P7", "commit"),
    ("P8", "validators"),
    ("P9", "commit"),
    ("P10", "sign_state"),
    ("P11", "status"),
    ("P12", "systemctl is-active"),
    ("P13", "net_info"),
    ("P22", "net_info"),
    ("P14", "sha256sum"),
    ("P15", "journalctl"),
    ("P17", "find "),
    ("P20", "commit"),
    ("P21", "validators"),
    ("P25", "df "),
    ("P26", "/limits"),
    ("P33", "guest sync_settings"),
    ("P34", "/.all"),
    ("I13", "cat /proc/"),
)
"""What each check cannot do without."""


@pytest.fixture(scope="module")
def plan() -> PlannedChain:
    """val1, 40 of 100 power, was started; or unjailed, or synced, for the checks of that."""
    synced = (SyncedNode(host="val1", settings=SYNC_OFF, aside="remediate-replaced-0123456789ab"),)
    planned = PlannedChain.of(plan_of(quorum_lost()))
    return dataclasses.replace(planned, freed=("val1",), synced=synced)


@pytest.mark.parametrize("check", list(CHECKS))
def test_check_passes_on_a_recovered_chain(check: str, plan: PlannedChain) -> None:
    """It passes, and says what was seen."""
    desk = Desk(recovered(plan), plan)
    CHECKS[check](desk)
    assert len(desk.saw) == 1
    assert desk.saw[0]
    assert all(desk.waited)


@pytest.mark.parametrize(
    ("check", "how"),
    [pytest.param(c, how, id=f"{c}-{why.replace(' ', '-')}") for c, why, how in BROKEN],
)
def test_check_fails_for_its_reason(check: str, how: Break, plan: PlannedChain) -> None:
    """One thing is wrong, and the check says so."""
    nodes = recovered(plan)
    how(nodes)
    with pytest.raises(AssertionError) as failed:
        CHECKS[check](Desk(nodes, plan))
    assert not isinstance(failed.value, NotVerified)
    assert str(failed.value).strip()


@pytest.mark.parametrize(("check", "what"), UNREAD)
def test_what_could_not_be_read_is_not_verified(check: str, what: str, plan: PlannedChain) -> None:
    """Never a default, and never a failure that was not seen: the check that needs it cannot tell,
    and names the host."""
    nodes = recovered(plan)
    all_set(silent=frozenset({what}))(nodes)
    with pytest.raises(NotVerified, match=r"^(val[1-4]|full1): "):
        CHECKS[check](Desk(nodes, plan))


def _baseline(plan: PlannedChain, **fields: object) -> PlannedChain:
    return dataclasses.replace(plan, baseline=replace(plan.baseline, **fields))


def _only(plan: PlannedChain, host: str) -> PlannedChain:
    alone = tuple(target for target in plan.targets if target.host == host)
    return dataclasses.replace(plan, targets=alone)


def _nameless(plan: PlannedChain) -> PlannedChain:
    return dataclasses.replace(plan, targets=tuple(replace(t, address="") for t in plan.targets))


NOTHING_TO_COMPARE: dict[str, tuple[str, Callable[[PlannedChain], PlannedChain], str]] = {
    "a plan of before block ids were kept": (
        "P4",
        lambda plan: _baseline(plan, block_id=""),
        "the plan holds no id of block 113",
    ),
    "one node alone": ("P3", lambda plan: _only(plan, "val1"), "the plan has one node, val1"),
    "no sign state then": (
        "P10",
        lambda plan: _baseline(plan, sign_states=()),
        "its sign state was not read when planning",
    ),
    "no address then": ("P11", _nameless, "its address was not read when planning"),
    "no hash then": (
        "P14",
        lambda plan: _baseline(plan, programs=()),
        "the hash was not read when planning",
    ),
    "no process then": (
        "I13",
        lambda plan: _baseline(plan, untouched=()),
        "not read when planning: ",
    ),
}


@pytest.mark.parametrize("case", NOTHING_TO_COMPARE)
def test_what_the_plan_does_not_hold_is_compared_with_nothing(
    case: str, plan: PlannedChain
) -> None:
    """The check neither passes nor fails, and says what is missing."""
    check, without, says = NOTHING_TO_COMPARE[case]
    older = without(plan)
    with pytest.raises(NotVerified, match=f"^{says}"):
        CHECKS[check](Desk({t.host: recovered(plan)[t.host] for t in older.targets}, older))


def test_a_node_without_power_may_have_had_no_key(plan: PlannedChain) -> None:
    """A standby that never had one makes one when it starts: nothing was there to be kept."""
    keyless = tuple(replace(t, address="") if t.host == "full1" else t for t in plan.targets)
    older = dataclasses.replace(plan, targets=keyless)
    nodes = recovered(plan)
    each.test_address_kept(Desk(nodes, older).one("full1"), lambda _: None)
    sets("full1", power=5)(nodes)
    with pytest.raises(AssertionError, match="power 5"):
        each.test_address_kept(Desk(nodes, older).one("full1"), lambda _: None)


def test_evidence_is_searched_without_a_gap(plan: PlannedChain) -> None:
    """A node that has only younger blocks is well, as long as another one has the older ones."""
    nodes = recovered(plan)
    sets("val4", earliest=110)(nodes)
    desk = Desk(nodes, plan)
    CHECKS["P5"](desk)
    assert desk.saw == ["no evidence in blocks 103–130, on 5 nodes"]
    all_set(earliest=110)(nodes)
    with pytest.raises(NotVerified, match="headers of 7 blocks from 103 on"):
        CHECKS["P5"](Desk(nodes, plan))


def test_blocks_that_were_not_searched_are_counted(
    plan: PlannedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long after the run there are more of them than are read."""
    monkeypatch.setattr("remediations.playbooks.chain.checks.reading.EVIDENCE_AHEAD", 20)
    desk = Desk(recovered(plan), plan)
    CHECKS["P5"](desk)
    assert desk.saw == [
        "no evidence in blocks 103–123, on 5 nodes; the 7 after them were not looked at"
    ]


def test_peers_of_then_are_not_zero_where_they_were_not_read(plan: PlannedChain) -> None:
    """One is enough for a node that was down; the check does not claim that it had none."""
    desk = Desk(recovered(plan), _baseline(plan, peers=()))
    CHECKS["P13"](desk)
    assert desk.saw == ["4 peers, not read when planning"]


@pytest.mark.parametrize("check", ["P10", "P11", "P12", "P13"])
@pytest.mark.parametrize("how", [{"reachable": False}, {"silent": frozenset({"status", "sign_"})}])
def test_a_silent_host_costs_no_other_host_its_verdict(
    check: str, how: dict[str, object], plan: PlannedChain
) -> None:
    """What is asked of one node alone is judged by what that node says."""
    nodes = recovered(plan)
    sets("val3", **how)(nodes)
    desk = Desk(nodes, plan)
    CHECKS[check](desk)
    assert len(desk.saw) == 1
    with pytest.raises(AssertionError, match="val3"):
        chain.test_no_evidence(desk.reading, desk.baseline, desk.say)


def test_commits_from_before_the_incident_prove_no_power(plan: PlannedChain) -> None:
    """Where no block came since, the old ones, which everybody signed, prove nothing."""
    nodes = recovered(plan)
    all_set(height=plan.baseline.height)(nodes)
    with pytest.raises(AssertionError, match="0 of 100"):
        CHECKS["P8"](Desk(nodes, plan))


def test_every_planned_check_exists() -> None:
    """The plan promises exactly the checks that are run, by id and title."""
    marked = {
        (mark.args[0], mark.args[1])
        for module in (chain, each, synced)
        for name, test in vars(module).items()
        if name.startswith("test_")
        for mark in test.pytestmark
        if mark.name == "check"
    }
    unjailed = plan_of(jailed(worlds.healthy(), "val4"), "low-validators")
    promised = {*plan_of(quorum_lost()).checks, *unjailed.checks, EXPECTED_STATE, LINKS_UP}
    promised |= {ROOM_LEFT, LIMIT_RAISED, *SYNC_CHECKS}
    assert PlannedChain.of(unjailed).freed == ("val4",)
    assert marked == {(check.id, check.title) for check in promised}
    assert set(CHECKS) == {check for check, _ in marked}


def test_every_check_is_shown_to_fail() -> None:
    """No check is without a world in which it fails."""
    assert {check for check, _, _ in BROKEN} == set(CHECKS)
    assert {check for check, _ in UNREAD} == set(CHECKS)


def test_a_node_that_got_a_snapshot_is_compared_from_there_on(plan: PlannedChain) -> None:
    """It has neither the block of the plan nor those right after it; what it has is compared."""
    nodes = recovered(plan)
    sets("val4", earliest=120)(nodes)
    desk = Desk(nodes, plan)
    assert desk.reading.common == range(120, 126)
    for check in ("P2", "P3", "P4"):
        CHECKS[check](desk)
    sets("val4", branch="x")(nodes)
    for check in ("P2", "P3"):
        with pytest.raises(AssertionError):
            CHECKS[check](Desk(nodes, plan))
