"""What a host tells of state sync, as it is read and parsed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.comet.state_sync import (
    MAX_SERVERS,
    MAX_SNAPSHOTS,
    parse_servers,
    parse_snapshots,
    parse_sync_settings,
)
from remediations.systems.hosts.guest import GUEST, SYNC_SETTINGS
from remediations.values.lines import TextError

SERVER = f"http://full1:26657 {'a' * 40} ve-1 120 1 false"
PLAIN = 'enable=false\nrpc_servers=""\ntrust_height=0\ntrust_hash=""\ntrust_period="168h0m0s"\n'
SHELL = files("remediations.systems.comet").joinpath("state_sync.sh").read_text()


def shell(text: str, *words: str) -> str:
    done = subprocess.run(["bash", "-c", text, *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_snapshots_are_told_newest_first(tmp_path: Path) -> None:
    """Only what has the form of one; of many the newest."""
    at = tmp_path / "data/snapshots"
    (at / "metadata.db").mkdir(parents=True)
    (at / "metadata.db/LOCK").touch()
    for height in (*range(10, 110, 10), 9):
        (at / f"{height}/3").mkdir(parents=True)
        for chunk in (0, 1):
            (at / f"{height}/3/{chunk}").write_bytes(b"x" * height)
    (at / "odd/3").mkdir(parents=True)
    (at / "odd/3/0").touch()
    found = parse_snapshots(shell(f"{SHELL}\nhome={tmp_path} as_owner=()\nsnapshots"))
    assert [one.height for one in found] == [100, 90, 80, 70, 60, 50, 40, 30]
    assert (found[0].format, found[0].chunks, found[0].bytes) == (3, 2, 200)


def test_a_node_without_snapshots_has_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert shell(f"{SHELL}\nhome={tmp_path} as_owner=()\nsnapshots") == ""
    assert parse_snapshots("") == ()


def test_settings_are_those_below_statesync(tmp_path: Path) -> None:
    """As they stand, with what is not plain marked."""
    (tmp_path / "config").mkdir()
    file = tmp_path / "config/config.toml"
    file.write_text(
        'enable = true\n[statesync] # here\n  enable=false # off\nrpc_servers = ""\n'
        'trust_height = 0\ntrust_hash = ""\ntrust_period = "168h0m0s"\ntemp_dir = ""\n'
        "[blocksync]\nenable = true\n"
    )
    look = ["sh", "-c", SYNC_SETTINGS + GUEST, "guest", "sync_settings", str(file)]
    env = {"home": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(look, env=env, capture_output=True, text=True, check=True).stdout
    assert said == PLAIN
    settings = parse_sync_settings(said + "flag=enable\n")
    assert (settings.enabled, settings.trust_period_s, settings.flags) == (
        False, 168 * 3600, ("enable",)
    )  # fmt: skip
    file.write_text(file.read_text().replace('rpc_servers = ""', 'rpc_servers = "a b"'))
    said = subprocess.run(look, env=env, capture_output=True, text=True, check=True).stdout
    assert "rpc_servers=?\n" in said
    with pytest.raises(TextError, match="rpc_servers"):
        parse_sync_settings(said)


def test_servers_are_found_by_peers_and_settings() -> None:
    """At the port of the node's own RPC and at 26657; who answers as a node is told."""
    status = (
        '{"result":{"node_info":{"id":"%s","network":"ve-1"},"sync_info":'
        '{"latest_block_height":"120","earliest_block_height":"7","catching_up":false}}}'
    ) % ("a" * 40)
    text = (
        f"{SHELL}\nhome=/h rpc=http://127.0.0.1:36657\n"
        'member_of() { value=; [[ $answer =~ \\"$1\\":[[:space:]]{0,20}\\"([0-9]{1,$2})\\" ]] &&'
        " value=${BASH_REMATCH[1]}; }\n"
        "guest() { echo 'rpc_servers=\"http://other:1,ftp://no:1\"'; }\n"
        f"ask() {{ case $1 in *full1:26657/* | *other:1/*) echo '{status}' ;; esac; }}\n"
        f"servers '{'b' * 40}@full1:26656,odd,{'c' * 40}@val9:26656'"
    )
    found = parse_servers(shell(text))
    assert [one.url for one in found] == ["http://full1:26657", "http://other:1"]
    assert (found[0].node_id, found[0].network) == ("a" * 40, "ve-1")
    assert (found[0].height, found[0].earliest_height, found[0].catching_up) == (120, 7, False)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_snapshots, "10 3 1\n"),
        (parse_snapshots, "x 3 1 2\n"),
        (parse_snapshots, "10 3 1 2\n" * (MAX_SNAPSHOTS + 1)),
        (parse_sync_settings, PLAIN + "enable=false\n"),
        (parse_sync_settings, PLAIN.replace("trust_height=0\n", "")),
        (parse_sync_settings, PLAIN + "odd=1\n"),
        (parse_servers, SERVER.replace("false", "maybe") + "\n"),
        (parse_servers, SERVER.replace("http:", "https:") + "\n"),
        (parse_servers, f"{SERVER}\n" * (MAX_SERVERS + 1)),
    ],
)
def test_what_is_malformed_is_not_believed(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(TextError):
        parse(text)


def test_a_period_in_another_form_is_none() -> None:
    """Then a guard blocks, and says what it expects."""
    assert parse_sync_settings(PLAIN.replace("168h0m0s", "1w")).trust_period_s == 0
    assert parse_sync_settings(PLAIN.replace("168h0m0s", "90m")).trust_period_s == 5400
