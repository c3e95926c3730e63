"""What really happened to people, by kind: which lines of a journal count, and what follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import NodeFinding
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import JournalLine, Process
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import healthy
from tests.worlds.base import BEGAN, change, known, unit_of

ALL = ("val1", "val2", "val3", "val4")
EXIT = (
    "virtengine.service: Main process exited, code=exited, status=1/FAILURE",
    "virtengine.service: Failed with result 'exit-code'.",
)
HALTED_BY_VAL1 = worlds.sign_state(worlds.stopped(healthy(), "val1"), "val1", 113)


def found(observation: CometReading, host: str) -> NodeFinding:
    return next(node for node in diagnose(observation).nodes if node.host == host)


def said(observation: CometReading, host: str, *lines: tuple[float, str]) -> CometReading:
    """The journal of `host`: seconds before the look, and a message, oldest first."""
    entries = tuple(
        JournalLine(at=BEGAN - timedelta(seconds=ago), message=line) for ago, line in lines
    )
    return change(observation, host, lambda r: replace(r, journal=known(entries)))


def up_since(observation: CometReading, host: str, ago: timedelta, **fields: int) -> CometReading:
    return change(
        observation,
        host,
        lambda r: replace(r, unit=unit_of(r, active_since=BEGAN - ago, **fields)),
    )


def looping(*lines: str, host: str = "val4", times: int = 1) -> CometReading:
    """A unit that systemd restarts: each of the ends seen has `lines`."""
    return worlds.crash_looping(
        healthy(), host, *[line for _ in range(times) for line in (*lines, *EXIT)], restarts=12
    )


UPGRADED = (
    'ERR UPGRADE "v12" NEEDED at height: 100: {} module=x/upgrade',
    'ERR CONSENSUS FAILURE!!! err="failed to apply block; error UPGRADE \\"v12\\" NEEDED at '
    'height: 100: " module=consensus',
)


@pytest.mark.parametrize("ago", [60, 86_400 * 30], ids=["a minute", "a month"])
@pytest.mark.parametrize("line", [*UPGRADED, "ERR CONSENSUS FAILURE!!! err=boom"])
def test_a_line_of_before_the_newest_block_explains_no_halt(line: str, ago: float) -> None:
    """A wrapper starts the new program inside the same unit: systemd sees no restart."""
    world = HALTED_BY_VAL1
    if "height" not in line:
        ago += 200  # the newest block is two minutes old
    for host in ("val2", "val3", "val4", "full1"):
        world = said(up_since(world, host, timedelta(days=60)), host, (ago, line))
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST, finding.explanation
    assert finding.online_power == 60
    assert found(world, "val2").condition is NodeCondition.WAITING


def test_what_it_said_before_a_start_long_ago_is_over() -> None:
    world = up_since(HALTED_BY_VAL1, "val2", timedelta(days=14), restarts=3)
    line = "panic: Failed to process committed block (90:8BBB): context deadline exceeded"
    world = said(world, "val2", (14 * 86_400 + 60, line))
    assert found(world, "val2").condition is NodeCondition.WAITING
    assert diagnose(world).online_power == 60


def test_the_start_of_a_child_counts_where_a_wrapper_never_restarts() -> None:
    """The child began an hour after its unit, and an hour ago."""
    world = up_since(worlds.zombie(healthy(), "val4"), "val4", timedelta(hours=2), open_files=1024)
    processes = (
        Process(pid=400, state="S", started=9000, command="cosmovisor run start --home /h"),
        Process(pid=500, state="S", started=9000 + 360_000, command="virtengined start --home /h"),
    )
    world = change(world, "val4", lambda r: replace(r, processes=known(processes)))
    line = 'ERR CONSENSUS FAILURE!!! err="open /d/a.db/1.ldb: too many open files"'
    before = said(world, "val4", (3700, line))
    after = said(world, "val4", (2, line))
    assert found(before, "val4").condition is not NodeCondition.OPEN_FILES
    assert found(after, "val4").condition is NodeCondition.OPEN_FILES


def test_a_process_that_answers_may_only_lack_files_for_its_rpc() -> None:
    """In a halt its consensus may be alive, and hold the round: no plan restarts it for this."""
    world = worlds.stopped(healthy(), "val1")
    world = change(world, "val2", lambda r: replace(r, unit=unit_of(r, open_files=1024)))
    line = "http: Accept error: accept tcp 127.0.0.1:26657: accept4: too many open files; retrying"
    node = found(said(world, "val2", (2, line)), "val2")
    assert node.condition is NodeCondition.OBSTRUCTED
    assert "its consensus may be alive" in node.by_hand
    assert "remediate plan" not in node.by_hand


def test_the_newest_cause_wins() -> None:
    world = worlds.crash_looping(healthy(), "val4", exit_status=1, restarts=12)
    disk = "panic: error on batch write write /d/application.db/000374.log: no space left on device"
    higher = "ERROR: error during handshake: app block height (116) is higher than core (115)"
    newest = said(world, "val4", (100, disk), (3, higher), (2, EXIT[0]))
    assert found(newest, "val4").condition is NodeCondition.DATABASE_CORRUPT
    other = said(world, "val4", (100, higher), (3, "Error: unknown flag: --x"), (2, EXIT[0]))
    assert found(other, "val4").condition is NodeCondition.OBSTRUCTED


def test_a_refused_proposal_says_nothing_about_the_node() -> None:
    line = (
        "ERR prevote step: consensus deems this block invalid; prevoting nil "
        'err="wrong Block.Header.LastBlockID.  Expected A, got B" height=114 module=consensus'
    )
    world = HALTED_BY_VAL1
    for host in ("val2", "val3", "val4"):
        world = said(world, host, (30, line))
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST
    assert not finding.clusters or len(finding.clusters) == 1


@pytest.mark.parametrize(
    ("line", "condition", "advice"),
    [
        (
            "panic: Failed to process committed block (101:8BBB): validator does not exist",
            NodeCondition.DATABASE_CORRUPT,
            "Rebuild",
        ),
        (
            'panic: Failed to process committed block (101:8A9B): Post "http://127.0.0.1:8551": '
            "dial tcp 127.0.0.1:8551: connect: connection refused",
            NodeCondition.DEPENDENCY_FAILS,
            "on this host",
        ),
        (
            "panic: Failed to process committed block (101:8A9B): rpc error: code = Unavailable",
            NodeCondition.DEPENDENCY_FAILS,
            "on this host",
        ),
        (
            "panic: Failed to process committed block (101:5352): Invalid evidence: evidence was "
            "already committed. Evidence: VoteA: Vote{1:06EB 88/00/1(Prevote)}",
            NodeCondition.DATABASE_CORRUPT,
            "evidence.db",
        ),
        (
            "panic: Failed to process committed block (101:5352): something new",
            NodeCondition.FAILS_ALONE,
            "This node alone",
        ),
    ],
)
def test_what_fails_on_one_node_alone_is_that_nodes(
    line: str, condition: NodeCondition, advice: str
) -> None:
    """Others passed the block: no advice for the whole chain."""
    world = worlds.signed_last(looping(line), "val4", 100)
    node = found(world, "val4")
    assert node.condition is condition, node.cause
    assert advice in node.by_hand
    assert "2/3" not in node.by_hand
    assert diagnose(world).next_step != "remediate plan node-down"


def test_what_fails_on_all_at_one_block_is_the_programs() -> None:
    world = worlds.panicked(
        healthy(),
        *ALL,
        lines=("panic: Failed to process committed block (114:8BBB): validator does not exist",),
    )
    finding = diagnose(world)
    assert finding.chain is ChainClass.DETERMINISTIC_PANIC
    assert found(world, "val1").condition is NodeCondition.PANICKED


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Error: set min gas price in app.toml or flag or env variable", "minimum-gas-prices"),
        ("Error: unknown flag: --log_no_color", "ExecStart"),
        ("Error: genesis doc hash in db does not match loaded genesis doc", "genesis file"),
        ("Error: While parsing config: toml: expected character =", "Mend the file"),
        (
            "Error: failed to listen on 127.0.0.1:26657: listen tcp 127.0.0.1:26657: bind: "
            "address already in use",
            "has the port",
        ),
        ("panic: version does not exist", "Rebuild"),
        (
            "Error: error during handshake: error on replay: wrong Block.Header.AppHash.  Expected "
            "AA, got BB",
            "never --hard",
        ),
        ("panic: price-daemon unhealthy: no successful update", "calls first"),
        ("Error: a reason that nobody here has seen", "last words"),
    ],
)
def test_a_start_that_cannot_help_is_not_offered(line: str, words: str) -> None:
    """Twelve restarts ended the same way: the thirteenth would, too. The last words are shown, and
    what they ask for."""
    world = change(
        looping(line, times=3), "val4", lambda r: replace(r, unit=unit_of(r, open_files=1024))
    )
    node = found(world, "val4")
    assert node.condition.rule.cure is None, node
    assert words in node.by_hand, node
    assert line.removeprefix("Error: ")[-30:] in node.cause
    assert not diagnose(world).next_step.startswith("remediate plan")


def test_a_limit_is_raised_before_the_next_start() -> None:
    """A plan does that; a start alone would end the same way."""
    line = "panic: open /d/cs.wal: too many open files"
    world = change(
        looping(line, times=3), "val4", lambda r: replace(r, unit=unit_of(r, open_files=1024))
    )
    node = found(world, "val4")
    assert (node.condition, node.condition.rule.cure) == (NodeCondition.OPEN_FILES, None)
    assert "LimitNOFILE" in node.by_hand
    assert diagnose(world).next_step == "remediate plan node-down"


def test_ends_that_differ_leave_an_attempt() -> None:
    world = worlds.crash_looping(
        healthy(), "val4", "panic: one", *EXIT, "panic: another", *EXIT, restarts=12
    )
    node = found(world, "val4")
    assert node.condition is NodeCondition.CRASH_LOOP
    assert "panic: another" in node.cause


def test_memory_is_named() -> None:
    world = worlds.crash_looping(healthy(), "val4", exit_status=9, restarts=12)
    world = change(world, "val4", lambda r: replace(r, unit=unit_of(r, result="oom-kill")))
    node = found(world, "val4")
    assert node.condition is NodeCondition.OUT_OF_MEMORY
    assert "memory" in node.by_hand


def standing(observation: CometReading, host: str) -> CometReading:
    """Both samples of `host` show one height."""

    def stand(reading: HostReading) -> HostReading:
        first, last = reading.samples
        return replace(reading, samples=(first, replace(last, status=first.status, app=first.app)))

    return change(observation, host, stand)


def test_catching_up_is_believed_where_the_height_rises() -> None:
    rising = worlds.behind(healthy(), "val4", blocks=50)
    node = found(rising, "val4")
    assert node.condition is NodeCondition.BEHIND
    stuck = standing(up_since(rising, "val4", timedelta(minutes=80)), "val4")
    node = found(stuck, "val4")
    assert node.condition is NodeCondition.STUCK
    assert "Wait" not in node.by_hand
    assert diagnose(stuck).next_step == "remediate plan node-down"
    young = standing(up_since(rising, "val4", timedelta(seconds=40)), "val4")
    assert found(young, "val4").condition is NodeCondition.BEHIND


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "ERR prevote step: consensus deems this block invalid; prevoting nil "
            'err="Invalid evidence: evidence has a different time to the block it is associated '
            'with" height=114 module=consensus round=7',
            "Invalid evidence: evidence has a different time",
        ),
        (
            "ERR prevote step: state machine rejected a proposed block; this should not happen:the "
            "proposer may be misbehaving; prevoting nil err=null height=114 module=consensus",
            "state machine rejected a proposed block",
        ),
    ],
)
def test_where_all_refuse_the_reason_is_quoted_with_its_power(line: str, reason: str) -> None:
    world = worlds.halted(healthy(), rounds=(7, 8))
    for host in ALL:
        world = said(world, host, (0.4, line))
    finding = diagnose(world)
    assert finding.chain is ChainClass.PROPOSALS_REFUSED
    assert f"100 of 100 power refuses what is proposed, for one reason: {reason}" in (
        finding.explanation
    )
    old = worlds.halted(healthy(), rounds=(7, 8))
    for host in ALL:
        old = said(old, host, (400, line.replace("114", "100")))
    assert diagnose(old).chain is ChainClass.UNDETERMINED


def test_a_full_node_alone_does_not_make_it_the_validators_own_fault() -> None:
    """All validators fail at the block; a node without power, with another program, applied it."""
    world = worlds.panicked(healthy(), *ALL)
    passed = max(
        s.app.value.height for r in world.hosts for s in r.samples if isinstance(s.app, Known)
    )
    assert found(world, "val1").condition is NodeCondition.PANICKED

    def apply(reading: HostReading) -> HostReading:
        samples = tuple(
            replace(s, app=known(replace(s.app.value, height=passed + 1)))
            if isinstance(s.app, Known)
            else s
            for s in reading.samples
        )
        return replace(reading, samples=samples)

    world = change(world, "full1", apply)
    assert found(world, "val1").condition is NodeCondition.PANICKED
    assert diagnose(world).chain is ChainClass.DETERMINISTIC_PANIC


@pytest.mark.parametrize(
    ("plan", "chain"),
    [
        (114, ChainClass.UPGRADE_NEEDED),
        (113, ChainClass.UPGRADE_NEEDED),
        (112, ChainClass.DETERMINISTIC_PANIC),
    ],
    ids=["in its block", "taken in its own block", "passed"],
)
def test_a_plan_that_was_taken_late_is_due_in_the_next_block(plan: int, chain: ChainClass) -> None:
    """Block 114 fails. x/upgrade names the height of the plan, which may be that of the block that
    executed it; a plan of two blocks before is no reason."""
    line = f'UPGRADE "v2" NEEDED at height: {plan}: {{}}'
    world = worlds.panicked(healthy(), "val1", "val2", "val3", "val4", "full1", lines=(line,))
    assert diagnose(world).chain is chain
