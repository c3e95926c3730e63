"""Each condition of a node, the one that has to be mended first, and what is not concluded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import PeerRound
from remediations.systems.hosts.values import ConsensusKey, Process, Unit
from remediations.values.reading import Known, Why
from tests import worlds
from tests.worlds import BEGAN, HEIGHT, crash_looping, healthy, stopped

World = Callable[[], CometReading]
HOSTS = ("val1", "val2", "val3", "val4", "full1")


def with_unit(world: CometReading, host: str, **fields: object) -> CometReading:
    """`world` with other values in the unit of `host`."""

    def swap(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        unit: Unit = replace(reading.unit.value, **fields)
        return replace(reading, unit=worlds.known(unit))

    return worlds.change(world, host, swap)


def left_over_halt() -> CometReading:
    """halt-height was reached, the unit stopped since, the setting forgotten."""
    return worlds.configured(stopped(healthy(), "val4"), "val4", halt_height=100)


CONDITIONS: tuple[tuple[str, World, str, NodeCondition], ...] = (
    ("well", healthy, "val1", NodeCondition.HEALTHY),
    ("keyless standby", healthy, "standby1", NodeCondition.STANDBY),
    ("bastion", lambda: healthy(bastion=1), "bastion1", NodeCondition.NO_DAEMON),
    ("stopped", lambda: stopped(healthy(), "val4"), "val4", NodeCondition.STOPPED),
    ("disabled", lambda: worlds.disabled(healthy(), "val4"), "val4", NodeCondition.DISABLED),
    (
        "masked",
        lambda: worlds.disabled(healthy(), "val4", enabled="masked"),
        "val4",
        NodeCondition.DISABLED,
    ),
    ("failed", lambda: worlds.failed(healthy(), "val4"), "val4", NodeCondition.START_FAILS),
    (
        "killed, not restarted",
        lambda: worlds.failed(healthy(), "val4", exit_status=9, result="signal"),
        "val4",
        NodeCondition.STOPPED,
    ),
    (
        "start limit",
        lambda: worlds.failed(healthy(), "val4", result="start-limit-hit"),
        "val4",
        NodeCondition.CRASH_LOOP,
    ),
    ("loop", lambda: crash_looping(healthy(), "val4"), "val4", NodeCondition.CRASH_LOOP),
    (
        "a wrapper outlives its daemon",
        lambda: worlds.wrapper_alone(healthy(), "val4"),
        "val4",
        NodeCondition.WRAPPER_ALONE,
    ),
    ("SIGSTOP", lambda: worlds.frozen(healthy(), "val4"), "val4", NodeCondition.FROZEN),
    (
        "hung RPC",
        lambda: worlds.frozen(healthy(), "val4", state="S"),
        "val4",
        NodeCondition.FROZEN,
    ),
    ("zombie", lambda: worlds.zombie(healthy(), "val4"), "val4", NodeCondition.ZOMBIE),
    ("zombie in a halt", lambda: worlds.zombie(healthy(), "val1"), "val1", NodeCondition.ZOMBIE),
    ("catching up", lambda: worlds.behind(healthy(), "val4"), "val4", NodeCondition.BEHIND),
    ("cut off", lambda: worlds.isolated(healthy(), "val4"), "val4", NodeCondition.STARVED),
    ("diverged", lambda: worlds.diverged(healthy(), "val4"), "val4", NodeCondition.DIVERGED),
    ("SSH fails", lambda: worlds.unreachable(healthy(), "val4"), "val4", NodeCondition.UNREACHABLE),
    ("disk full", lambda: worlds.disk_full(healthy(), "val4"), "val4", NodeCondition.DISK_FULL),
    (
        "disk full in a halt",
        lambda: worlds.disk_full(healthy(), "val1"),
        "val1",
        NodeCondition.DISK_FULL,
    ),
    ("no key", lambda: worlds.key_missing(healthy(), "val4"), "val4", NodeCondition.KEY_MISSING),
    (
        "sign state missing",
        lambda: worlds.sign_state_missing(stopped(healthy(), "val4"), "val4"),
        "val4",
        NodeCondition.SIGN_STATE_LOST,
    ),
    (
        "sign state zeroed",
        lambda: worlds.sign_state(stopped(healthy(), "val4"), "val4", 0),
        "val4",
        NodeCondition.SIGN_STATE_LOST,
    ),
    (
        "sign state older than the last commit",
        lambda: worlds.sign_state(stopped(healthy(), "val1"), "val1", HEIGHT - 1),
        "val1",
        NodeCondition.SIGN_STATE_LOST,
    ),
    (
        "key twice, at the owner",
        lambda: worlds.duplicated(healthy(), "val1", "standby1"),
        "val1",
        NodeCondition.DUPLICATE_KEY,
    ),
    (
        "key twice, at the standby",
        lambda: worlds.duplicated(healthy(), "val1", "standby1"),
        "standby1",
        NodeCondition.DUPLICATE_KEY,
    ),
    (
        "database",
        lambda: crash_looping(
            healthy(), "val4", "panic: leveldb/table: corruption on data-block (pos=1)"
        ),
        "val4",
        NodeCondition.DATABASE_CORRUPT,
    ),
    (
        "double_sign_check_height by the journal",
        lambda: worlds.configured(
            crash_looping(
                healthy(),
                "val4",
                "panic: Failed to start consensus state: found signature from the same key",
            ),
            "val4",
            double_sign_check_height=10,
        ),
        "val4",
        NodeCondition.DOUBLE_SIGN_CHECK,
    ),
    (
        "double_sign_check_height by setting and exit 2",
        lambda: worlds.without_journals(
            worlds.configured(crash_looping(healthy(), "val4"), "val4", double_sign_check_height=10)
        ),
        "val4",
        NodeCondition.DOUBLE_SIGN_CHECK,
    ),
    ("halt-height left over", left_over_halt, "val4", NodeCondition.HALT_HEIGHT),
    (
        "a process outside the unit",
        lambda: worlds.change(
            stopped(healthy(), "val4"),
            "val4",
            lambda r: replace(
                r, processes=worlds.known((Process(pid=9, state="S", started=1, command="v"),))
            ),
        ),
        "val4",
        NodeCondition.UNKNOWN,
    ),
    ("a liar", lambda: worlds.lying(healthy(), "val4"), "val4", NodeCondition.UNKNOWN),
)


@pytest.mark.parametrize(
    ("world", "host", "condition"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS]
)
def test_condition(world: World, host: str, condition: NodeCondition) -> None:
    """Each fault of one node is called by its name, with a cause and evidence."""
    node = diagnose(world()).node(host)
    assert node.condition is condition
    assert node.cause
    assert node.evidence or condition is NodeCondition.NO_DAEMON


@pytest.mark.parametrize("reason", ["there is no sign state file", "not read", "exit status 1"])
@pytest.mark.parametrize("why", Why)
def test_a_sign_state_is_lost_by_why_it_is_unknown(why: Why, reason: str) -> None:
    """Where the file itself is missing or wrong; where it could not be read nothing is known of it.
    Whatever the sentence says, which may quote the host."""
    world = worlds.change(
        stopped(healthy(), "val4"),
        "val4",
        lambda r: replace(r, sign_state=worlds.unknown(reason, why)),
    )
    lost = diagnose(world).node("val4").condition is NodeCondition.SIGN_STATE_LOST
    assert lost is (why in {Why.ABSENT, Why.REFUSED, Why.MALFORMED})


NEEDS_HANDS = {
    NodeCondition.DISK_FULL,
    NodeCondition.KEY_MISSING,
    NodeCondition.SIGN_STATE_LOST,
    NodeCondition.DUPLICATE_KEY,
    NodeCondition.DIVERGED,
    NodeCondition.DATABASE_CORRUPT,
    NodeCondition.DOUBLE_SIGN_CHECK,
    NodeCondition.HALT_HEIGHT,
    NodeCondition.UNREACHABLE,
    NodeCondition.ISOLATED,
    NodeCondition.UNKNOWN,
    NodeCondition.BEHIND,
}


@pytest.mark.parametrize(
    ("world", "host", "condition"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS]
)
def test_by_hand(world: World, host: str, condition: NodeCondition) -> None:
    """What no playbook resolves says what to do by hand; what one does says nothing."""
    assert bool(diagnose(world()).node(host).by_hand) is (condition in NEEDS_HANDS)


def test_others_stay_healthy() -> None:
    """A fault of one node never colours the others."""
    for world in (stopped(healthy(), "val4"), worlds.zombie(healthy(), "val4")):
        finding = diagnose(world)
        assert {finding.node(f"val{i}").condition for i in (1, 2, 3)} == {NodeCondition.HEALTHY}


def test_quorum_lost_names_the_known_cause() -> None:
    """The missing daemon loops on a corrupt database: class quorum-lost, cause database."""
    finding = diagnose(
        crash_looping(healthy(), "val1", "leveldb: manifest corrupted (field 'x')", exit_status=1)
    )
    assert finding.chain is ChainClass.QUORUM_LOST
    assert "val1 (40) database-corrupt" in finding.explanation
    assert finding.next_step.startswith("val1: Rebuild")


def test_lines_before_the_last_start_are_over() -> None:
    """A failure logged before the unit became active belongs to another run."""
    world = worlds.logged(stopped(healthy(), "val4"), "val4", "leveldb: manifest corrupted")
    world = with_unit(world, "val4", active_since=BEGAN)
    assert diagnose(world).node("val4").condition is NodeCondition.STOPPED


def test_old_failure_of_a_node_that_moves_is_over() -> None:
    """Whatever the journal says, a node whose height rises in consensus is healthy."""
    world = worlds.logged(healthy(), "val4", "CONSENSUS FAILURE!!! err=boom")
    assert diagnose(world).node("val4").condition is NodeCondition.HEALTHY


def test_space_freed_leaves_a_zombie() -> None:
    """A node that died of a full disk which has room again only needs a restart."""
    line = 'CONSENSUS FAILURE!!! err="write cs.wal: no space left on device"'
    world = worlds.zombie(healthy(), "val4", lines=(line,))
    assert diagnose(world).node("val4").condition is NodeCondition.ZOMBIE


def test_double_sign_check_taken_back() -> None:
    """After double_sign_check_height was set to 0 the old panic does not forbid a start."""
    world = crash_looping(healthy(), "val4", "panic: found signature from the same key")
    assert diagnose(world).node("val4").condition is NodeCondition.CRASH_LOOP


def test_a_setting_of_one_does_not_take_the_panic_back() -> None:
    """Since CometBFT 0.38.24 it checks a block, and who is down does not tell its version."""
    world = crash_looping(healthy(), "val4", "panic: found signature from the same key")
    world = worlds.configured(world, "val4", double_sign_check_height=1)
    assert diagnose(world).node("val4").condition is NodeCondition.DOUBLE_SIGN_CHECK


def test_just_started_is_not_frozen() -> None:
    """A unit that became active seconds ago may be loading: nothing is concluded."""
    world = with_unit(
        worlds.frozen(healthy(), "val4", state="S"),
        "val4",
        active_since=BEGAN - timedelta(seconds=10),
    )
    assert diagnose(world).node("val4").condition is NodeCondition.UNKNOWN


def test_started_without_its_key() -> None:
    """A new key that never signed, while power lies on no host: the old key is missing (X16)."""
    fresh = ConsensusKey(address="E" * 40, node_key=True)
    world = worlds.sign_state(stopped(healthy(), "val4"), "val4", 0)
    world = worlds.change(world, "val4", lambda r: replace(r, key=worlds.known(fresh)))
    assert diagnose(world).node("val4").condition is NodeCondition.KEY_MISSING


def test_standby_with_a_key_while_a_host_is_unread() -> None:
    """A standby that holds an active key is loud as long as the owner cannot be read."""
    key = worlds.key_of(healthy().host("val1"))
    world = worlds.change(
        worlds.unreachable(healthy(), "val1"),
        "standby1",
        lambda r: replace(r, key=worlds.known(ConsensusKey(address=key, node_key=True))),
    )
    assert diagnose(world).node("standby1").condition is NodeCondition.DUPLICATE_KEY


def test_remote_signer_does_not_need_a_key_file() -> None:
    """With a remote signer neither key file nor sign state of the host is judged."""
    world = worlds.configured(
        worlds.key_missing(healthy(), "val4"), "val4", remote_signer="tcp://127.0.0.1:2659"
    )
    assert diagnose(world).node("val4").condition is NodeCondition.STOPPED


def test_refused_signatures_are_explained() -> None:
    """A validator that runs and does not sign: the journal's reason is added, with what to do."""
    world = worlds.halted(healthy(), votes=("", "nil", "nil", "nil"))
    world = worlds.logged(world, "val1", "error signing vote: round regression at height 114")
    node = diagnose(world).node("val1")
    assert node.condition is NodeCondition.WAITING
    assert "WAL was lost" in node.cause
    assert "Do not touch the sign state" in node.by_hand


def test_zombie_in_an_older_round() -> None:
    """In a halt with rising rounds, a node that stands rounds below its peers is dead."""

    def left(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.round, Known)
            samples.append(
                replace(sample, round=worlds.known(replace(sample.round.value, round=1), sample.at))
            )
        rounds = reading.chain.peer_rounds
        assert isinstance(rounds, Known)
        seen = tuple(
            PeerRound(node_id=p.node_id, height=p.height, round=9, step=4) for p in rounds.value
        )
        chain = replace(reading.chain, peer_rounds=worlds.known(seen))
        return replace(reading, samples=tuple(samples), chain=chain)

    world = worlds.change(worlds.halted(healthy(), rounds=(8, 9)), "val4", left)
    assert diagnose(world).node("val4").condition is NodeCondition.ZOMBIE


def test_jailed_validator_is_said() -> None:
    """A validator outside the set that follows the chain is not healthy, and its cause says so."""
    world = healthy((40, 30, 20, 10), hosts=4)
    members = worlds.members_of(world)
    assert members is not None
    fewer = replace(members, validators=members.validators[:3])
    node = diagnose(worlds.settle(world, members=fewer)).node("val4")
    assert node.condition is NodeCondition.NO_POWER
    assert (node.power, node.address) == (0, "")
    assert "not in the validator set" in node.cause


def test_role_full_needs_no_key() -> None:
    """A full node without a key file is judged by its unit."""
    world = worlds.change(
        stopped(healthy(), "full1"),
        "full1",
        lambda r: replace(r, key=worlds.known(ConsensusKey(address="", node_key=True))),
    )
    assert world.host("full1").role is Role.FULL
    assert diagnose(world).node("full1").condition is NodeCondition.STOPPED


def test_a_full_node_without_power_may_start_from_an_empty_sign_state() -> None:
    """The file guards nothing there: what to write is said. A validator hears the opposite."""
    line = "open /var/lib/virtengine/data/priv_validator_state.json: no such file or directory"
    for host, empty in (("full1", True), ("val4", False)):
        world = worlds.sign_state_missing(crash_looping(healthy(), host, line), host)
        node = diagnose(world).node(host)
        assert node.condition is NodeCondition.SIGN_STATE_LOST
        assert ('{"height":"0","round":0,"step":0}' in node.by_hand) is empty
        assert ("never a zero one" in node.by_hand) is not empty
    unknown_powers = worlds.sign_state_missing(stopped(healthy(), *HOSTS), "full1")
    assert '"height"' not in diagnose(unknown_powers).node("full1").by_hand


@pytest.mark.parametrize("mebibytes", [15, 40, 255])
def test_diagnosis_and_guard_agree_on_a_full_disk(mebibytes: int) -> None:
    """What the guard would refuse is not offered by the diagnosis."""

    def fill(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        return replace(
            reading, disk=worlds.known(replace(reading.disk.value, available=mebibytes << 20))
        )

    line = "panic: write /data/cs.wal: no space left on device"
    finding = diagnose(worlds.change(crash_looping(healthy(), "val4", line), "val4", fill))
    assert finding.node("val4").condition is NodeCondition.DISK_FULL
    assert not finding.next_step.startswith("remediate plan")
