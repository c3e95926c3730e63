"""Heights, peers, clocks, blocks that all refuse, and what was too strict."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Known
from tests.unit.field.case import Cases, Scene, Wanted, offered, refused
from tests.unit.field.cases_start import MIN_GAS
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import HOUR, Stage, attempts, clock, loop, standing, unit
from tests.worlds import (
    behind,
    change,
    configured,
    crash_looping,
    halted,
    isolated,
    known,
    node_id_of,
    sign_state_missing,
)

CASES = Cases()
WAIT = "it catches up by itself"
DEAD = "(?<!or its )consensus is dead|consensus died"


@CASES.of(Kind.K7, "celestiaorg/celestia-app#7324")
def block_sync_stands(stage: Stage) -> Scene:
    """For eighty minutes, without a line: not by waiting. Others were helped by a restart."""
    world = standing(behind(stage.well, "val4"), "val4", timedelta(minutes=79))
    return Scene(
        unit(world, "val4", up=timedelta(minutes=80)),
        {},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("stuck",),
            unsaid=(WAIT,),
            plan=offered("val4"),
        ),
    )


@CASES.of(
    Kind.K7,
    "celestiaorg/celestia-app#7402",
    "celestiaorg/celestia-app#7403",
    "celestiaorg/celestia-app#5814",
)
def the_application_ended_below_its_wrapper(stage: Stage) -> Scene:
    """systemd says active, peers are there; fifteen hours ago the reason was logged, once."""
    world = standing(behind(stage.well, "full1"), "full1", timedelta(hours=15, minutes=1))
    return Scene(
        unit(world, "full1", up=timedelta(days=3)),
        {"full1": ((15 * HOUR, MIN_GAS),)},
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("obstructed", "stuck"),
            says=("minimum-gas-prices",),
            unsaid=(WAIT,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K10, "celestiaorg/celestia-app#5379", "celestiaorg/celestia-app#7233")
def no_peers_and_a_good_network(stage: Stage) -> Scene:
    """A restart was the cure at three operators: it is cheap for one validator of little power."""
    return Scene(
        isolated(stage.well, "val4"),
        {},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("isolated", "starved"),
            unsaid=("[Nn]o restart",),
            plan=offered("val4"),
        ),
    )


def only_peer(reading: HostReading, host: str) -> HostReading:
    """`reading` with one peer left of all that its configuration names."""
    keep, chain = node_id_of(host), reading.chain
    assert isinstance(chain.peers, Known)
    assert isinstance(chain.peer_rounds, Known)
    peers = known(tuple(peer for peer in chain.peers.value if peer.node_id == keep))
    rounds = known(tuple(peer for peer in chain.peer_rounds.value if peer.node_id == keep))
    return replace(reading, chain=replace(chain, peers=peers, peer_rounds=rounds))


@CASES.of(Kind.K10, "https://iqlusion.blog (2020-02-27)")
def the_useful_link_is_cut(stage: Stage) -> Scene:
    """Its private sentry was lost: a restart of validator and signer did not help."""
    named = ("val1", "val2", "val3", "full1")
    addresses = tuple(f"{node_id_of(name)}@{name}.example:26656" for name in named)
    world = configured(stage.silent(), "val4", persistent_peers=addresses)
    return Scene(
        change(world, "val4", lambda r: only_peer(r, "full1")),
        {},
        Wanted(
            chain=("degraded",),
            host="val4",
            says=("persistent.peers",),
            unsaid=(DEAD,),
            plan=offered("val4"),
        ),
    )


@CASES.of(Kind.K11, "cosmos/gaia#1018", "cometbft/cometbft#2521")
def clocks_of_the_majority_are_ahead(stage: Stage) -> Scene:
    """Block time is wrong, and IBC refuses headers from the future."""
    return Scene(
        clock(stage.well, 95_000, "val1", "val2"),
        {},
        Wanted(
            chain=("degraded", "slow"),
            host="val1",
            says=("clock",),
            unsaid=("nothing to do",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K12, "KiraCore/sekai#100", "KiraCore/testnet#30", "KiraCore/testnet#31")
def everybody_refuses_the_evidence(stage: Stage) -> Scene:
    """All vote, all refuse, and all say why."""
    line = (
        'ERR prevote step: consensus deems this block invalid; prevoting nil err="Invalid '
        'evidence: evidence has a different time to the block it is associated with" height=114 '
        "module=consensus round=7"
    )
    return Scene(
        halted(stage.well, rounds=(7, 8)),
        dict.fromkeys(stage.validators, (line,)),
        Wanted(
            exit_code=None,
            says=("evidence has a different time", rf"{stage.total} of {stage.total}"),
            unsaid=("diagnose` again in a minute",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K12)
def the_application_refuses_every_proposal(stage: Stage) -> Scene:
    """ProcessProposal says no, everywhere."""
    line = (
        "ERR prevote step: state machine rejected a proposed block; this should not happen:the "
        "proposer may be misbehaving; prevoting nil err=null height=114 module=consensus round=7"
    )
    return Scene(
        halted(stage.well, rounds=(7, 8)),
        dict.fromkeys(stage.validators, (line,)),
        Wanted(
            exit_code=None,
            says=("state machine rejected a proposed block",),
            unsaid=("diagnose` again in a minute",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K15)
def a_full_node_without_a_sign_state(stage: Stage) -> Scene:
    """Its key never had power: there a zero one is right."""
    world, journals = loop(
        stage,
        "full1",
        "open /var/lib/virtengine/data/priv_validator_state.json: no such file or directory",
        "Error: exit status 1",
    )
    return Scene(
        sign_state_missing(world, "full1"),
        journals,
        Wanted(
            chain=("degraded",),
            host="full1",
            says=("never had power|no (voting )?power",),
            unsaid=("never a zero one", "it could sign twice"),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K15)
def a_disk_with_forty_mebibytes(stage: Stage) -> Scene:
    """Too little for the plan is too little for the diagnosis."""
    world = crash_looping(stage.well, "val4", exit_status=2, restarts=12)

    def fill(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        return replace(reading, disk=known(replace(reading.disk.value, available=40 << 20)))

    return Scene(
        change(world, "val4", fill),
        {"val4": attempts("panic: write /d/application.db/000374.log: no space left on device")},
        Wanted(host="val4", condition=("disk-full",), unsaid=("remediate plan",), plan=refused()),
    )


@CASES.of(
    Kind.KEPT,
    "tendermint/tendermint#4124",
    "celestiaorg/celestia-app#7873",
    "celestiaorg/celestia-app#4350",
    "berachain/beacon-kit#2711",
)
def it_stands_without_a_word(stage: Stage) -> Scene:
    """All its peers are there, no line says anything: restart."""
    return Scene(
        stage.silent("full1"),
        {},
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("zombie", "starved"),
            plan=offered("full1"),
        ),
    )
