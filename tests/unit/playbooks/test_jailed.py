"""low-validators: whom it frees, what each guard says, and which transaction follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace as with_
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Gate, GuardResult, Outcome, Risk
from remediations.engine.plan.planning import make_plan
from remediations.errors import Refused
from remediations.playbooks.chain.gates import Bonded, HostSnapshot, Snapshot, judge_gate
from remediations.playbooks.chain.guards.table import UNJAIL_GUARDS
from remediations.playbooks.chain.jail_facts import (
    FEES_INPUT,
    fee_of,
    jail_data,
    jail_facts,
    planned_transaction,
)
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.staking import Proven
from remediations.systems.comet.unjail import PlannedUnjail
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.values.part import Part
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import Case, case_of, maker
from tests.worlds import healthy, jail
from tests.worlds.base import BEGAN

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
World = Callable[[], CometReading]
LATER = BEGAN + timedelta(seconds=34)


def world(**fields: Any) -> CometReading:  # noqa: ANN401 - fields of what the chain says
    return jail.jailed(healthy(), "val4", **fields)


def case(observation: CometReading) -> Case:
    return case_of(observation, "low-validators")


def chain_of(observation: CometReading, **inputs: str) -> ChainSituation:
    return with_(situation_of(observation, frozenset()), inputs=inputs)


def judged(observation: CometReading, id_: str, host: str = "val4") -> GuardResult:
    chain = chain_of(observation)
    (found,) = [result for g in UNJAIL_GUARDS if (result := g(chain, host)).id == id_]
    return found


def test_a_jailed_validator_is_freed() -> None:
    """One stage, one transaction, a gate on the set, and no guard against it."""
    found = case(world())
    assert found.branch.name == "unjail"
    (stage,) = found.proposal.stages
    assert [(move.action.name, move.target) for move in stage.moves] == [("tx.unjail", "val4")]
    assert stage.gate.asks == Part.of(Bonded(hosts=("val4",)))
    assert found.proposal.risk is Risk.MEDIUM
    assert [g for g in found.judge() if g.outcome is not PASS] == []
    assert {"P20", "P21"} <= {check.id for check in found.proposal.checks}


def test_the_smallest_stake_first() -> None:
    """One at a time."""
    two = jail.jailed(jail.jailed(healthy(), "val4", tokens=30), "val3", tokens=20)
    assert case(two).proposal.targets == ("val3", "val4")
    assert case_of(two, "low-validators", only=("val4",)).proposal.targets == ("val4",)


def test_a_validator_that_halts_the_chain_if_it_does_not_sign() -> None:
    """Its power counts again at once, whether it signs or not."""
    found = case(jail.jailed(healthy(), "val1", tokens=40_000_000))
    assert found.proposal.risk is Risk.HIGH
    assert "halts" in found.proposal.worst_case


REFUSED: tuple[tuple[str, World], ...] = (
    ("no validator is jailed", healthy),
    ("tombstoned", lambda: jail.tombstoned(healthy(), "val4")),
    ("not bonded", lambda: jail.unbonded(healthy(), "val4")),
    ("no-power", lambda: jail.told(world(), "val4", "validator")),
    ("bring it back first", lambda: worlds.stopped(world(), "val4")),
    ("does not go on", lambda: worlds.stopped(world(), "val1")),
)


@pytest.mark.parametrize(("says", "made"), REFUSED, ids=[says for says, _ in REFUSED])
def test_whom_it_does_not_free(says: str, made: World) -> None:
    """With the reason, and what to do instead."""
    with pytest.raises(Refused) as refused:
        case(made())
    assert says in refused.value.got
    assert refused.value.next_step


def test_a_validator_that_was_not_asked_for_is_left_alone() -> None:
    """`--limit` to another one."""
    with pytest.raises(Refused):
        case_of(world(), "low-validators", only=("val3",))


def other_header(observation: CometReading, host: str) -> CometReading:
    """The headers of a node have another app hash."""

    def how(reading: HostReading) -> HostReading:
        blocks = reading.chain.blocks
        assert isinstance(blocks, Known)
        wrong = tuple(replace(block, app_hash="AB" * 32) for block in blocks.value)
        return replace(reading, chain=replace(reading.chain, blocks=worlds.known(wrong)))

    return worlds.change(observation, host, how)


def without_headers(observation: CometReading, *hosts: str) -> CometReading:
    for host in hosts:
        observation = worlds.change(
            observation,
            host,
            lambda r: replace(r, chain=replace(r.chain, blocks=worlds.unknown())),
        )
    return observation


def catching_up(observation: CometReading) -> CometReading:
    def how(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            status = replace(sample.status.value, catching_up=True)
            samples.append(replace(sample, status=worlds.known(status)))
        return replace(reading, samples=tuple(samples))

    return worlds.change(observation, "val4", how)


FLAWED = Proven(height=worlds.HEIGHT - 1, app_hash="", flaw="a tree is deeper than any")
GUARDS: tuple[tuple[str, Outcome, str, World], ...] = (
    ("G75", PASS, "jailed until", world),
    ("G75", BLOCK, "jailed until", lambda: world(until=LATER)),
    ("G75", BLOCK, "tombstoned", lambda: jail.tombstoned(healthy(), "val4")),
    ("G75", BLOCK, "not jailed", lambda: jail.unbonded(healthy(), "val4")),
    ("G75", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "signing")),
    ("G75", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "validator")),
    ("G75", UNKNOWN, "not asked", healthy),
    ("G76", PASS, "val1", world),
    ("G76", BLOCK, "another app hash", lambda: other_header(world(), "val2")),
    ("G76", BLOCK, "val4", lambda: without_headers(world(), "full1", "val1", "val2", "val3")),
    ("G76", UNKNOWN, "deeper", lambda: world(proof=FLAWED)),
    ("G76", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "signing")),
    (
        "G76",
        UNKNOWN,
        "no witness",
        lambda: without_headers(world(), "full1", "val1", "val2", "val3", "val4"),
    ),
    ("G77", PASS, "jailed at", world),
    ("G77", BLOCK, "behind at", lambda: catching_up(world())),
    ("G77", UNKNOWN, "did not answer", lambda: worlds.stopped(world(), "val4")),
    ("G78", PASS, "tokens", world),
    ("G78", BLOCK, "0 tokens", lambda: world(own_shares=0)),
    ("G78", BLOCK, "tokens", lambda: world(min_self_delegation=jail.TOKENS + 1)),
    ("G78", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "own_shares")),
    ("G79", PASS, "sequence 3", world),
    ("G79", BLOCK, "not in the keyring", lambda: world(in_test_keyring=False)),
    ("G79", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "key")),
    ("G79", UNKNOWN, "no answer", lambda: jail.told(world(), "val4", "account")),
)


@pytest.mark.parametrize(("id_", "outcome", "says", "made"), GUARDS)
def test_guards(id_: str, outcome: Outcome, says: str, made: World) -> None:
    """Each blocks, passes and is unknown, and says what to do."""
    found = judged(made(), id_)
    assert found.outcome is outcome, found
    assert says in found.got
    assert found.expected
    assert outcome is PASS or found.next_step


def test_before_its_time_the_time_is_told() -> None:
    """When to plan again, not only that it is too early."""
    found = judged(world(until=LATER), "G75")
    assert found.next_step.startswith("plan again at 2026-11-25 12:00:34 UTC")


def test_a_key_that_lies_elsewhere_gets_the_same_transaction_to_sign() -> None:
    """Whole, with the command that signs it and the one that plans with it, and no secret."""
    chain = chain_of(world(in_test_keyring=False))
    planned = planned_transaction(chain, "val4")
    assert planned is not None
    next_step = judged(world(in_test_keyring=False), "G79").next_step
    for words in (planned.unsigned, planned.sign_flags, "--limit val4 --fees 7500uve --signed"):
        assert words in next_step


@pytest.mark.parametrize(
    ("price", "chosen", "fee"),
    [
        ("0.025uve", "", "7500uve"),
        ("0.0000001uve", "", "1uve"),
        ("0uve", "", ""),
        ("", "", ""),
        ("0.025uve,1other", "", "7500uve"),
        ("$(x)", "", ""),
        ("0.025uve", "9000uve", "9000uve"),
    ],
)
def test_the_fee(price: str, chosen: str, fee: str) -> None:
    """What the node asks for the gas, rounded up; what people choose comes first."""
    chain = chain_of(world(gas_price=price), **({"fees": chosen} if chosen else {}))
    assert fee_of(chain, "val4") == fee


@pytest.mark.parametrize("text", ["", "uve", "5000", "5000 uve", "-1uve", "5000uve;reboot"])
def test_a_fee_that_is_none(text: str) -> None:
    """Said at once, with an example."""
    with pytest.raises(ValueError, match="5000uve"):
        FEES_INPUT.parse(text)


def test_the_transaction_follows_from_facts_alone() -> None:
    """All that is signed is shown by name; the memo is one of this jail."""
    chain = chain_of(world())
    facts = {fact.name: fact.value for fact in jail_facts(chain, "val4")}
    assert facts["val4.account"] == "7/3"
    assert facts["val4.jail"] == "jailed"
    planned = PlannedUnjail.from_data(jail_data(facts, "val4"))
    body = json.loads(planned.transaction.unsigned)["body"]
    assert body["messages"][0]["validator_addr"] == jail.OPERATOR
    assert "2026-11-25T11:55:00Z" in body["memo"]
    words = {name: str(value) for name, value in jail_data(facts, "val4").items()}
    assert PlannedUnjail.from_words(words) == planned


def test_the_compiled_step_holds_the_transaction_in_full() -> None:
    """By the deploy, as it is approved: what is signed, and no secret; the chain is the probe."""
    with Compiler() as compiler:
        made = maker({HOST: made_by(compiler)}, "low-validators")
        plan = make_plan(made, None, sealed(world()), frozenset())
    planned = planned_transaction(chain_of(world()), "val4")
    assert planned is not None
    ((step,),) = [stage.steps for stage in plan.stages]
    assert planned.unsigned in step.payload
    assert step.probe == ("not-jailed", "http://127.0.0.1:26657", jail.OPERATOR_BYTES.hex())
    assert step.undo.startswith("none")
    assert (step.operation, step.fidelity) == ("tx.unjail", "conditional")


def test_what_was_not_read_makes_no_transaction() -> None:
    """A guard is unknown, and nothing is made up for it."""
    for name in ("validator", "account"):
        assert planned_transaction(chain_of(jail.told(world(), "val4", name)), "val4") is None


@pytest.mark.parametrize(
    ("height", "catching_up", "power", "opens"),
    [
        (20, False, 10, True),
        (19, False, 10, True),
        (18, False, 10, False),
        (20, True, 10, False),
        (20, False, 0, False),
        (20, False, None, False),
        (None, None, None, False),
    ],
)
def test_the_gate_asks_for_power(
    height: int | None, catching_up: bool | None, power: int | None, opens: bool
) -> None:
    """It follows, and the set has it again."""
    snapshot = Snapshot(
        hosts=(
            HostSnapshot(host="val1", height=20, catching_up=False, power=40),
            HostSnapshot(host="val4", height=height, catching_up=catching_up, power=power),
        ),
        round=0,
        online_power=40,
        total_power=50,
    )
    gate = Gate(title="t", timeout_s=1, asks=Part.of(Bonded(hosts=("val4",))))
    assert judge_gate(gate, snapshot).open is opens
