"""Blocks go on, and power that runs does not sign, or is not in the set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.present import present
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import LastVotes, RoundState, RoundStep
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import healthy, settle
from tests.worlds.signing import evidence_in, not_signing, powerless, said

SECOND = timedelta(seconds=1)
PING = "ERR SignerListener: Ping timeout module=privval"
REFUSED = (
    'ERR failed signing vote err="signerEndpoint returned error #0: refusing to sign vote on nil '
    'BlockID" height=115 module=consensus round=0'
)
MANY = (50,) * 20 + (5,) * 80
"""A hundred validators, 1,400 in all."""
Change = Callable[[CometReading], CometReading]


def remote(world: CometReading, host: str) -> CometReading:
    return worlds.configured(world, host, remote_signer="tcp://127.0.0.1:26658")


def voting(world: CometReading, step: int, without: str) -> CometReading:
    """Each sample falls into this step of a round, in which all have voted but one host."""
    lost = worlds.key_of(world.host(without))
    members = worlds.members_of(world)
    assert members is not None
    votes = tuple("" if v.address == lost else "nil" for v in members.validators)

    def fill(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            if not isinstance(sample.round, Known):
                return reading
            seen: RoundState = replace(sample.round.value, step=step, prevotes=votes)
            samples.append(replace(sample, round=worlds.known(seen, sample.at)))
        return replace(reading, samples=tuple(samples))

    return replace(world, hosts=tuple(map(fill, world.hosts)))


SILENT: tuple[tuple[str, str, Change], ...] = (
    ("a sign state far below the tip", "stands at 60", lambda w: not_signing(w, "val2")),
    (
        "a sign state of another chain",
        "above the tip",
        lambda w: worlds.sign_state(not_signing(w, "val2"), "val2", 5_000),
    ),
    (
        "the signer refuses",
        "refusing to sign",
        lambda w: said(settle(w, mute=("val2",)), "val2", REFUSED, ago=SECOND),
    ),
    (
        "the signer hangs",
        "Ping timeout",
        lambda w: remote(said(settle(w, mute=("val2",)), "val2", PING, ago=SECOND), "val2"),
    ),
    (
        "its own node waits for its prevote",
        "no signature and no vote",
        lambda w: voting(settle(w, mute=("val2",)), RoundStep.PREVOTE, "val2"),
    ),
    (
        "the others have all votes but its",
        "no signature and no vote",
        lambda w: voting(settle(w, mute=("val2",)), RoundStep.PRECOMMIT, "val2"),
    ),
)


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
@pytest.mark.parametrize(("shown", "broken"), [s[1:] for s in SILENT], ids=[s[0] for s in SILENT])
def test_power_that_does_not_sign_is_not_well(
    powers: tuple[int, ...], shown: str, broken: Change
) -> None:
    """It is named with its power, what shows it, and the signer before the node; exit code 3."""
    finding = diagnose(broken(healthy(powers)))
    node = finding.node("val2")
    assert (finding.halted, finding.chain) == (Tristate.NO, ChainClass.DEGRADED)
    assert present(finding).health is Health.DEGRADED
    assert node.condition is NodeCondition.NOT_SIGNING
    assert shown in node.cause
    assert f"{powers[1]} power does not sign" in node.cause
    assert node.condition.rule.cure is None
    assert finding.next_step == f"val2: {node.by_hand}"
    others = {n.condition for n in finding.nodes if n.host.startswith("val") and n.host != "val2"}
    assert others == {NodeCondition.HEALTHY}


def test_how_much_more_may_be_lost() -> None:
    """70 of 100 sign: without four more, two thirds or less are left. 1,350 of 1,400: 417 more."""
    assert (
        "70 of 100 power online (70.0 %): 4 more lost, and blocks stop"
        in diagnose(not_signing(healthy(), "val2")).explanation
    )
    assert (
        "417 more lost, and blocks stop" in diagnose(not_signing(healthy(MANY), "val2")).explanation
    )
    assert "more lost" not in diagnose(healthy()).explanation


def test_the_signer_comes_before_the_node() -> None:
    """With a remote signer its place is named, and no restart of the node."""
    world = remote(said(settle(healthy(), mute=("val4",)), "val4", PING, ago=SECOND), "val4")
    hands = diagnose(world).node("val4").by_hand
    assert hands.startswith("Look at the remote signer of tcp://127.0.0.1:26658 first")
    assert "not this node" in hands


STANDS = 'ERR SignerListener: Error accepting connection err="accept tcp: i/o timeout" failures=9'


def waiting_for_signer(world: CometReading, host: str) -> CometReading:
    """CometBFT waits for the signer at its vote: the node answers, and stands below the tip."""
    world = worlds.zombie(world, host, lines=("nothing of interest",))
    return remote(said(world, host, STANDS, ago=SECOND), host)


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_a_node_that_stands_because_of_its_signer_is_not_restarted(powers: tuple[int, ...]) -> None:
    """It looks as if its consensus were dead; the signer is named, and a restart refused."""
    finding = diagnose(waiting_for_signer(healthy(powers), "val3"))
    node = finding.node("val3")
    assert node.condition is NodeCondition.NOT_SIGNING
    assert "waits for its remote signer at tcp://127.0.0.1:26658" in node.cause
    assert "i/o timeout" in node.cause
    assert node.by_hand.startswith("Look at the remote signer")
    assert node.condition.rule.cure is None


def test_a_node_that_stands_beside_a_signer_that_answers_has_another_fault() -> None:
    """Only a fresh line of the node tells that it waits for its signer."""
    world = remote(worlds.zombie(healthy(), "val3", lines=("nothing of interest",)), "val3")
    assert diagnose(world).node("val3").condition is NodeCondition.ZOMBIE
    old = said(world, "val3", STANDS, ago=timedelta(hours=1))
    assert diagnose(old).node("val3").condition is NodeCondition.ZOMBIE


def test_a_halt_that_a_silent_signer_makes_names_it() -> None:
    """40 of 100 wait for their signer at the tip: the chain stands, and the signer is named."""
    world = waiting_for_signer(healthy(), "val1")
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST
    assert finding.node("val1").condition is NodeCondition.NOT_SIGNING
    assert "remote signer of tcp://127.0.0.1:26658" in finding.next_step


def test_a_sign_state_above_the_tip_is_not_to_be_lowered() -> None:
    """It cannot sign twice: it refuses. Whoever "restores" one that fits lowers it."""
    world = worlds.sign_state(not_signing(healthy(), "val4"), "val4", 5_000)
    hands = diagnose(world).node("val4").by_hand
    assert hands.startswith("Touch nothing")


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_one_missed_commit_alone_proves_nothing(powers: tuple[int, ...]) -> None:
    """Its sign state is at the tip: it signed, too late for one block. That is said, not judged."""
    finding = diagnose(settle(healthy(powers), mute=("val2",)))
    assert finding.chain is ChainClass.HEALTHY
    assert f"val2 ({powers[1]} power) is not in the newest commit" in finding.explanation
    assert "again" in finding.next_step


def last_votes(world: CometReading, *, height: int, without: str) -> CometReading:
    """What all nodes have of the votes for the block at `height`."""
    lost = worlds.key_of(world.host(without))
    members = worlds.members_of(world)
    assert members is not None
    voters = tuple(v.address[:12] for v in members.validators if v.address != lost)
    last = worlds.known(LastVotes(height=height, size=len(members.validators), voters=voters))

    def fill(reading: HostReading) -> HostReading:
        return replace(reading, chain=replace(reading.chain, last_votes=last))

    return replace(world, hosts=tuple(map(fill, world.hosts)))


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_two_blocks_in_a_row_are_proof(powers: tuple[int, ...]) -> None:
    """The commit of one block lacks it, and the votes for the next one: no line is needed, nor a
    sign state, of which a remote signer leaves none here."""
    world = remote(settle(healthy(powers), mute=("val2",)), "val2")
    finding = diagnose(last_votes(world, height=worlds.HEIGHT + 4, without="val2"))
    assert finding.node("val2").condition is NodeCondition.NOT_SIGNING
    assert "no vote at 116, 117" in finding.node("val2").cause
    late = diagnose(last_votes(world, height=worlds.HEIGHT + 4, without="val4"))
    assert late.node("val2").condition is NodeCondition.HEALTHY


def test_an_old_line_is_not_a_reason() -> None:
    """It could not sign an hour ago, and missed one block now."""
    world = settle(healthy(), mute=("val2",))
    old = diagnose(said(world, "val2", REFUSED, ago=timedelta(hours=1)))
    assert old.node("val2").condition is NodeCondition.HEALTHY


@pytest.mark.parametrize("state", [1, 60, 5_000])
def test_a_signature_in_the_newest_commit_overrules_all_else(state: int) -> None:
    """A signer of its own signs for it, and its local files say nothing."""
    world = remote(worlds.sign_state(healthy(), "val2", state), "val2")
    world = said(world, "val2", REFUSED, ago=SECOND)
    assert diagnose(world).node("val2").condition is NodeCondition.HEALTHY


def test_the_stale_state_beside_a_remote_signer_is_not_a_proof() -> None:
    """The file is left over from the time before the signer."""
    world = remote(not_signing(healthy(), "val2"), "val2")
    assert diagnose(world).node("val2").condition is NodeCondition.HEALTHY


@pytest.mark.parametrize(
    ("broken", "condition"),
    [
        (lambda w: worlds.behind(w, "val4"), NodeCondition.BEHIND),
        (lambda w: worlds.frozen(w, "val4"), NodeCondition.FROZEN),
        (lambda w: worlds.zombie(w, "val4"), NodeCondition.ZOMBIE),
        (lambda w: worlds.isolated(w, "val4"), NodeCondition.STARVED),
    ],
)
def test_what_is_wrong_with_the_node_says_more(broken: Change, condition: NodeCondition) -> None:
    """A node that does not follow does not sign either: the first is what has to be mended."""
    world = worlds.signed_last(broken(healthy()), "val4", 60)
    assert diagnose(world).node("val4").condition is condition


def test_in_a_halt_missing_votes_have_classes_of_their_own() -> None:
    """Who does not vote there is waiting, and the class says that signing is blocked."""
    world = worlds.halted(healthy(), votes=("", "nil", "nil", "nil"))
    world = worlds.sign_state(world, "val1", 60)
    finding = diagnose(said(world, "val1", REFUSED, ago=SECOND))
    assert finding.chain in (ChainClass.SIGNING_BLOCKED, ChainClass.QUORUM_LOST)
    assert finding.node("val1").condition is not NodeCondition.NOT_SIGNING


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_a_validator_without_power_is_never_well(powers: tuple[int, ...]) -> None:
    """Jailed, tombstoned or not bonded: what to look at, and unjail only what may come back."""
    finding = diagnose(powerless(healthy(powers), "val4"))
    node = finding.node("val4")
    assert finding.chain is ChainClass.DEGRADED
    assert node.condition is NodeCondition.NO_POWER
    assert (node.power, node.address) == (0, "")
    assert "not in the validator set" in node.cause
    assert "query slashing signing-info" in finding.next_step


def test_a_validator_without_power_after_evidence_is_not_to_be_unjailed() -> None:
    """Evidence in the last headers is said first, with who is out of the set."""
    finding = diagnose(evidence_in(powerless(healthy(), "val4"), 115))
    assert "Evidence of double signing is in block 115" in finding.explanation
    assert "val4 is out of the set, 90 power is left" in finding.explanation
    assert finding.explanation.index("Evidence") < finding.explanation.index("Why")
    assert finding.node("val4").by_hand.startswith("Do not unjail it")


def test_the_power_that_was_lost_is_said_where_an_answer_still_tells_it() -> None:
    """A node that was read a second earlier had the old set."""
    before = healthy()
    world = evidence_in(powerless(before, "val4"), 115)
    old = before.host("val3").chain.validators
    assert isinstance(old, Known)
    older = worlds.known(replace(old.value, height=old.value.height - 2))
    world = worlds.change(
        world, "val3", lambda r: replace(r, chain=replace(r.chain, validators=older))
    )
    assert "val4 with 10 power is out of the set" in diagnose(world).explanation


def test_a_validator_without_power_does_not_hide_a_lost_quorum() -> None:
    """In a halt the missing power is what counts; the one without power still is not waiting."""
    world = worlds.stopped(powerless(healthy(), "val4"), "val1")
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST
    assert finding.node("val4").condition is NodeCondition.NO_POWER
    assert finding.next_step == "remediate plan INC-001"


def test_a_daemon_on_a_bastion_is_said() -> None:
    """The inventory calls it a bastion, and a validator runs there."""
    world = worlds.change(healthy(), "val4", lambda r: replace(r, role=Role.BASTION))
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.UNKNOWN
    assert "Correct `role:`" in node.by_hand
