"""The lines that CometBFT, the Cosmos SDK, the Go runtime and systemd log when something is wrong.

The first row that matches a line says what it is, so specific rows precede general ones: whenever
consensus dies the journal has CONSENSUS FAILURE, and often the cause in the same line.
"""

from __future__ import annotations

from collections.abc import Collection

from remediations.systems.comet.journal_lines import LineKind, Symptom

_FAILS_AT_BLOCK = (
    r"failed to apply block|proxyAppConn\.FinalizeBlock|Failed to process committed block"
)
_ENDS = f"panic: |Error: |ERROR: |CONSENSUS FAILURE|{_FAILS_AT_BLOCK}"

TABLE: tuple[LineKind, ...] = (
    LineKind(
        Symptom.EQUIVOCATION,
        "this key signed two different votes: it runs twice, or its sign state was reset",
        "[Ff]ound conflicting vote from ourselves",
        ("ERR found conflicting vote from ourselves; did you unsafe_reset a validator? height=50",),
    ),
    LineKind(
        Symptom.SIGN_STATE_UNREADABLE,
        "the sign state is missing or unreadable",
        r"[Ee]rror reading PrivValidator state|priv_validator_state\.json: no such file",
        (
            "Error reading PrivValidator state from /d/priv_validator_state.json: unexpected end",
            "open /var/lib/virtengine/data/priv_validator_state.json: no such file or directory",
        ),
    ),
    LineKind(
        Symptom.DISK_FULL,
        "the disk was full",
        "[Nn]o space left on device|[Dd]isk quota exceeded",
        ("panic: write /d/cs.wal/wal: no space left on device",),
    ),
    LineKind(
        Symptom.DISK_READ_ONLY,
        "the file system is read-only",
        "[Rr]ead-only file system",
        ("panic: open /d/data/application.db/LOCK: read-only file system",),
    ),
    LineKind(
        Symptom.DISK_FAILS,
        "the disk fails",
        "SIGBUS|[Ii]nput/output error|I/O error",
        ("panic: read /d/blockstore.db/000002.ldb: input/output error",),
        # In a container systemd reports an I/O error for a control group: that is not a disk.
        never="control group",
    ),
    LineKind(
        Symptom.OPEN_FILES,
        "the limit of open files was reached",
        "too many open files",
        (
            "ERR CONSENSUS FAILURE!!! err=\"can't get node F845: open /d/application.db/839.ldb:"
            ' too many open files" module=consensus',
        ),
    ),
    LineKind(
        Symptom.FILES_GONE,
        "files of a database are gone",
        r"\.db/[0-9A-Za-z.-]+: no such file",
        (
            'ERR CONSENSUS FAILURE!!! err="open /d/data/blockstore.db/000002.log: no such file or '
            'directory" module=consensus',
        ),
    ),
    LineKind(
        Symptom.DATABASE_DAMAGED,
        "a database is damaged",
        "manifest corrupted|missing or corrupted|[Cc]orruption|block/chunk corrupted"
        "|corrupted or incomplete|pebble.*corrupt|checksum mismatch|Value missing for (key|hash)"
        "|bad block in table",
        (
            "Error: database entry point either missing or corrupted",
            "panic: leveldb/table: corruption on data-block",
            'ERR Error deleting legacy versions err="Value missing for key [239 36]" module=server',
            "panic: pebble/table: invalid table 000123 (checksum mismatch at 0/4096)",
        ),
        never="DataCorruptionError",  # of the write-ahead log
    ),
    LineKind(
        Symptom.STORE_UPGRADE,
        "the program has a store that the state has not: it is not the program of this height",
        "StoreUpgrades|initial version set to|version mismatch on store",
        (
            "panic: failed to load latest version: version of store circuit mismatch root store's "
            "version; expected 100 got 0; new stores should be added using StoreUpgrades",
        ),
    ),
    LineKind(
        Symptom.STORES_APART,
        "the databases do not belong to the same height",
        r"app block height \([0-9]+\) is higher than core|StoreBlockHeight \([0-9]+\) >"
        r"|StateBlockHeight \([0-9]+\) >|statestore height|no state found|wanted to load target"
        "|saved to different hash|failed to load state at height",
        (
            "Error: app block height (173) is higher than core (158)",
            "Error: failed to load latest version: failed to load store: wanted to load target 115 "
            "but only found up to 114",
        ),
    ),
    LineKind(
        Symptom.EVIDENCE_KNOWN,
        "its evidence database holds what a block has committed already",
        "evidence was already committed",
        (
            "panic: Failed to process committed block (101:5352): Invalid evidence: evidence was "
            "already committed. Evidence: VoteA: Vote{1:06EB 88/00/1(Prevote)}",
        ),
    ),
    LineKind(
        Symptom.STORE_INCOMPLETE,
        "the store lacks what the block needs",
        "validator does not exist|no validator signing info|version does not exist"
        "|failed to load (latest )?version|does not have a valid version",
        (
            'ERR error in proxyAppConn.FinalizeBlock err="validator does not exist" module=state',
            "panic: version does not exist",
        ),
    ),
    LineKind(
        Symptom.DOUBLE_SIGN_CHECK,
        "double_sign_check_height forbids a validator that signed lately to start",
        "signature from the same key",
        ("panic: Failed to start consensus state: found signature from the same key",),
    ),
    LineKind(
        Symptom.UPGRADE,
        "the program of an upgrade is needed from here on",
        "NEEDED at height|binary not present, downloading disabled"
        "|upgrade dir already exists, won't overwrite|cannot download binary",
        (
            'ERR UPGRADE "v2" NEEDED at height: 472: {} module=x/upgrade',
            # cosmovisor, which ends the daemon before that can say so again.
            "Error: binary not present, downloading disabled: stat /d/cosmovisor/upgrades/v2/bin/ve"
            ": no such file or directory",
            "Error: upgrade dir already exists, won't overwrite",
            "Error: cannot download binary. invalid source string: bad response code: 404",
        ),
    ),
    LineKind(
        Symptom.UPGRADED_EARLY,
        "the program of a later upgrade was installed too early",
        "BINARY UPDATED BEFORE TRIGGER",
        ('panic: BINARY UPDATED BEFORE TRIGGER! UPGRADE "Vega" - in binary but not executed',),
    ),
    LineKind(
        Symptom.HALT_SETTING,
        "halt-height or halt-time was reached",
        "halt per configuration",
        (
            'ERR CONSENSUS FAILURE!!! err="failed to apply block; error halt per configuration '
            'height 100 time 0"',
        ),
    ),
    LineKind(
        Symptom.OTHER_STATE,
        "its state is not the one the others agreed on",
        r"wrong Block\.Header\.|does not match AppHash",
        (
            'ERR CONSENSUS FAILURE!!! err="precommit step; +2/3 prevoted for an invalid block: '
            'wrong Block.Header.AppHash.  Expected AA, got BB"',
            "Error: error during handshake: error on replay: wrong Block.Header.LastResultsHash.  "
            "Expected AA, got BB",
            'ERR Error in validation err="wrong Block.Header.AppHash.  Expected AA, got BB"',
            'ERR Stopping peer for error err="reactor validation error: wrong Block.Header.AppHash',
            "ERR wrong Block.Header.LastResultsHash.  Expected AA, got BB",
            "panic: state.AppHash does not match AppHash after replay. Got A, expected B",
        ),
        # A refused proposal is the proposer's: both sides of a split log it.
        never="deems this block invalid|ProposalBlock is invalid",
    ),
    LineKind(
        Symptom.SIGNER_MISFIT,
        "signer and program do not fit: the vote is not signed with its extension",
        "extensions must be present|extension signature",
        (
            'ERR CONSENSUS FAILURE!!! err="non-recoverable error when signing vote Vote{14:E138 '
            "115/00/SIGNED_MSG_TYPE_PRECOMMIT(Precommit)}: extensions must be present IFF vote is "
            'a non-nil Precommit; extension signature: " module=consensus',
        ),
    ),
    LineKind(
        Symptom.SIGNER_SILENT,
        "the remote signer does not answer",
        "private validator socket|Signer(Client|Listener|Dialer)|signerEndpoint",
        (
            "Error: error with private validator socket client: can't get pubkey: send: endpoint "
            "connection timed out",
            "ERR SignerListener: Ping timeout module=privval",
            'ERR SignerListener: Error accepting connection err="accept tcp 127.0.0.1:26659: i/o '
            'timeout" failures=9 module=privval',
        ),
        # Said at each attempt, well or not.
        never="Listening for new connection|Blocking for connection",
    ),
    LineKind(
        Symptom.DEPENDENCY,
        "what it calls on its host does not answer",
        f"{_ENDS}|unhealthy",
        (
            'panic: Failed to process committed block (101:8A9B): Post "http://127.0.0.1:8551": '
            "dial tcp 127.0.0.1:8551: connect: connection refused",
            "panic: price-daemon unhealthy: no successful update has occurred",
        ),
        also="connection refused|connection reset|deadline exceeded|: EOF|i/o timeout"
        "|code = Unavailable|unhealthy",
    ),
    LineKind(
        Symptom.GAS_PRICE,
        "minimum-gas-prices is not set, or is not a price",
        "set min gas price|[Ii]nvalid minimum gas price",
        ("Error: set min gas price in app.toml or flag or env variable: error in app.toml",),
    ),
    LineKind(
        Symptom.COMMAND_LINE,
        "its command line has what this program does not know",
        "unknown (shorthand )?flag|unknown command|flag needs an argument"
        "|invalid argument .{1,60} for ",
        ("Error: unknown flag: --log_no_color",),
    ),
    LineKind(
        Symptom.GENESIS,
        "its genesis file is missing, or is not that of its database",
        "genesis doc hash|[Gg]enesis(Doc)?( file| doc)?.*(no such file|not match|[Ii]nvalid)"
        r"|(load|read|open|unmarshal).{1,30}[Gg]enesis|[Gg]enesis\.json: no such file",
        (
            "Error: genesis doc hash in db does not match loaded genesis doc",
            "Error: failed to load genesis state: open /d/config/genesis.json: no such file",
        ),
        also="Error: |ERROR: |panic: ",
    ),
    LineKind(
        Symptom.CONFIGURATION,
        "its configuration cannot be read",
        r"While parsing config|[Ee]rror in (app|config)\.toml|(read|parse|load|get|merge|unmarshal)"
        r"(ing)? .{0,30}config|toml: ",
        ("Error: While parsing config: toml: expected character =",),
        also="Error: |ERROR: |panic: ",
    ),
    LineKind(
        Symptom.ADDRESS_IN_USE,
        "another process has the port that it wants",
        "address already in use",
        (
            "Error: failed to listen on 127.0.0.1:26657: listen tcp 127.0.0.1:26657: bind: address "
            "already in use",
        ),
    ),
    LineKind(
        Symptom.DATABASE_HELD,
        "another process holds the database",
        "resource temporarily unavailable|database is locked|LOCK: already held",
        ("panic: resource temporarily unavailable",),
    ),
    LineKind(
        Symptom.NO_PROGRAM,
        "systemd cannot start the program",
        "Failed to locate executable|Unable to locate executable|Failed at step"
        "|Failed to load environment files",
        (
            "virtengine.service: Failed to locate executable /usr/local/bin/virtengined: No such "
            "file or directory",
            "virtengine.service: Failed at step CHDIR spawning /usr/local/bin/virtengined: No such "
            "file or directory",
        ),
    ),
    LineKind(
        Symptom.OUT_OF_MEMORY,
        "it was killed for memory",
        "[Oo]ut of memory|OOM killer|oom-kill|cannot allocate memory",
        ("virtengine.service: A process of this unit has been killed by the OOM killer.",),
    ),
    LineKind(
        Symptom.BLOCK_FAILS,
        "the application fails at this block",
        _FAILS_AT_BLOCK,
        ('ERR CONSENSUS FAILURE!!! err="failed to apply block; error panic in EndBlocker"',),
    ),
    LineKind(
        Symptom.SIGNER_REFUSES,
        "the signer refuses to sign",
        "[Rr]efus(es|ed|ing) to sign",
        ('ERR failed to sign err="refusing to sign: unknown chain id" module=privval',),
    ),
    LineKind(
        Symptom.SIGNING_REFUSED,
        "the sign state refuses to sign: it is ahead of this round, or the WAL was lost",
        "(error|failed) signing (vote|proposal)|(height|round|step) regression|conflicting data",
        ("ERR failed signing vote err=round regression at height 7. Got 0, last round 11",),
        # A vote is written to the WAL first: on a full disk that fails, and no sign state refused.
        never="[Nn]o space left on device|[Dd]isk quota exceeded|[Rr]ead-only file system",
    ),
    LineKind(
        Symptom.WAL_DAMAGED,
        "the write-ahead log is damaged",
        "error on catchup replay|Corrupted entry|WAL file is corrupted|DataCorruptionError",
        ("ERR Error on catchup replay. Proceeding to start state anyway err=DataCorruptionError",),
    ),
    LineKind(
        Symptom.GO_FATAL,
        "the program crashed",
        r"fatal error: |unexpected fault address|\[signal SIG|SIGABRT|goroutine stack exceeds",
        ("fatal error: concurrent map read and map write",),
    ),
    LineKind(
        Symptom.CONSENSUS_FAILURE,
        "consensus died; the process only looks alive",
        "CONSENSUS FAILURE",
        ('ERR CONSENSUS FAILURE!!! err="boom" module=consensus',),
    ),
    LineKind(
        Symptom.ENDS_WITH,
        "it ends with",
        "panic: |Error: |ERROR: |FTL ",
        ("Error: exit status 1", "panic: boom"),
    ),
)

REFUSED_PROPOSAL = "deems this block invalid|ProposalBlock is invalid|rejected a proposed block"
"""Of a proposal that this node refused: it says nothing about the node itself, and where all refuse
all proposals it is the reason of a halt."""

END_OF_PROCESS = r"code=(exited|killed|dumped)"
"""systemd saw the end of a process."""

OTHER_LINES = (
    "Replay Blocks",  # which block a daemon that starts has to execute first
    REFUSED_PROPOSAL,
    "conflicting (data|vote)",  # of others, too
    "byzantine behavior",
    "Invalid evidence",
    "invalid block time",
    "not greater than last block time",
    "has no peers",
    "consensus WAL",
    END_OF_PROCESS,
    "Failed with result",
    "repeated too quickly",
    "[Ww]atchdog timeout",
    "stop-.* timed out",
    "error on ApplyBlock",
    "non-deterministic signature",
    "invalid proposal signature",
)
"""What is searched for beside the rows of the table."""

PATTERN = "|".join(dict.fromkeys((*(kind.search for kind in TABLE), *OTHER_LINES)))
"""All of them as one extended regular expression."""

ANY_ERROR = r"ERR |ERROR[: ]|FTL |level.{1,3}(error|fatal|panic)|^[^:]*: E\[|panic|fatal error"
"""Lines that report an error of any kind. There may be very many, most of them about peers, so the
host sends the newest few."""


def kind_of(line: str, passed_over: Collection[Symptom] = ()) -> LineKind | None:
    """The row that says what a plain line is, but none of `passed_over`; None if no row does."""
    return next(
        (kind for kind in TABLE if kind.symptom not in passed_over and kind.matches(line)), None
    )
