"""The programs of a state sync, run for real: set aside, turn on, turn off, and bring back."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.comet.poll_words import WORDS
from remediations.systems.comet.rollback_programs import hold_text, release_text, unhold_text
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.comet.state_sync import PlannedSync
from remediations.systems.comet.sync_programs import (
    bring_back_text,
    set_aside_text,
    sync_settings_text,
)
from remediations.systems.hosts.probe import Probe, databases_aside, state_sync_is
from remediations.systems.hosts.questions import last_line
from tests.unit.operations.keeper import DATABASES, Keeper, breaks_at_move, moves_again

TRUSTED = "AB" * 32
URLS = "http://full1:26657,http://val3:26657"
OFF = 'enable=false rpc_servers="" trust_height=0 trust_hash="" trust_period="168h0m0s"'
CONFIG = """db_backend = "goleveldb"
enable = true
[statesync]
# as the guide has it
  enable  =  false # off
rpc_servers = ""
trust_height = 0
trust_hash = ""
trust_period = "168h0m0s"
[blocksync]
enable = false
"""
COMMIT = (
    '{"jsonrpc":"2.0","result":{"signed_header":{"header":{"version":{"block":"11"},'
    '"chain_id":"ve-1","height":"90","last_block_id":{"hash":"' + "CD" * 32 + '"}},'
    '"commit":{"height":"90","round":0,"block_id":{"hash":"%s","parts":{}}}}}}'
)


def shows(host: Keeper, block_hash: str = TRUSTED) -> None:
    """What every RPC server answers."""
    (host.root / "commit").write_text(COMMIT % block_hash)
    host.script("curl", f"#!/bin/sh\ncat {host.root}/commit\n")


@pytest.fixture
def host(tmp_path: Path) -> Keeper:
    """A held node."""
    made = Keeper(tmp_path / "host", "the node")
    config(made).write_text(CONFIG)
    (made.data / "upgrade-info.json").write_text("{}")
    (made.data / "snapshots").mkdir()
    shows(made)
    assert made.does(hold_text(made.node()))[0] == 0
    return made


def config(host: Keeper) -> Path:
    return host.home / "config/config.toml"


def rewrites(host: Keeper, what: str, to: str) -> None:
    config(host).write_text(CONFIG.replace(what, to))


def sync(host: Keeper, **changes: str | int) -> PlannedSync:
    known: dict[str, str | int] = {
        "chain_id": "ve-1", "trust_height": 90, "trust_hash": TRUSTED, "servers": URLS,
        "settings": OFF,
    }  # fmt: skip
    node = host.node()
    data = {name: getattr(node, name) for name in node.__dataclass_fields__}
    return PlannedSync.from_data({**data, **known, **changes})


def there(host: Keeper) -> set[str]:
    return {path.name for path in host.data.iterdir()}


def test_databases_are_set_aside_and_nothing_else(host: Keeper) -> None:
    """Sign state, write-ahead log and upgrade-info stay; a node is let go only after it."""
    planned = sync(host)
    state = host.sign_file.read_text()
    assert not host.holds(probe(planned, there=True))
    code, out, err = host.does(set_aside_text(planned))
    assert (code, err) == (0, "")
    assert out == f"set aside: the databases are in {planned.aside}\n"
    assert there(host) == {
        planned.aside_name, "cs.wal", "upgrade-info.json", host.sign_file.name
    }  # fmt: skip
    assert {*DATABASES, "snapshots"} <= {one.name for one in Path(planned.aside).iterdir()}
    assert host.sign_file.read_text() == state
    assert host.holds(probe(planned, there=True))
    assert host.does(set_aside_text(planned))[1].startswith("already so")
    assert host.does(release_text(host.node(copy="d" * 64)))[0] == 64
    assert host.does(release_text(host.node(copy=planned.key)))[0] == 0


def probe(planned: PlannedSync, *, there: bool) -> Probe:
    return databases_aside(planned.node.home, "ve", planned.aside_name, there=there)


@pytest.mark.parametrize("moves", [1, 2, 3])
def test_half_of_it_is_finished_or_taken_back(host: Keeper, moves: int) -> None:
    """Wherever it was cut off, nobody lets the node go; both ways lead out."""
    planned = sync(host)
    breaks_at_move(host, moves)
    assert host.does(set_aside_text(planned))[0] == 1
    moves_again(host)
    code, _, err = host.does(unhold_text(host.node()))
    assert code == 64
    assert "half of the databases" in err
    assert host.does(bring_back_text(planned))[0] == 0
    assert host.written() == {"table of the node"}
    assert host.holds(probe(planned, there=False))
    breaks_at_move(host, moves)
    assert host.does(set_aside_text(planned))[0] == 1
    moves_again(host)
    assert host.does(set_aside_text(planned))[0] == 0
    assert host.holds(probe(planned, there=True))


def test_only_what_is_below_statesync_changes_and_all_of_it_comes_back(host: Keeper) -> None:
    planned = sync(host)
    on, off = (
        state_sync_is(str(host.home), "ve", TRUSTED),
        state_sync_is(str(host.home), "ve", "off"),
    )
    assert host.holds(off)
    assert not host.holds(on)
    code, out, err = host.does(sync_settings_text(planned))
    assert (code, err) == (0, "")
    assert out.startswith("set: enable = true, rpc_servers")
    expected = (
        CONFIG.replace("  enable  =  false # off", "  enable  =  true # off")
        .replace('rpc_servers = ""', f'rpc_servers = "{URLS}"')
        .replace("trust_height = 0", "trust_height = 90")
        .replace('trust_hash = ""', f'trust_hash = "{TRUSTED}"')
    )
    assert config(host).read_text() == expected
    assert host.holds(on)
    assert not host.holds(off)
    assert host.does(sync_settings_text(planned))[1].startswith("already so")
    (host.root / "commit").unlink()  # nobody is asked for the way back
    assert host.does(sync_settings_text(sync(host, on=0)))[0] == 0
    assert config(host).read_text() == CONFIG
    assert host.holds(off)
    assert {one.name for one in config(host).parent.iterdir()} == {
        "config.toml", "priv_validator_key.json"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (lambda host: shows(host, "EF" * 32), "block 90 EFEF"),
        (lambda host: host.script("curl", "#!/bin/sh\nexit 7\n"), "no block 90 of ve-1"),
        (
            lambda host: config(host).write_text(CONFIG.replace("= 0\n", "= 7\n")),
            "trust_height = 7",
        ),
        (lambda host: config(host).write_text(CONFIG.replace("trust_period", "x")), "trust_period"),
        (lambda host: host.show(Environment="VE_STATESYNC_ENABLE=false"), "STATESYNC_ENABLE"),
        (
            lambda host: host.show(
                ExecStart=f"{{ argv[]=ve --home {host.home} --statesync.enable }}"
            ),
            "--statesync.enable",
        ),
    ],
)
def test_what_is_not_as_planned_is_not_set(host: Keeper, breaks: object, got: str) -> None:
    """An RPC server that shows another block least of all."""
    assert callable(breaks)
    breaks(host)
    before = config(host).read_text()
    code, _, err = host.does(sync_settings_text(sync(host)))
    assert code == 64
    assert got in err
    assert config(host).read_text() == before


def test_a_node_that_syncs_in_vain_gets_its_own_databases_again(host: Keeper) -> None:
    """It was let go, and made some of its own: it is stopped, and started as it was before."""
    planned = sync(host)
    assert host.does(set_aside_text(planned))[0] == 0
    assert host.does(release_text(host.node(copy=planned.key)))[0] == 0
    for name in ("application.db", "state.db", "snapshots"):
        (host.data / name).mkdir()
        (host.data / name / "000009.ldb").write_text("half a snapshot")
    code, out, err = host.does(bring_back_text(planned))
    assert (code, err) == (0, "")
    assert out == "put back: the databases that were there before\n"
    assert host.written() == {"table of the node"}
    assert there(host) == {
        *DATABASES, "cs.wal", "snapshots", "upgrade-info.json", host.sign_file.name
    }  # fmt: skip
    assert host.acts[-2:] == ["stop ve.service", "start ve.service"]
    assert not host.drop_in.exists()
    assert host.does(bring_back_text(planned))[1].startswith("already so")


def test_a_lower_sign_state_stops_it(host: Keeper) -> None:
    host.sign_state(39, 0, 1)
    code, _, err = host.does(set_aside_text(sync(host)))
    assert code == 64
    assert "sign state 39/0/1" in err
    assert host.written() == {"table of the node"}


@pytest.mark.parametrize(
    "changes",
    [
        {"trust_hash": "ab" * 32},
        {"trust_height": -1},
        {"servers": "http://full1:26657"},
        {"servers": "https://full1:26657,http://val3:26657"},
        {"settings": "enable=false"},
        {"settings": OFF.replace('trust_hash=""', 'trust_hash="$(id)"')},
        {"chain_id": "a b"},
        {"on": 2},
    ],
)
def test_what_is_malformed_is_refused(host: Keeper, changes: dict[str, str | int]) -> None:
    with pytest.raises(PlannedNodeError):
        sync(host, **changes)


def test_the_last_words_about_a_sync_are_told(host: Keeper) -> None:
    """Of the newest start: not what another module says after them, and no colours."""
    lines = (
        "INF Discovering snapshots for 15s module=statesync",
        '\x1b[31mERR\x1b[0m State sync failed err="no snapshots" module=statesync password=hunter2',
        "INF Error reconnecting to peer module=p2p",
    )
    (host.root / "said").write_text("\n".join(lines) + "\n")
    host.script("journalctl", f"#!/bin/sh\ncat {host.root}/said\n")
    question = last_line("ve.service", WORDS, CREDENTIALS)
    told = question.parse(host.run(question.command).stdout.encode())
    assert told == 'ERR State sync failed err="no snapshots" module=statesync password=[masked]'
    (host.root / "said").write_text(lines[2])
    assert question.parse(host.run(question.command).stdout.encode()) == ""
