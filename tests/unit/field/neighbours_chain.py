"""Neighbours of the incidents that no thread told us of: ages, heights, the network, all hosts."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.field.case import Cases, Planned, Scene, Wanted, nothing_done, offered, refused
from tests.unit.field.hosts_program import Line
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import DAY, SMALL, Stage, attempts, clock, standing, unit
from tests.worlds import (
    behind,
    crash_looping,
    halted,
    isolated,
    sign_state_missing,
    stopped,
)

CASES = Cases((SMALL,))
NOTHING = "nothing to do"
RUNNING = ("val2", "val3", "val4")
LOST = Wanted(
    chain=("quorum-lost",),
    host="val1",
    condition=("stopped",),
    plan=offered("val1", playbook="INC-001"),
)


def long_ago(stage: Stage, *lines: Line) -> Scene:
    """val1 is stopped; the others run since two months, and logged `lines` a month ago."""
    world = unit(stage.halted_without_val1(), *RUNNING, up=timedelta(days=60))
    return Scene(world, dict.fromkeys(RUNNING, lines), LOST)


@CASES.of(Kind.K3)
def halt_height_of_last_month(stage: Stage) -> Scene:
    """A coordinated stop at a height that is passed."""
    line = (
        'ERR CONSENSUS FAILURE!!! err="failed to apply block; error halt per configuration height '
        '100 time 0" module=consensus'
    )
    return long_ago(stage, (30 * DAY, line))


@CASES.of(Kind.K3)
def dead_consensus_of_last_month(stage: Stage) -> Scene:
    """The wrapper started the program again, in the same unit."""
    return long_ago(stage, (30 * DAY, 'ERR CONSENSUS FAILURE!!! err="boom" module=consensus'))


@CASES.of(Kind.K3)
def another_app_hash_last_month(stage: Stage) -> Scene:
    """Rolled back long ago; they vote in this round."""
    line = (
        'ERR CONSENSUS FAILURE!!! err="precommit step; +2/3 prevoted for an invalid block: wrong '
        'Block.Header.AppHash.  Expected AA, got BB" module=consensus'
    )
    return long_ago(stage, (40 * DAY, line))


@CASES.of(Kind.K3)
def the_newest_reason_wins(stage: Stage) -> Scene:
    """The store was rebuilt; what ends it now is a setting."""
    world = crash_looping(stage.well, "val4", exit_status=1, restarts=12)
    lines: tuple[Line, ...] = (
        (110, "panic: leveldb: manifest corrupted (field 'comparer'): missing [file=MANIFEST-1]"),
        *attempts("Error: unknown flag: --log_nocolor"),
    )
    return Scene(
        world,
        {"val4": lines},
        Wanted(
            host="val4",
            condition=("obstructed", "keeps-failing"),
            says=("unknown flag",),
            unsaid=("[Rr]ebuild this node",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K4)
def a_proposal_was_refused_in_the_old_words(stage: Stage) -> Scene:
    """A minute ago, by those who wait."""
    line = (
        60,
        'ERR prevote step: ProposalBlock is invalid err="wrong Block.Header.AppHash.  Expected A, '
        'got B" height=113 module=consensus round=0',
    )
    return Scene(stage.halted_without_val1(), dict.fromkeys(RUNNING, (line,)), LOST)


@CASES.of(Kind.K4)
def a_peer_sent_a_wrong_block(stage: Stage) -> Scene:
    """It catches up, at ten blocks in three seconds, from the other peers."""
    line = (
        'ERR Stopping peer for error err="reactor validation error: wrong '
        'Block.Header.LastBlockID.  Expected A, got B" module=p2p peer="Peer{MConn{10.0.0.7:26656} '
        '7f2c out}"'
    )
    return Scene(
        behind(stage.well, "full1"),
        {"full1": (line,)},
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("behind",),
            unsaid=("another fork", "diverged"),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K7)
def every_peer_is_left_for_its_app_hash(stage: Stage) -> Scene:
    """It stands in block sync, and leaves one peer after another: its own state is the odd one."""
    line = (
        'ERR Stopping peer for error err="reactor validation error: wrong Block.Header.AppHash.  '
        'Expected AA, got BB" module=p2p peer="Peer{{MConn{{10.0.0.{0}:26656}} 7f2c out}}"'
    )
    world = standing(behind(stage.well, "full1"), "full1", timedelta(minutes=2))
    return Scene(
        unit(world, "full1", up=timedelta(hours=2)),
        {"full1": tuple((60 - i, line.replace("{0}", str(i))) for i in range(1, 6))},
        Wanted(
            chain=("degraded", "local-divergence"),
            host="full1",
            says=("AppHash",),
            unsaid=("it catches up by itself",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K7)
def it_rises_and_will_arrive(stage: Stage) -> Scene:
    """Where waiting helps, it is said how long: it rises by ten blocks in three seconds."""
    return Scene(
        behind(stage.well, "full1", 100),
        {},
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("behind",),
            says=(r"blocks (a|per) second|blocks/s", r"\d (s|min|minutes|hours|h)\b"),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K10)
def a_full_node_alone_has_no_peers(stage: Stage) -> Scene:
    """It costs nothing to start it again."""
    return Scene(
        isolated(stage.well, "full1"),
        {},
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("isolated", "starved"),
            unsaid=("[Nn]o restart",),
            plan=offered("full1"),
        ),
    )


@CASES.of(Kind.K10)
def its_peers_do_not_answer(stage: Stage) -> Scene:
    """Whether they can be reached at all is what is to be found out."""
    line = (
        'ERR Error dialing peer err="dial tcp 10.0.0.1:26656: i/o timeout" addr=7f2c@10.0.0.1:26656'
        " module=p2p"
    )
    return Scene(
        isolated(stage.well, "val4"),
        {"val4": tuple((60 - 10 * i, line) for i in range(5))},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("isolated", "starved"),
            says=("p2p",),
            plan=offered("val4"),
        ),
    )


@CASES.of(Kind.K11)
def clock_of_one_validator_is_off(stage: Stage) -> Scene:
    """Its votes carry the wrong time; block time is still right."""
    return Scene(
        clock(stage.well, -95_000, "val4"),
        {},
        Wanted(
            chain=("degraded",),
            host="val4",
            says=("clock",),
            unsaid=(NOTHING,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K11)
def our_own_clock_is_off(stage: Stage) -> Scene:
    """All hosts agree with each other, and not with us."""
    world = stage.well
    hosts = [reading.host for reading in world.hosts]
    return Scene(
        clock(world, 600_000, *hosts),
        {},
        Wanted(
            exit_code=None,
            says=("clock of this machine|this machine's clock|[Yy]our clock|controller",),
            unsaid=("val1 is 600 s",),
            plan=nothing_done(),
        ),
    )


@CASES.of(Kind.K12)
def everybody_refuses_the_block_time(stage: Stage) -> Scene:
    """All clocks are right but the proposer's."""
    line = (
        'ERR prevote step: consensus deems this block invalid; prevoting nil err="invalid block '
        'time. Expected 2026-11-25 11:57:58 +0000 UTC, got 2026-11-25 11:59:58 +0000 UTC" '
        "height=114 module=consensus round=7"
    )
    return Scene(
        halted(stage.well, rounds=(7, 8)),
        dict.fromkeys(stage.validators, (line,)),
        Wanted(
            exit_code=None,
            says=("invalid block time",),
            unsaid=("diagnose` again in a minute",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K12)
def everybody_refuses_in_json(stage: Stage) -> Scene:
    """In the old words, and as JSON."""
    line = (
        '{"level":"error","module":"consensus","height":114,"round":7,"err":"Invalid proposer '
        'address","message":"prevote step: ProposalBlock is invalid"}'
    )
    return Scene(
        halted(stage.well, rounds=(7, 8)),
        dict.fromkeys(stage.validators, (line,)),
        Wanted(
            exit_code=None,
            says=("Invalid proposer address",),
            unsaid=("diagnose` again in a minute",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K15)
def a_stopped_full_node_without_a_sign_state(stage: Stage) -> Scene:
    """It says what to write, and that this is safe here."""
    return Scene(
        sign_state_missing(stopped(stage.well, "full1"), "full1"),
        {},
        Wanted(
            chain=("degraded",),
            host="full1",
            says=("never had power|no (voting )?power",),
            unsaid=("never a zero one", "it could sign twice"),
            plan=refused(),
        ),
    )


def nobody_answers(stage: Stage, line: str, words: str) -> Scene:
    """systemd restarts every node to the same end."""
    world, hosts = stage.well, (*stage.validators, "full1")
    for host in hosts:
        world = crash_looping(world, host, exit_status=1, restarts=12)
    wanted = Wanted(
        chain=("all-down",),
        unsaid=("(?m)^[Ss]tart a full node",),
        says=(words,),
        plan=refused(playbook="INC-001"),
    )
    return Scene(world, dict.fromkeys(hosts, attempts(line)), wanted)


@CASES.of(Kind.DOWN)
def a_bad_flag_was_pushed_everywhere(stage: Stage) -> Scene:
    """The reason is named once, for the chain."""
    return nobody_answers(
        stage, "Error: unknown flag: --log_nocolor", "unknown flag: --log_nocolor"
    )


@CASES.of(Kind.DOWN)
def a_bad_setting_was_pushed_everywhere(stage: Stage) -> Scene:
    """In other words."""
    return nobody_answers(
        stage, "panic: invalid minimum gas prices: 0.0025", "invalid minimum gas prices"
    )


@CASES.of(Kind.DOWN)
def the_power_was_cut(stage: Stage) -> Scene:
    """All units are inactive, no journal has a reason: it is said that all are stopped."""
    hosts = (*stage.validators, "full1")
    return Scene(
        stopped(stage.well, *hosts),
        {},
        Wanted(
            chain=("all-down",),
            host="val1",
            condition=("stopped",),
            says=("all|every|[Nn]o node|[Nn]obody",),
            plan=Planned("INC-001", ("changes_pending", "refused")),
        ),
    )
