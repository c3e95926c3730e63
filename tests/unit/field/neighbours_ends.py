"""Neighbours of the incidents that no thread told us of: other last lines of one node.

They are in the words of CometBFT 0.34 to 0.38, the Cosmos SDK 0.45 to 0.53, their databases, Go,
cosmovisor and systemd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from remediations.systems.comet.reading import CometReading
from tests.unit.field.case import Case, Planned, Scene, Wanted, offered, refused
from tests.unit.field.hosts_program import SYSTEMD, Line
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import SMALL, Stage, attempts, unit
from tests.worlds import crash_looping, failed

FOR_ALL = r"2/3\s+of the power"
DAMAGED = ("database-corrupt",)
OBSTRUCTED = ("obstructed", "keeps-failing")
CALLS = ("dependency-fails",)
ALONE = ("fails-alone", "database-corrupt")


def looping(stage: Stage) -> CometReading:
    """systemd restarts val4 again and again."""
    return crash_looping(stage.well, "val4", exit_status=1, restarts=12)


def given_up(stage: Stage) -> CometReading:
    """val4 ended once, and nothing restarts it."""
    return failed(stage.well, "val4", exit_status=2)


def few_files(stage: Stage) -> CometReading:
    """val4 stands, and may open a thousand files."""
    return unit(stage.silent("val4"), "val4", open_files=1024)


def standing_still(stage: Stage) -> CometReading:
    """val4 answers, and its height stands."""
    return stage.silent("val4")


@dataclass(frozen=True)
class End:
    """What val4 logs last, and what is to be said of it."""

    kind: Kind
    name: str
    lines: tuple[Line, ...]
    says: str
    condition: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    how: Callable[[Stage], CometReading] = looping
    plan: Planned = field(default_factory=refused)

    def play(self, stage: Stage) -> Scene:
        """The scene on `stage`."""
        lines = attempts(*self.lines) if self.how is looping else self.lines
        return Scene(
            self.how(stage),
            {"val4": lines},
            Wanted(
                host="val4",
                condition=self.condition,
                says=(self.says,) if self.says else (),
                unsaid=self.unsaid,
                plan=self.plan,
            ),
        )


ENDS = (
    # A block that others have applied.
    End(
        Kind.K5,
        "inference_sidecar_is_down",
        (
            "panic: Failed to process committed block (116:8A9B): rpc error: code = Unavailable "
            'desc = connection error: desc = "transport: Error while dialing: dial tcp '
            '127.0.0.1:50051: connect: connection refused"',
        ),
        r"127\.0\.0\.1:50051",
        CALLS,
        (FOR_ALL,),
    ),
    End(
        Kind.K5,
        "sidecar_does_not_answer_in_time",
        (
            'ERR error in proxyAppConn.FinalizeBlock err="rpc error: code = DeadlineExceeded desc '
            '= context deadline exceeded" module=state',
            "panic: Failed to process committed block (116:8A9B): rpc error: code = "
            "DeadlineExceeded desc = context deadline exceeded",
        ),
        "deadline exceeded",
        CALLS,
        (FOR_ALL,),
    ),
    End(
        Kind.K5,
        "no_signing_info_in_the_store",
        (
            'ERR error in proxyAppConn.FinalizeBlock err="no validator signing info found" '
            "module=state",
            "panic: Failed to process committed block (116:8BBB): no validator signing info found",
        ),
        "no validator signing info found",
        ALONE,
        (FOR_ALL,),
    ),
    End(
        Kind.K5,
        "a_collection_lacks_a_value",
        (
            "panic: Failed to process committed block (116:8BBB): collections: not found: key "
            "'312' of type github.com/cosmos/gogoproto/cosmos.staking.v1beta1.HistoricalRecord",
        ),
        "collections: not found",
        ALONE,
        (FOR_ALL,),
    ),
    End(
        Kind.K5,
        "a_contract_file_is_missing",
        (
            "panic: Failed to process committed block (116:8BBB): Error calling the VM: Cache "
            "error: Error opening Wasm file for reading: No such file or directory",
        ),
        "Wasm file",
        ALONE,
        (FOR_ALL,),
    ),
    End(
        Kind.K5,
        "a_rebuilt_store_fails_below_its_sign_state",
        ("panic: Failed to process committed block (101:8BBB): validator does not exist",),
        "validator does not exist",
        ALONE,
        (FOR_ALL,),
    ),
    # A start.
    End(
        Kind.K6,
        "genesis_cannot_be_loaded",
        ("Error: failed to load genesis: open config/genesis.json: no such file or directory",),
        "genesis",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "genesis_document_cannot_be_read",
        ("Error: couldn't read GenesisDoc file: open /d/config/genesis.json: permission denied",),
        "permission denied",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "gas_prices_are_invalid",
        ("panic: invalid minimum gas prices: invalid decimal coin expression: 0.0025",),
        "minimum gas prices",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "a_flag_is_not_known",
        ("Error: unknown flag: --log_nocolor",),
        "unknown flag: --log_nocolor",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "the_configuration_is_not_toml",
        ('Error: While parsing config: toml: line 12 (last key "p2p.laddr"): unexpected EOF',),
        "parsing config",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "address_is_in_use",
        (
            "Error: failed to listen on 0.0.0.0:26656: listen tcp 0.0.0.0:26656: bind: address "
            "already in use",
        ),
        "address already in use",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "another_process_holds_the_database",
        ("Error: failed to initialize database: resource temporarily unavailable",),
        "another process|holds the database",
        OBSTRUCTED,
    ),
    End(
        Kind.K6,
        "a_store_has_another_initial_version",
        (
            "panic: failed to load latest version: failed to load store: initial version set to "
            "472, but found earlier version 12",
        ),
        "initial version set to 472",
    ),
    End(
        Kind.K6,
        "a_store_was_not_added_by_the_upgrade",
        (
            "Error: failed to load latest version: version of store hpc mismatch root store's "
            "version; expected 472 got 0; new stores should be added using StoreUpgrades",
        ),
        "StoreUpgrades",
    ),
    End(
        Kind.K6,
        "cosmovisor_has_no_program",
        (
            '9:02AM ERR failed to run error="cannot find current binary: lstat '
            '/var/lib/virtengine/cosmovisor/current/bin/virtengined: no such file or directory" '
            "module=cosmovisor",
            "Error: cannot find current binary: lstat /var/lib/virtengine/cosmovisor/current/bin/"
            "virtengined: no such file or directory",
        ),
        "cosmovisor/current/bin/virtengined",
    ),
    End(
        Kind.K6,
        "a_shared_library_is_missing",
        (
            "/usr/local/bin/virtengined: error while loading shared libraries: "
            "libwasmvm.x86_64.so: cannot open shared object file: No such file or directory",
        ),
        r"libwasmvm\.x86_64\.so",
    ),
    End(
        Kind.K6,
        "systemd_finds_no_program",
        (
            f"{SYSTEMD}virtengine.service: Failed to locate executable /usr/local/bin/virtengined: "
            "No such file or directory",
            f"{SYSTEMD}virtengine.service: Failed at step EXEC spawning "
            "/usr/local/bin/virtengined: No such file or directory",
        ),
        "/usr/local/bin/virtengined",
    ),
    # A line that arrives only if the host lets it through.
    End(
        Kind.K8,
        "segmentation_violation",
        (
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1c3f2a1]",
            "goroutine 1 [running]:",
            "main.main()",
        ),
        "nil pointer dereference|SIGSEGV",
        ("start-fails", "stopped"),
        how=given_up,
        plan=offered("val4"),
    ),
    End(
        Kind.K8,
        "all_goroutines_are_asleep",
        ("fatal error: all goroutines are asleep - deadlock!", "goroutine 1 [chan receive]:"),
        "all goroutines are asleep",
        ("start-fails", "stopped"),
        how=given_up,
        plan=offered("val4"),
    ),
    End(
        Kind.K8,
        "a_table_of_pebble_is_damaged",
        (
            "panic: pebble: backing file 000374 error: pebble/table: invalid table (checksum "
            "mismatch at 1832/4096)",
        ),
        "checksum mismatch",
        DAMAGED,
    ),
    End(
        Kind.K8,
        "current_file_of_leveldb_is_damaged",
        ("Error: failed to open db: leveldb/storage: corrupted or incomplete CURRENT file",),
        "corrupted or incomplete CURRENT",
        DAMAGED,
    ),
    End(
        Kind.K8,
        "a_block_of_rocksdb_is_damaged",
        (
            "panic: Corruption: block checksum mismatch: stored = 2103845112, computed = "
            "1931821323, type = 1 in /var/lib/virtengine/data/application.db/001742.sst offset 0",
        ),
        "checksum mismatch",
        DAMAGED,
    ),
    End(
        Kind.K8,
        "old_form_of_an_address_in_use",
        ("ERROR: listen tcp 0.0.0.0:26657: bind: address already in use",),
        "address already in use",
        OBSTRUCTED,
    ),
    # A general line that stands before the cause.
    End(
        Kind.K9,
        "a_disk_error_behind_a_dead_consensus",
        (
            'ERR CONSENSUS FAILURE!!! err="failed to write {{} {2026-11-25T11:59:58.000000001Z '
            "{RoundStepNewHeight} }} msg to consensus WAL due to write "
            "/var/lib/virtengine/data/cs.wal/wal: input/output error; check your file system and "
            'restart the node" module=consensus',
        ),
        "input/output error",
        how=standing_still,
    ),
    End(
        Kind.K9,
        "a_nil_pointer_behind_a_dead_consensus",
        (
            'ERR CONSENSUS FAILURE!!! err="runtime error: invalid memory address or nil pointer '
            'dereference" module=consensus stack="goroutine 313 [running]:\\nruntime/debug.Stack()'
            "\\n\\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e\\ngithub.com/cometbft/cometbft"
            '/consensus.(*State).receiveRoutine.func2()"',
        ),
        "nil pointer dereference",
        ("zombie",),
        how=standing_still,
        plan=offered("val4"),
    ),
    End(
        Kind.K9,
        "open_files_in_json",
        (
            '{"level":"error","module":"consensus","err":"open /var/lib/virtengine/data/tx_index.db'
            '/417334.ldb: too many open files","stack":"goroutine 313 [running]: runtime/debug.'
            'Stack()","time":"2026-11-25T11:59:58Z","message":"CONSENSUS FAILURE!!!"}',
        ),
        "LimitNOFILE",
        ("open-files",),
        how=few_files,
        plan=offered("val4"),
    ),
    # Other forms of the same words.
    End(
        Kind.K14,
        "a_wrong_block_in_json",
        (
            '{"level":"error","module":"blocksync","err":"wrong Block.Header.AppHash.  Expected '
            'AA, got BB","time":"2026-11-25T11:59:58Z","message":"Error in validation"}',
        ),
        "AppHash",
        ("diverged",),
        how=standing_still,
    ),
    End(
        Kind.K14,
        "a_dead_consensus_in_the_old_form_with_colours",
        (
            "\x1b[91mE\x1b[0m[2026-11-25|11:59:58.000] CONSENSUS FAILURE!!!"
            '                         module=consensus err="+2/3 committed an invalid block: '
            'wrong Block.Header.AppHash.  Expected AA, got BB" stack="goroutine 313 [running]:"',
        ),
        "AppHash",
        ("diverged",),
        how=standing_still,
    ),
    End(
        Kind.K14,
        "an_upgrade_with_colours",
        (
            '\x1b[90m11:59AM\x1b[0m \x1b[1m\x1b[31mERR\x1b[0m\x1b[0m UPGRADE "v6" NEEDED at '
            "height: 116: {} \x1b[36mmodule=\x1b[0mx/upgrade",
        ),
        "v6",
        ("upgrade-needed",),
    ),
)

CASES = tuple(Case(end.name, end.kind, (), end.play, (SMALL,)) for end in ENDS)
