"""Ends that no restart cures, and what fails on one node alone."""

from __future__ import annotations

from tests.unit.field.case import Cases, Scene, Wanted, refused
from tests.unit.field.hosts_program import SYSTEMD
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import TIP, Stage, loop, unit
from tests.worlds import crash_looping, sign_state

CASES = Cases()
FOR_ALL = r"2/3\s+of the power"
"""Advice for the whole chain, because of one node."""
MIN_GAS = "Error: set min gas price in app.toml or flag or env variable: error in app.toml"


@CASES.of(Kind.K5, "piplabs/story#829", "gonka-ai/gonka#797")
def a_store_from_state_sync_is_incomplete(stage: Stage) -> Scene:
    """Others passed this block: this node is rebuilt, with its own sign state."""
    world, journals = loop(
        stage,
        "full1",
        'ERR error in proxyAppConn.FinalizeBlock err="validator does not exist" module=state',
        "panic: Failed to process committed block (101:8BBB): validator does not exist",
        status=2,
    )
    return Scene(
        world,
        journals,
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("fails-alone", "database-corrupt"),
            says=("validator does not exist", "[Rr]ebuild|[Ss]tate sync|block sync"),
            unsaid=(FOR_ALL,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K5, "berachain/beacon-kit#2485", "berachain/beacon-kit#2029")
def what_the_application_calls_is_down(stage: Stage) -> Scene:
    """The execution client of this host does not listen: mend that, then start."""
    world, journals = loop(
        stage,
        "val4",
        'panic: Failed to process committed block (116:8A9B): Post "http://127.0.0.1:8551": dial '
        "tcp 127.0.0.1:8551: connect: connection refused",
        status=2,
    )
    return Scene(
        world,
        journals,
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("dependency-fails",),
            says=(r"127\.0\.0\.1:8551",),
            unsaid=(FOR_ALL,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K5, "akash-network/node#596", "tendermint/tendermint#5560")
def evidence_was_committed_already(stage: Stage) -> Scene:
    """This node's database of evidence is to be moved aside."""
    world, journals = loop(
        stage,
        "full1",
        "panic: Failed to process committed block (101:5352): Invalid evidence: evidence was "
        "already committed. Evidence: VoteA: Vote{1:06EB 88/00/1(Prevote)}",
        status=2,
    )
    return Scene(
        world,
        journals,
        Wanted(
            chain=("degraded",),
            host="full1",
            condition=("fails-alone", "obstructed", "database-corrupt"),
            says=(r"evidence\.db",),
            unsaid=(FOR_ALL,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K6, "block52/pokerchain#12", "celestiaorg/celestia-app#7257")
def no_minimum_gas_price(stage: Stage) -> Scene:
    """A setting; a restart changes nothing."""
    world, journals = loop(stage, "val4", MIN_GAS)
    return Scene(
        world,
        journals,
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("obstructed",),
            says=("minimum-gas-prices",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K6, "classic-terra/core#679", "classic-terra/core#719", "Agoric/agoric-sdk#5694")
def another_app_hash_at_replay(stage: Stage) -> Scene:
    """A soft fork was missed: right program, then roll back softly or rebuild."""
    world, journals = loop(
        stage,
        "val4",
        "Error: error during handshake: error on replay: wrong Block.Header.AppHash.  Expected AA, "
        "got BB",
    )
    return Scene(world, journals, Wanted(host="val4", condition=("diverged",), plan=refused()))


@CASES.of(Kind.K6, "terra-money/core#66", "umee-network/umee#852")
def another_results_hash_in_a_halt(stage: Stage) -> Scene:
    """The same for the results, on the validator without which nothing goes on."""
    world, journals = loop(
        stage,
        "val1",
        "Error: error during handshake: error on replay: wrong Block.Header.LastResultsHash.  "
        "Expected AA, got BB",
    )
    return Scene(
        sign_state(world, "val1", TIP),
        journals,
        Wanted(host="val1", condition=("diverged",), plan=refused(playbook="INC-001")),
    )


@CASES.of(Kind.K6, "cosmos/gaia#3448", "cosmos/gaia#3291", "gonka-ai/gonka#632")
def a_version_does_not_exist(stage: Stage) -> Scene:
    """The store was damaged by pruning."""
    world, journals = loop(stage, "full1", "panic: version does not exist", status=2)
    return Scene(
        world, journals, Wanted(host="full1", condition=("database-corrupt",), plan=refused())
    )


@CASES.of(Kind.K6)
def another_genesis(stage: Stage) -> Scene:
    """The right file back."""
    world, journals = loop(
        stage, "full1", "Error: genesis doc hash in db does not match loaded genesis doc"
    )
    return Scene(
        world,
        journals,
        Wanted(host="full1", condition=("obstructed",), says=("genesis",), plan=refused()),
    )


@CASES.of(Kind.K6, "dydxprotocol/v4-chain#2593")
def a_daemon_beside_it_is_unwell(stage: Stage) -> Scene:
    """That one first: a restart ends the same way minutes later."""
    world, journals = loop(
        stage,
        "val4",
        "panic: price-daemon unhealthy: no successful update has occurred",
        status=2,
    )
    return Scene(
        world,
        journals,
        Wanted(
            host="val4",
            condition=("dependency-fails", "keeps-failing"),
            says=("price-daemon unhealthy",),
            plan=refused(),
        ),
    )


@CASES.of(
    Kind.K6,
    "notional-labs/cosmosia#271",
    "crypto-org-chain/chain-main#519",
    "Agoric/agoric-sdk#8650",
)
def killed_for_memory(stage: Stage) -> Scene:
    """More memory, or less load."""
    world = crash_looping(stage.well, "val4", exit_status=9, restarts=12)
    lines = (
        f"{SYSTEMD}virtengine.service: A process of this unit has been killed by the OOM killer.",
        f"{SYSTEMD}virtengine.service: Main process exited, code=killed, status=9/KILL",
        f"{SYSTEMD}virtengine.service: Failed with result 'oom-kill'.",
    )
    return Scene(
        unit(world, "val4", result="oom-kill"),
        {"val4": tuple((ago, line) for ago in (35.0, 19.0, 3.0) for line in lines)},
        Wanted(host="val4", condition=("out-of-memory",), says=("[Mm]emory",), plan=refused()),
    )
