"""What lines of a journal prove: their age, whom they speak of, which of them names the cause."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.field.case import Cases, Scene, Wanted, offered, refused
from tests.unit.field.hosts_program import Line
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import DAY, Stage, attempts, ended, loop, unit
from tests.worlds import crash_looping, failed, panicked, zombie

CASES = Cases()
RUNNING = ("val2", "val3", "val4")
QUORUM = ("quorum-lost",)
DAMAGED = ("database-corrupt",)
DEAD = "consensus is dead|consensus died"


def last_month(ago: float) -> tuple[Line, ...]:
    """cosmovisor ran the old program up to the upgrade, then the new one, in the same unit."""
    return (
        (ago, 'ERR UPGRADE "v12" NEEDED at height: 100: {} module=x/upgrade'),
        (
            ago,
            'ERR CONSENSUS FAILURE!!! err="failed to apply block; error UPGRADE \\"v12\\" NEEDED '
            'at height: 100: " module=consensus',
        ),
    )


@CASES.of(Kind.K3, "cosmos/cosmos-sdk#12684", "cosmos/cosmos-sdk#16476")
def upgrade_of_last_month(stage: Stage) -> Scene:
    """The upgrade at 100 is passed: the tip is 113. What stopped the chain is that val1 is down."""
    world = unit(stage.halted_without_val1(), *RUNNING, "full1", up=timedelta(days=60))
    return Scene(
        world,
        dict.fromkeys((*RUNNING, "full1"), last_month(30 * DAY)),
        Wanted(
            chain=QUORUM,
            host="val1",
            condition=("stopped",),
            says=(rf"{stage.without('val1')} of {stage.total}",),
            unsaid=("[Uu]pgrade",),
            plan=offered("val1", playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K3, "berachain/beacon-kit#2029")
def restarts_two_weeks_ago(stage: Stage) -> Scene:
    """val2 votes in this round: the line is of before its present start."""
    world = unit(stage.halted_without_val1(), "val2", up=timedelta(days=14), restarts=3)
    line = (
        14 * DAY + 60,
        "panic: Failed to process committed block (90:8BBB): context deadline exceeded",
    )
    return Scene(
        world,
        {"val2": (line,)},
        Wanted(
            chain=QUORUM,
            host="val2",
            condition=("waiting",),
            says=(rf"{stage.without('val1')} of {stage.total}",),
            plan=offered("val1", playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K4, "tendermint/tendermint#3003")
def a_proposal_was_refused(stage: Stage) -> Scene:
    """Two hours ago, and it was the proposer's block: these three are well."""
    line = (
        7200,
        'ERR prevote step: consensus deems this block invalid; prevoting nil err="wrong '
        'Block.Header.LastBlockID.  Expected A, got B" height=90 module=consensus round=0',
    )
    return Scene(
        stage.halted_without_val1(),
        dict.fromkeys(RUNNING, (line,)),
        Wanted(
            chain=QUORUM,
            host="val1",
            condition=("stopped",),
            unsaid=("another app hash", "roll back", "another fork"),
            plan=offered("val1", playbook="INC-001"),
        ),
    )


@CASES.of(Kind.K8, "zeta-chain/node#3631")
def a_value_is_missing_in_the_store(stage: Stage) -> Scene:
    """Old validators of a mainnet stand: restored from a snapshot that has the migration."""
    line = (
        'ERR Error deleting legacy versions err="Value missing for key [239 36] corresponding to '
        'nodeKey 6eef" module=server'
    )
    return Scene(
        stage.silent(),
        {"val4": (line,)},
        Wanted(chain=("degraded",), host="val4", condition=DAMAGED, plan=refused()),
    )


@CASES.of(Kind.K8, "celestiaorg/celestia-app#4379", "cosmos/gaia#976", "palomachain/paloma#1342")
def a_race_of_the_program(stage: Stage) -> Scene:
    """A restart is the cure, and its reason is told."""
    fatal = "fatal error: concurrent map read and map write"
    return Scene(
        failed(stage.well, "val4", exit_status=2),
        {"val4": (fatal, *ended(2))},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("start-fails", "stopped"),
            says=("concurrent map read",),
            plan=offered("val4"),
        ),
    )


@CASES.of(Kind.K9, "likecoin/likecoin-chain#37", "evmos/ethermint#1197", "celestiaorg/networks#52")
def open_files_behind_a_dead_consensus(stage: Stage) -> Scene:
    """The process stays; what is changed is a limit, before the restart."""
    line = (
        "ERR CONSENSUS FAILURE!!! err=\"can't get node "
        "F845F93348CD781977344A4423DB29149C7FCE03F9183BBD6AFB2F25E809921F: open "
        '/var/lib/virtengine/data/application.db/8390493.ldb: too many open files" module=consensus'
    )
    return Scene(
        unit(stage.silent(), "val4", open_files=1024),
        {"val4": (line,)},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("open-files",),
            says=("too many open files", "LimitNOFILE"),
            plan=offered("val4"),
        ),
    )


@CASES.of(Kind.K9, "likecoin/likecoin-chain#37")
def open_files_at_every_start(stage: Stage) -> Scene:
    """What the diagnosis shows, the plan knows: the limit first."""
    world = crash_looping(stage.well, "val4", exit_status=2, restarts=12)
    return Scene(
        unit(world, "val4", open_files=1024),
        {
            "val4": attempts(
                "panic: open /var/lib/virtengine/data/cs.wal: too many open files", status=2
            )
        },
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("open-files",),
            says=("LimitNOFILE",),
            plan=offered("val4"),
        ),
    )


@CASES.of(
    Kind.K9,
    "cometbft/cometbft#2711",
    "iqlusioninc/tmkms#831",
    "iqlusioninc/tmkms#1174",
    "neutron-org/neutron#679",
)
def signer_and_program_do_not_fit(stage: Stage) -> Scene:
    """A restart ends the same way at the next precommit."""
    line = (
        'ERR CONSENSUS FAILURE!!! err="non-recoverable error when signing vote '
        "Vote{14:E1389AE8049A 115/00/SIGNED_MSG_TYPE_PRECOMMIT(Precommit) 43F4577C1317 "
        "CC5D8CCB7729 789C24524B48 @ 2026-11-25T11:59:58Z}: extensions must be present IFF vote is "
        'a non-nil Precommit; extension signature: " module=consensus'
    )
    return Scene(
        stage.silent(),
        {"val4": (line,)},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=("dependency-fails", "obstructed"),
            says=("extensions must be present", "signer"),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K9, "tendermint/tendermint#9231")
def files_of_the_database_are_gone(stage: Stage) -> Scene:
    """First find what deletes them."""
    line = (
        'ERR CONSENSUS FAILURE!!! err="open /var/lib/virtengine/data/blockstore.db/000002.log: no '
        'such file or directory" module=consensus'
    )
    return Scene(
        stage.silent(),
        {"val4": (line,)},
        Wanted(
            chain=("degraded",),
            host="val4",
            condition=DAMAGED,
            says=(r"blockstore\.db/000002\.log",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K14, "cosmos/cosmos-sdk#25861", "cosmos/cosmos-sdk#25864")
def an_upgrade_in_json(stage: Stage) -> Scene:
    """The quotes are escaped, and `err` stands before `message`."""
    lines = (
        '{"level":"error","module":"x/upgrade","message":"UPGRADE \\"v6\\" NEEDED at height: 114: '
        '"}',
        '{"level":"error","module":"consensus","err":"failed to apply block; error UPGRADE \\"v6'
        '\\" NEEDED at height: 114: ","message":"CONSENSUS FAILURE!!!"}',
    )
    return Scene(
        panicked(stage.well, *stage.validators),
        dict.fromkeys(stage.validators, lines),
        Wanted(
            chain=("upgrade-needed",),
            host="val1",
            condition=("upgrade-needed",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(
    Kind.KEPT, "cosmos/cosmos-sdk#8198", "cosmos/cosmos-sdk#7082", "maticnetwork/heimdall#1239"
)
def the_application_is_ahead_after_a_full_disk(stage: Stage) -> Scene:
    """The disk has room again; what it broke is there: a snapshot."""
    world = crash_looping(stage.well, "val4", exit_status=1, restarts=12)
    lines: tuple[Line, ...] = (
        (
            400,
            "panic: error on batch write write /d/application.db/000374.log: no space left on "
            "device",
        ),
        (
            5,
            "ERROR: error during handshake: error on replay: app block height (116) is higher than "
            "core (115)",
        ),
    )
    return Scene(
        world,
        {"val4": lines},
        Wanted(chain=("degraded",), host="val4", condition=DAMAGED, plan=refused()),
    )


@CASES.of(Kind.KEPT, "cosmos/gaia#1118")
def a_program_came_too_early(stage: Stage) -> Scene:
    """The old one back."""
    world, journals = loop(
        stage,
        "val4",
        'panic: BINARY UPDATED BEFORE TRIGGER! UPGRADE "Vega" - in binary but not executed on '
        "chain",
        status=2,
    )
    return Scene(
        world,
        journals,
        Wanted(
            host="val4",
            condition=("upgrade-needed",),
            says=("before the upgrade",),
            plan=refused(),
        ),
    )


@CASES.of(
    Kind.KEPT, "cosmos/cosmos-sdk#25861", "cosmos/cosmos-sdk#25864", "cosmos/cosmos-sdk#22731"
)
def an_old_program_after_a_restart(stage: Stage) -> Scene:
    """At the height of the upgrade: install the new one."""
    world, journals = loop(
        stage, "val4", 'ERR UPGRADE "v12" NEEDED at height: 116: {} module=x/upgrade'
    )
    return Scene(
        world, journals, Wanted(host="val4", condition=("upgrade-needed",), plan=refused())
    )


@CASES.of(Kind.KEPT, "Agoric/agoric-sdk#6907", "palomachain/paloma#1338")
def another_result_while_blocks_go_on(stage: Stage) -> Scene:
    """Its state is not that of the others; the log is in JSON."""
    line = (
        '{"level":"error","module":"consensus","err":"precommit step; +2/3 prevoted for an invalid '
        'block: wrong Block.Header.LastResultsHash.  Expected AA, got BB",'
        '"message":"CONSENSUS FAILURE!!!"}'
    )
    return Scene(
        zombie(stage.well, "val4"),
        {"val4": (line,)},
        Wanted(chain=("local-divergence",), host="val4", condition=("diverged",), plan=refused()),
    )


@CASES.of(Kind.KEPT, "cosmos/cosmos-sdk#21862")
def a_store_lost_its_last_version(stage: Stage) -> Scene:
    """After a power loss."""
    world, journals = loop(
        stage,
        "full1",
        "Error: failed to load latest version: failed to load store: wanted to load target 115 but "
        "only found up to 114",
    )
    return Scene(world, journals, Wanted(host="full1", condition=DAMAGED, plan=refused()))
