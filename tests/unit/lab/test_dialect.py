"""How the lab calls another build of the chain's program: by what its own help says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.dialect import LIBRARIES, flags_of, libraries, program, start_flags, start_limit_s
from tests.lab.homes import open_genesis
from tests.lab.shell import LabError

OWN = """
      --home string                The application home directory
      --log_no_color               Disable colored logs
      --minimum-gas-prices string  Minimum gas prices to accept for transactions
"""
REAL = """
      --home string                directory for config and data
      --log_color                  enable colors in log output
      --minimum-gas-prices string  Minimum gas prices to accept for transactions
"""


def test_flags_are_those_of_the_help_text() -> None:
    """The lab's own program, one with the other flag for colours, and one with neither."""
    assert flags_of(OWN) == ("--log_no_color",)
    assert flags_of(REAL) == ("--log_color=false", "--minimum-gas-prices=0uve")
    assert flags_of("  --home string") == ()


@pytest.mark.parametrize("said", ["", "unknown command", "--home-page  --log_color"])
def test_a_program_that_names_no_home_is_refused(said: str) -> None:
    """It is not a node's program, or its help is elsewhere: nothing is guessed."""
    with pytest.raises(LabError, match="names no --home"):
        flags_of(said)


def made(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_program_itself_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its libraries where the loader finds them."""
    library = tmp_path / "libs" / "libwasmvm.x86_64.so"
    library.parent.mkdir()
    library.touch()
    monkeypatch.setenv(LIBRARIES, str(library))
    said = f"cat <<'E'\n{REAL}\nE"
    binary = made(tmp_path / "node", f'[ "$LD_LIBRARY_PATH" = {library.parent} ] || exit 1\n{said}')
    assert start_flags(binary) == "--log_color=false --minimum-gas-prices=0uve"
    assert program(binary)[0] == "env"
    monkeypatch.delenv(LIBRARIES)
    assert program(binary) == (str(binary),)


def test_a_library_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names variable, path and where to look."""
    monkeypatch.setenv(LIBRARIES, f":{tmp_path}")
    with pytest.raises(LabError, match=rf"{LIBRARIES}: {tmp_path} is not a file; .*`ldd`"):
        libraries()
    monkeypatch.setenv(LIBRARIES, "")
    assert libraries() == ()


def test_another_program_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its start may take minutes; that of our own never does."""
    monkeypatch.delenv("VIRTENGINED", raising=False)
    own = start_limit_s()
    monkeypatch.setenv("VIRTENGINED", "/opt/theirs")
    assert start_limit_s() > 5 * own


@pytest.mark.parametrize("mfa", [None, {}, {"sensitive_tx_configs": [{"enabled": True, "x": 1}]}])
def test_a_genesis_lets_validators_in(tmp_path: Path, mfa: dict[str, object] | None) -> None:
    """No transaction of the first validators asks for a second factor; the rest is as it was."""
    state: dict[str, object] = {"slashing": {"params": {"x": "1"}}}
    if mfa is not None:
        state["mfa"] = mfa
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "genesis.json"
    file.write_text(json.dumps({"app_state": state}))
    open_genesis(tmp_path)
    found = json.loads(file.read_text())["app_state"]
    assert found["slashing"]["params"]["x"] == "1"
    assert found["slashing"]["params"]["signed_blocks_window"] == "1000"
    configs = found.get("mfa", {}).get("sensitive_tx_configs", [])
    assert [one["enabled"] for one in configs] == [False] * len(configs)
    assert ("mfa" in found) is (mfa is not None)
