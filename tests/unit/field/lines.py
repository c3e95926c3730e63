"""Lines in which daemons say that something is wrong, none of them from the table of the diagnosis.

They are in the forms of CometBFT and Tendermint, the Cosmos SDK, cosmovisor, Go, wasm libraries,
databases and systemd: of what a chain's nodes log, those for which somebody opened a thread.
"""

from __future__ import annotations

from tests.unit.field.hosts_program import SYSTEMD

LINES = (
    # Consensus and blocks.
    'ERR CONSENSUS FAILURE!!! err="stored supply should not have been nil" module=consensus',
    'E[2019-10-07|14:02:22.995] CONSENSUS FAILURE!!! err="proto: illegal wireType 7"',
    'ERR failed to apply block err="commit failed for application: changing validator set"',
    'ERR prevote step: consensus deems this block invalid; prevoting nil err="invalid gas used"',
    "ERR prevote step: state machine rejected a proposed block; this should not happen",
    'ERR error on ApplyBlock err="validator set is nil after applying updates" module=consensus',
    'ERR failed to process message err="error invalid proposal signature" height=77',
    'ERR failed to add vote err="non-deterministic signature" height=77 module=consensus',
    'ERR error attempting to add vote err="unexpected step" module=consensus',
    "ERR enterPrecommit: +2/3 prevoted an unknown block height=77 module=consensus round=3",
    'ERR ProcessProposal panicked err="runtime error: slice bounds out of range" height=77',
    'ERR panic recovered in PrepareProposal err="index out of range [3]" height=77 module=server',
    'ERR error in proxyAppConn.FinalizeBlock err="hash mismatch of model weights" module=state',
    'ERR Error in validation err="invalid commit -- not enough voting power" module=blocksync',
    "panic: Failed to process committed block (2:BD4FB09A8DB7): wrong signature (#3): 77A2",
    "panic: cannot finalize commit; proposal block does not hash to commit hash",
    "panic: Failed to reconstruct last commit; commit for height 77 not found",
    # Signing.
    'ERR failed signing vote err="signerEndpoint returned error #1: double sign" module=consensus',
    'ERR propose step; failed signing proposal err="endpoint connection timed out" height=77',
    "ERR SignerListener: Ping timeout module=privval",
    'ERR SignerDialer: failed to dial err="dial unix /run/kms.sock: no such file"',
    'ERR can\'t get pubkey err="endpoint connection timed out" module=consensus',
    # A start.
    "Error: failed to load latest version: failed to load store: no versions found while trying to "
    "load 149",
    "failed to load latest version: version of store packetforward mismatch root store's version; "
    "expected 1000 got 500",
    "Error: failed to create node: couldn't create handshaker: unexpected hash of block 77",
    "panic: unexpected EOF",
    'Error: required flag(s) "home" not set',
    'Error: unknown command "run" for "virtengined"',
    'Error: strconv.ParseInt: parsing "10s": invalid syntax',
    "ERROR: listen tcp 0.0.0.0:26656: bind: address already in use",
    "Error: listen tcp 10.1.2.3:1317: bind: cannot assign requested address",
    "Error: validator set is nil in genesis and still empty after InitChain",
    "panic: error while loading snapshot store: snapshot version 3 unsupported",
    'panic: failed to get plan by name for upgrade: plan "v7" already executed',
    "thread '<unnamed>' panicked at 'There is an old error message', src/error/rust.rs:132:13",
    "fatal runtime error: failed to initiate panic, error 5",
    "SIGABRT: abort",
    # Go.
    "fatal error: concurrent map writes",
    "fatal error: runtime: out of memory",
    "fatal error: stack overflow",
    "runtime: goroutine stack exceeds 1000000000-byte limit",
    "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0xacc827]",
    "[signal SIGBUS: bus error code=0x2 addr=0x7f3c pc=0x46f1c4]",
    "unexpected fault address 0x7f1fd8a00000",
    # Databases and disk.
    "panic: leveldb/journal: block/chunk corrupted: missing chunk part (1421 bytes)",
    "panic: pebble: internal error: file 000012.sst: checksum mismatch",
    "panic: Corruption: SST file is ahead of WALs in CF default",
    'ERR error opening db err="open /d/state.db/LOCK: permission denied" module=server',
    'ERR failed to prune blocks err="height 77 not found in iavl" module=state',
    'ERR Error deleting legacy versions err="Value missing for key [2 3]" module=server',
    'ERR failed to commit err="version does not exist" module=rootmulti',
    # Peers and synchronization.
    'ERR Stopping peer for error err="pong timeout" module=p2p peer="Peer{7f2c out}"',
    'ERR Error dialing peer err="dial tcp 10.0.0.7:26656: i/o timeout" module=p2p',
    "ERR dialing failed (attempts: 9): auth failure: conn.ID mismatch module=pex",
    'ERR failed to verify state sync light block err="trusted header expired" module=statesync',
    'ERR State sync failed err="state sync aborted: no snapshots" module=statesync',
    # cosmovisor and systemd.
    '1:03PM ERR error="exit status 2" module=cosmovisor',
    '9:02AM ERR failed to run error="binary not present, downloading disabled" module=cosmovisor',
    f"{SYSTEMD}virtengine.service: Failed with result 'oom-kill'.",
    f"{SYSTEMD}virtengine.service: Failed at step CHDIR spawning /usr/local/bin/virtengined",
    f"{SYSTEMD}virtengine.service: Failed to load environment files: No such file or directory",
    f"{SYSTEMD}virtengine.service: State 'stop-sigterm' timed out. Killing.",
    f"{SYSTEMD}virtengine.service: Watchdog timeout (limit 30s)!",
    f"{SYSTEMD}virtengine.service: Start request repeated too quickly.",
    # The same in JSON and with colours.
    '{"level":"error","module":"consensus","err":"runtime error","message":"CONSENSUS FAILURE!!!"}',
    '{"level":"error","module":"server","error":"EOF","message":"failed to query sidecar"}',
    '{"level":"panic","message":"inference model hash does not match"}',
    "\x1b[90m11:59AM\x1b[0m \x1b[1m\x1b[31mERR\x1b[0m\x1b[0m oracle daemon is unhealthy "
    '\x1b[36merr=\x1b[0m\x1b[31m"no prices"\x1b[0m \x1b[36mmodule=\x1b[0mserver',
)
ROUTINE = (
    "INF commit synced commit=436F6D6D6974494437 module=server",
    "INF indexed block events height=77 module=txindex",
    "INF received complete proposal block hash=E1F113945EEE height=77 module=consensus",
    "INF Ensure peers module=pex numDialing=0 numInPeers=3 numOutPeers=8 numToDial=2",
    "I[2026-11-25|11:59:58.000] Executed block module=state height=77 validTxs=1 invalidTxs=0",
    '{"level":"info","module":"state","height":77,"num_txs":1,"message":"committed state"}',
    "\x1b[90m11:59AM\x1b[0m \x1b[32mINF\x1b[0m Timed out \x1b[36mdur=\x1b[0m4896 module=consensus",
    f"{SYSTEMD}Started virtengine.service - VirtEngine node.",
)
