"""A key that signs twice: now, which comes before everything, and once, which is history."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.present import present
from remediations.systems.comet.journal_table import PATTERN
from remediations.systems.comet.reading import ChainView, CometReading, HostReading
from remediations.values.reading import Known
from tests import worlds
from tests.signed import hash_of
from tests.unit.plan.cases import wrong_clock
from tests.worlds import address_of, healthy, stopped
from tests.worlds.signed import commit_of, set_of, signed, signers_of, tells
from tests.worlds.signing import (
    OURSELVES,
    evidence_in,
    of_others,
    powerless,
    runs_twice,
    said,
    signed_twice,
)

NOW, WEEKS = timedelta(seconds=2), timedelta(days=20)
VAL4 = address_of(4)
MANY = (50,) * 20 + (5,) * 80
POWERS = pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
Change = Callable[[CometReading], CometReading]

VERIFIED = (
    'INF verified new evidence of byzantine behavior evidence="DuplicateVoteEvidence{VoteA: '
    f'Vote{{3:{VAL4[:12]} 115/00/SIGNED_MSG_TYPE_PREVOTE(Prevote) AA BB 00 @ 2026}}, VoteB: …}}"'
)
SHOWN: tuple[tuple[str, str, Change], ...] = (
    ("its own journal", "val4", lambda w: said(w, "val4", OURSELVES, ago=NOW)),
    (
        "its own journal, as JSON",
        "val4",
        lambda w: said(
            w,
            "val4",
            '{"level":"error","module":"consensus","height":115,'
            '"message":"found conflicting vote from ourselves; did you unsafe_reset?"}',
            ago=NOW,
        ),
    ),
    (
        "its own journal, in colours",
        "val4",
        lambda w: said(
            w, "val4", "\x1b[90m12:00PM\x1b[0m \x1b[31mERR\x1b[0m " + OURSELVES[4:], ago=NOW
        ),
    ),
    ("another node's journal", "val1", lambda w: said(w, "val1", of_others(VAL4), ago=NOW)),
    (
        "a full node's journal, as JSON",
        "full1",
        lambda w: said(
            w,
            "full1",
            f'{{"level":"error","err":"conflicting votes from validator {VAL4}","height":115,'
            '"message":"failed to process message"}',
            ago=NOW,
        ),
    ),
    ("evidence that a node verified", "val1", lambda w: said(w, "val1", VERIFIED, ago=NOW)),
)


@POWERS
@pytest.mark.parametrize(("by", "shown"), [s[1:] for s in SHOWN], ids=[s[0] for s in SHOWN])
def test_it_comes_before_a_chain_that_moves(
    powers: tuple[int, ...], by: str, shown: Change
) -> None:
    """Whoever says it: a class of its own, exit code 3, and exactly this validator is to stop."""
    finding = diagnose(shown(healthy(powers)))
    node = finding.node("val4")
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert present(finding).health is Health.DOWN
    assert node.condition is NodeCondition.DOUBLE_SIGNING
    assert f"seen on {by}" in finding.explanation
    assert node.by_hand.startswith("Stop this validator now: `sudo systemctl stop")
    assert "second holder" in node.by_hand
    assert finding.next_step == "remediate plan double-sign"
    assert present(finding).playbook == "double-sign"
    assert {n.condition for n in finding.nodes if n.power and n is not node} == {
        NodeCondition.HEALTHY
    }


def test_the_lines_arrive() -> None:
    """The search on the host finds what is looked for here."""
    for line in (OURSELVES, of_others(VAL4), VERIFIED):
        assert re.search(PATTERN, line)


@pytest.mark.parametrize(
    "line",
    [
        f'INF peer moniker="found conflicting vote from ourselves; {OURSELVES}"',
        f'ERR dialing failed err="x err=\\"conflicting votes from validator {VAL4}\\""',
        f"INF peer moniker=conflicting votes from validator {VAL4}",
        '{"moniker":"found conflicting vote from ourselves","message":"added peer"}',
    ],
)
def test_a_name_that_a_peer_chose_is_not_a_message(line: str) -> None:
    """A stranger must not be able to have a validator stopped by what it calls itself."""
    assert diagnose(said(healthy(), "val4", line, ago=NOW)).chain is ChainClass.HEALTHY


def test_it_comes_before_a_lost_quorum() -> None:
    """In a halt, too: it would sign twice in the rounds that a start brings."""
    finding = diagnose(stopped(signed_twice(healthy(), "val4"), "val1"))
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert finding.next_step == "remediate plan double-sign"


def test_in_a_halt_what_is_younger_than_the_last_block_is_now() -> None:
    """No height was passed since: the same two signers meet again in the next round."""
    long = timedelta(minutes=90)
    world = stopped(healthy(halted_after_s=3600), "val1")  # its last block is two hours old
    assert diagnose(said(world, "val4", OURSELVES, ago=long)).chain is ChainClass.DOUBLE_SIGNING
    restarted = worlds.change(world, "val4", _started_an_hour_ago)
    line = said(restarted, "val2", of_others(VAL4), ago=long)
    assert diagnose(line).chain is ChainClass.QUORUM_LOST
    assert diagnose(said(world, "val4", OURSELVES, ago=2 * long)).chain is ChainClass.QUORUM_LOST


def test_once_it_is_stopped_the_rest_is_mended() -> None:
    """The holder is down: nobody starts it, and the class is that of the rest."""
    finding = diagnose(stopped(signed_twice(healthy(), "val4"), "val1", "val4"))
    assert finding.chain is ChainClass.QUORUM_LOST
    node = finding.node("val4")
    assert node.condition is NodeCondition.DOUBLE_SIGNING
    assert node.by_hand.startswith("It is stopped: leave it so")


@POWERS
def test_two_that_run_with_one_key(powers: tuple[int, ...]) -> None:
    """No line is needed: the standby or full node is to stop, the validator is left alone."""
    finding = diagnose(runs_twice(healthy(powers), "val4", "full1"))
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert "full1 and val4 both run with this key" in finding.node("val4").cause
    stop = "Stop this copy now, and leave val4 alone"
    assert finding.node("full1").by_hand.startswith(stop)
    assert finding.node("val4").by_hand.startswith("Leave this one alone if full1")


def test_two_validators_with_one_key() -> None:
    """Nobody knows which is the right one: if in doubt, both."""
    finding = diagnose(runs_twice(healthy(), "val4", "val3"))
    assert "Stop all but one of val3 and val4 now, if in doubt all" in finding.node("val4").by_hand


def test_nodes_behind_one_remote_signer_do_not_sign_twice() -> None:
    """Several nodes share a signer, which signs once: that is what it is for."""
    world = runs_twice(healthy(), "val4", "full1")
    for host in ("val4", "full1"):
        world = worlds.configured(world, host, remote_signer="tcp://0.0.0.0:1234")
    assert diagnose(world).chain is not ChainClass.DOUBLE_SIGNING
    one = worlds.configured(
        runs_twice(healthy(), "val4", "full1"), "val4", remote_signer="tcp://0.0.0.0:1234"
    )
    assert diagnose(one).chain is ChainClass.DOUBLE_SIGNING


def test_two_that_ran_until_they_were_tombstoned() -> None:
    """The key is out of the set by now: said with the power that is left; it is not unjailed."""
    world = evidence_in(powerless(runs_twice(healthy(), "val4", "full1"), "val4"), 115)
    finding = diagnose(world)
    assert "Evidence of double signing is in block 115" in finding.explanation
    assert "full1, val4 are out of the set, 90 power is left" in finding.explanation
    for host in ("val4", "full1"):
        node = finding.node(host)
        assert node.condition is NodeCondition.DUPLICATE_KEY
        assert node.cause.endswith("; the key is out of the validator set")
        assert "Do not unjail it." in node.by_hand


def test_evidence_in_a_fresh_block_without_a_name() -> None:
    """The header does not tell whose it is: the next step is the question that does."""
    finding = diagnose(evidence_in(healthy(), 115))
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert "/block?height=115" in finding.next_step


def test_evidence_that_one_node_alone_shows_is_not_believed() -> None:
    """Four others have that header, without evidence."""
    lied = evidence_in(healthy(), 115).host("val3")
    world = worlds.change(healthy(), "val3", lambda _r: lied)
    assert diagnose(world).chain is ChainClass.HEALTHY


@POWERS
def test_weeks_ago_is_history(powers: tuple[int, ...]) -> None:
    """It is said, with the time; nothing is to be done, and nothing is refused."""
    finding = diagnose(signed_twice(healthy(powers), "val4", ago=WEEKS))
    assert finding.chain is ChainClass.HEALTHY
    assert finding.next_step == "nothing to do"
    assert "The key of val4 signed twice, last seen at 2026-11-05" in finding.explanation
    assert "signed twice" in finding.node("val4").cause


def test_weeks_ago_does_not_explain_a_halt() -> None:
    """The node that stands has lines of last month about its key: the quorum is lost today."""
    finding = diagnose(stopped(signed_twice(healthy(), "val4", ago=WEEKS), "val1"))
    assert finding.chain is ChainClass.QUORUM_LOST
    assert finding.node("val4").condition is NodeCondition.WAITING


def test_out_of_the_set_is_history() -> None:
    """It has been punished: whoever stops it now changes nothing."""
    finding = diagnose(signed_twice(powerless(healthy(), "val4"), "val4"))
    assert finding.chain is ChainClass.DEGRADED
    assert finding.node("val4").condition is NodeCondition.NO_POWER
    assert "signed twice" in finding.node("val4").cause


def test_the_key_of_somebody_else() -> None:
    """It is on no host of the inventory: its operator is told, and our rescue is not held up."""
    world = said(healthy(hosts=3), "val1", of_others(VAL4), ago=NOW)
    finding = diagnose(world)
    assert finding.chain is ChainClass.DEGRADED
    assert finding.next_step.startswith(f"tell the operator of {VAL4[:12]} (10 power)")
    assert diagnose(stopped(world, "val1")).chain is ChainClass.QUORUM_LOST


def test_a_clock_that_is_off_does_not_age_a_line() -> None:
    """The host is two hours behind, so its fresh line looks old."""
    late = timedelta(hours=2)
    world = said(healthy(), "val4", OURSELVES, ago=late)
    assert diagnose(world).chain is ChainClass.HEALTHY
    world = wrong_clock(world, "val4", -late // timedelta(milliseconds=1))
    assert diagnose(world).chain is ChainClass.DOUBLE_SIGNING


def proven_twice(powers: tuple[int, ...], *indexes: int, by: str = "full1") -> CometReading:
    """`by` shows another block of the newest commit's round, signed by these validators."""
    world, chain = signed(healthy(powers)), signers_of(healthy(powers))
    absent = [i for i in range(len(powers)) if i not in indexes]
    other = commit_of(world, chain, absent=absent, app_hash=hash_of("another"))
    return tells(world, by, lambda told: replace(told, commit=other))


@POWERS
@pytest.mark.parametrize("by", ["full1", "val1", "val4"])
def test_two_signatures_prove_it_whoever_shows_them(powers: tuple[int, ...], by: str) -> None:
    """No journal says a word: key, height, round and type are named, and this validator stops."""
    world = proven_twice(powers, 3, by=by)
    finding = diagnose(world)
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert finding.node("val4").condition is NodeCondition.DOUBLE_SIGNING
    assert "signed two precommits at height 116, round 0: " in finding.node("val4").cause
    assert "proven by both signatures" in finding.explanation
    assert finding.next_step == "remediate plan double-sign"
    assert next(e.reading for e in finding.node("val4").evidence).endswith(".chain.commit")


def test_what_is_proven_comes_before_what_is_told() -> None:
    """A younger line of a journal does not displace the proof; alone it is only told."""
    world = said(proven_twice(worlds.POWERS, 3), "val4", OURSELVES, ago=timedelta(0))
    assert "proven by both signatures" in diagnose(world).explanation
    told = diagnose(signed_twice(healthy(), "val4"))
    assert "proven" not in told.explanation
    (row,) = (row.text for row in present(told).rows if row.title == "signed twice")
    assert row.startswith("only told, by journals, processes or headers")


def test_a_proof_and_two_that_run_with_the_key_are_told_together() -> None:
    """The one says that it happened, the other which copy is to stop."""
    world = proven_twice(worlds.POWERS, 3, by="val1")
    address = world.host("val4").key
    twin = worlds.change(world, "full1", lambda r: replace(r, key=address))
    node = diagnose(twin).node("full1")
    assert node.by_hand.startswith("Stop this copy now, and leave val4 alone")
    assert "proven by both signatures" in node.cause
    assert "full1 and val4 both run with this key" in node.cause


def test_a_proof_of_long_ago_is_history() -> None:
    """The chain has stood for two hours, and what was signed twice is older than its last block."""
    chain = signers_of(healthy())
    chain.voted = "2026-11-25T09:00"
    world = stopped(healthy(halted_after_s=3600), "val1")
    for host in ("val2", "val3", "val4", "full1"):
        world = tells(world, host, _commit_before_the_last)
    world = signed(world, chain)
    other = commit_of(world, chain, absent=[0, 1, 2], app_hash=hash_of("another"))
    world = tells(world, "val3", lambda told: replace(told, commit=other))
    finding = diagnose(world)
    assert finding.chain is ChainClass.QUORUM_LOST
    assert finding.node("val4").condition is NodeCondition.WAITING
    assert "The key of val4 signed twice, last seen at 2026-11-25" in finding.explanation
    assert "signed two precommits at height" in finding.explanation


def test_a_key_that_a_liar_made_up_accuses_nobody() -> None:
    """It is in no set and on no host of the inventory."""
    world = signed(healthy())
    forged = signers_of(healthy(), "forged")
    both = [commit_of(world, forged, app_hash=hash_of(text)) for text in ("one", "two")]
    for host, commit in zip(("val3", "full1"), both, strict=True):
        members = worlds.known(set_of(forged, world))
        world = tells(
            world,
            host,
            lambda t, c=commit, m=members: replace(t, commit=c, validators=m),  # type: ignore[misc]
        )
    finding = diagnose(world)
    assert finding.chain is not ChainClass.DOUBLE_SIGNING
    assert "signed twice" not in finding.explanation


def _commit_before_the_last(told: ChainView) -> ChainView:
    assert isinstance(told.commit, Known)
    commit = told.commit.value
    return replace(told, commit=worlds.known(replace(commit, height=commit.height - 1)))


def _started_an_hour_ago(reading: HostReading) -> HostReading:
    assert isinstance(reading.unit, Known)
    since = worlds.BEGAN - timedelta(hours=1)
    return replace(reading, unit=worlds.known(replace(reading.unit.value, active_since=since)))
