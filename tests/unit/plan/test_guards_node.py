"""Every guard on a host passes, blocks and is unknown, each for its own reason."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace as with_
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.errors import RemediationError
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.guards.table import START_GUARDS
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.hosts.values import ConsensusKey, Process, WriteAheadLog
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import Case, case_of, minority_down, quorum_lost
from tests.worlds.signing import of_others, said

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
Change = Callable[[HostReading], HostReading]
NOT_READ = worlds.unknown("permission denied")


def field(name: str, /, **fields: Any) -> Change:  # noqa: ANN401 - the reading's own fields
    """Change fields of one known reading."""

    def how(reading: HostReading) -> HostReading:
        value = getattr(reading, name)
        assert isinstance(value, Known)
        return replace(reading, **{name: worlds.known(replace(value.value, **fields))})

    return how


def read(name: str, value: object) -> Change:
    """Replace one reading."""
    return lambda reading: replace(reading, **{name: worlds.known(value)})


def unread(name: str) -> Change:
    """One reading failed."""
    return lambda reading: replace(reading, **{name: NOT_READ})


def state(height: int, round_: int = 0, step: int = 3) -> Change:
    return read("sign_state", SignState(height=height, round=round_, step=step, block=""))


def both(*changes: Change) -> Change:
    def how(reading: HostReading) -> HostReading:
        for change in changes:
            reading = change(reading)
        return reading

    return how


def answering(version: str) -> Change:
    """Its process is there, and tells its version."""
    status = next(
        sample.status.value
        for sample in worlds.healthy().host("val2").samples
        if isinstance(sample.status, Known)
    )

    def how(reading: HostReading) -> HostReading:
        told = worlds.known(replace(status, version=version))
        return replace(
            reading, samples=tuple(replace(sample, status=told) for sample in reading.samples)
        )

    return how


def role(value: Role) -> Change:
    return lambda reading: replace(reading, role=value)


ONE = field("config", double_sign_check_height=1)
KEYLESS = read("key", ConsensusKey(address="", node_key=True))
STRANGER = Process(pid=999, state="S", started=1, command="virtengined start --home /var/lib/x")
TABLE: tuple[tuple[str, Outcome, str, Change], ...] = (
    ("G6", BLOCK, "masked", field("unit", enabled="masked")),
    ("G6", BLOCK, "masked until reboot", field("unit", enabled="masked-runtime")),
    ("G6", BLOCK, "no home", field("unit", home="")),
    ("G6", BLOCK, "runs as root", field("unit", user="")),
    ("G6", PASS, "disabled only", field("unit", enabled="disabled")),
    ("G6", UNKNOWN, "no unit found", unread("unit")),
    ("G4", BLOCK, "a second daemon", read("processes", (STRANGER,))),
    ("G4", UNKNOWN, "processes not read", unread("processes")),
    ("G4", UNKNOWN, "unit not read", unread("unit")),
    ("G45", BLOCK, "no key", KEYLESS),
    ("G45", BLOCK, "no node key", field("key", node_key=False)),
    ("G45", BLOCK, "standby that signed, without key", both(role(Role.STANDBY), KEYLESS)),
    ("G45", PASS, "fresh standby", both(role(Role.STANDBY), KEYLESS, unread("sign_state"))),
    ("G45", UNKNOWN, "key not read", unread("key")),
    ("G20", PASS, "one above the tip", state(worlds.HEIGHT + 1)),
    ("G20", BLOCK, "set back by one", state(worlds.HEIGHT - 1)),
    ("G20", BLOCK, "zeroed", state(0, step=0)),
    ("G20", BLOCK, "from the future", state(worlds.HEIGHT + 2)),
    ("G19", UNKNOWN, "lost", unread("sign_state")),
    ("G19", PASS, "fresh standby", both(role(Role.STANDBY), KEYLESS, unread("sign_state"))),
    ("G24", BLOCK, "remote signer", field("config", remote_signer="tcp://10.0.0.9:1234")),
    ("G24", UNKNOWN, "config not read", unread("config")),
    ("G25", BLOCK, "signed lately", field("config", double_sign_check_height=10)),
    ("G25", UNKNOWN, "one, by who knows which", field("config", double_sign_check_height=1)),
    ("G25", PASS, "one does nothing yet", both(ONE, answering("0.38.21"))),
    ("G25", BLOCK, "one checks a block", both(ONE, answering("0.38.24"))),
    ("G25", UNKNOWN, "config not read", unread("config")),
    ("N3", BLOCK, "votes while it catches up", field("config", adaptive_sync=True)),
    ("N3", UNKNOWN, "config not read", unread("config")),
    ("G28", BLOCK, "halt-height", field("config", halt_height=114)),
    ("G28", BLOCK, "halt-time", field("config", halt_time=1)),
    ("G28", UNKNOWN, "config not read", unread("config")),
    ("G26", PASS, "round 0 needs none", read("wal", WriteAheadLog(size=0))),
    (
        "G26",
        BLOCK,
        "signed in round 2, WAL empty",
        both(state(worlds.HEIGHT + 1, 2), read("wal", WriteAheadLog(size=0))),
    ),
    ("G26", PASS, "signed in round 2, WAL there", state(worlds.HEIGHT + 1, 2)),
    ("G26", UNKNOWN, "not read", both(state(worlds.HEIGHT + 1, 2), unread("wal"))),
    ("G17", BLOCK, "no room", field("disk", available=(256 << 20) - 1)),
    ("G17", PASS, "just room", field("disk", available=256 << 20)),
    ("G17", BLOCK, "no inodes", field("disk", inodes_available=999)),
    ("G17", BLOCK, "read-only", field("disk", writable=False)),
    ("G17", UNKNOWN, "not read", unread("disk")),
    ("N2", BLOCK, "no room for a record", field("records", available=(1 << 20) - 1)),
    ("N2", PASS, "just room for it", field("records", available=1 << 20)),
    ("N2", BLOCK, "no inode for it", field("records", inodes_available=99)),
    ("N2", BLOCK, "records read-only", field("records", writable=False)),
    ("N2", BLOCK, "others may write to them", field("records", exposed="/var/lib/remediate")),
    ("N2", UNKNOWN, "not read", unread("records")),
    ("G37", BLOCK, "ten seconds off", field("session", clock_offset_ms=10_000)),
    ("G37", BLOCK, "ten seconds behind", field("session", clock_offset_ms=-10_000)),
    ("G37", PASS, "just under", field("session", clock_offset_ms=-9_999)),
    ("G37", UNKNOWN, "not reached", unread("session")),
    ("G8", BLOCK, "another program", field("binary", sha256="b" * 64)),
    ("G8", UNKNOWN, "not read", unread("binary")),
)


def judged(case: Case) -> dict[str, GuardResult]:
    """The results for val1, by guard."""
    return {g.id: g for g in case.judge() if g.subject == "val1"}


def changed(change: Change) -> Case:
    """The case of 40 of 100 power down, with one thing different on the host that is started."""
    case = case_of(quorum_lost())
    return with_(case, observation=worlds.change(case.observation, "val1", change))


@pytest.mark.parametrize(
    ("guard", "outcome", "change"),
    [pytest.param(g, o, c, id=f"{g}-{o}-{why.replace(' ', '-')}") for g, o, why, c in TABLE],
)
def test_guard_outcome(guard: str, outcome: Outcome, change: Change) -> None:
    """One change of the host gives exactly this outcome, with what was got and what to do."""
    result = judged(changed(change))[guard]
    assert result.outcome is outcome
    assert result.got
    assert result.expected
    assert result.next_step or outcome is PASS


def test_all_pass_on_a_plain_stop() -> None:
    """A validator that was stopped, and nothing else, may be started."""
    results = judged(case_of(quorum_lost()))
    assert len(results) == len(START_GUARDS)
    assert {result.outcome for result in results.values()} == {PASS}


def test_every_guard_that_can_block_is_in_the_table() -> None:
    """No guard on a host is without a test that it blocks, or is unknown where it cannot."""
    blocking = {guard for guard, outcome, _, _ in TABLE if outcome is not PASS}
    assert set(judged(case_of(quorum_lost()))) - blocking == {"N1", "G2b"}


@pytest.mark.parametrize("condition", list(NodeCondition))
def test_n1_blocks_what_a_start_does_not_cure(condition: NodeCondition) -> None:
    """Only what is down or dead is started, whatever the proposal says."""
    case = case_of(quorum_lost())
    nodes = tuple(
        replace(node, condition=condition) if node.host == "val1" else node
        for node in case.finding.nodes
    )
    result = judged(with_(case, finding=replace(case.finding, nodes=nodes)))["N1"]
    curable = {
        *("stopped", "disabled", "start-fails", "crash-loop", "frozen", "zombie", "stuck"),
        *("starved", "standby", "wrapper-alone", "held"),
        *("halt-height", "double-sign-check"),  # their settings are 0 here
    }
    assert result.outcome is (PASS if condition in curable else BLOCK)


def test_g2b_blocks_a_key_that_signs_twice_now() -> None:
    """A start is planned, and then journals show the key to sign twice elsewhere."""
    case = case_of(quorum_lost())
    line = of_others(worlds.address_of(1))
    now = said(case.observation, "val2", line, ago=timedelta(seconds=2))
    result = judged(with_(case, observation=now, finding=diagnose(now)))["G2b"]
    assert result.outcome is BLOCK
    assert "conflicting votes" in result.got
    assert "leave it so" in result.next_step
    old = said(case.observation, "val2", line, ago=timedelta(days=9))
    assert judged(with_(case, observation=old, finding=diagnose(old)))["G2b"].outcome is PASS


@pytest.mark.parametrize("playbook", ["INC-001", "node-down"])
def test_nothing_is_planned_while_a_running_validator_signs_twice(playbook: str) -> None:
    """Neither in a halt nor while blocks go on: it is stopped first."""
    line = of_others(worlds.address_of(3))
    for world in (quorum_lost(), minority_down()):
        now = said(world, "val2", line, ago=timedelta(seconds=2))
        with pytest.raises(RemediationError, match=r"double-signing|signs twice"):
            case_of(now, playbook)


@pytest.mark.parametrize("height", [1, 10])
def test_what_endangers_signing_does_not_hold_back_a_full_node(height: int) -> None:
    """Without power nothing was signed and nothing will be."""
    stopped = worlds.stopped(worlds.healthy(), "full1")
    world = worlds.configured(stopped, "full1", double_sign_check_height=height, adaptive_sync=True)
    case = case_of(stopped, "node-down")
    results = {g.id: g for g in with_(case, observation=world).judge() if g.subject == "full1"}
    assert (results["G25"].outcome, results["N3"].outcome) == (PASS, PASS)


def test_a_setting_of_one_is_blocked_with_its_reason() -> None:
    """A node that is down does not tell its version, and what to do does not depend on it."""
    result = judged(changed(ONE))["G25"]
    assert result.got == "1, power 40, CometBFT of unknown version"
    assert "0.38.24" in result.expected
    assert "double_sign_check_height = 0" in result.next_step


def test_program_is_judged_before_applying_as_well() -> None:
    """Only the version that it tells of itself is not asked for again."""
    case = case_of(quorum_lost())
    quick = with_(case, observation=worlds.deciding(case.observation))
    assert judged(quick)["G8"].outcome is PASS


def test_masked_and_rootless_units_have_their_own_advice() -> None:
    """Unmasking helps a masked unit only."""
    masked = judged(changed(field("unit", enabled="masked")))["G6"].next_step
    rootless = judged(changed(field("unit", user="")))["G6"].next_step
    assert "unmask" in masked
    assert "unmask" not in rootless
    assert "User=" in rootless


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        (field("unit", name="x;reboot", enabled="masked"), "G6"),
        (field("records", exposed="x;reboot"), "N2"),
        (field("records", path="x;reboot", available=0), "N2"),
    ],
)
def test_words_of_a_host_are_quoted_in_what_is_pasted(change: Change, guard: str) -> None:
    """Every command between backticks is one command, whatever the host calls its files."""
    _, *quoted = judged(changed(change))[guard].next_step.split("`")
    assert {shlex.split(command)[-1] for command in quoted[::2]} == {"x;reboot"}
