"""What the reading of a host tells of the files of its home, where no RPC answers."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from remediations.engine.observe.observation import Scope
from remediations.values.reading import Known, Unknown, Why, value_or_none
from tests.unit.observe.fake_host import Host, observe


@pytest.fixture
def silent(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on."""
    return Host(tmp_path, 1)


@pytest.mark.parametrize(
    ("content", "why", "reason"),
    [
        (None, Why.ABSENT, "there is no sign state file"),
        ("", Why.REFUSED, "no sign state"),
        ("\x00" * 64, Why.REFUSED, "no sign state"),
        ('{"height": "-1", "round": 0, "step": 0}', Why.REFUSED, "no sign state"),
        ('{"height": "1", "round": 0, "step": 4}', Why.MALFORMED, "impossible"),
    ],
)
def test_a_sign_state_that_is_none_says_why(
    silent: Host, content: str | None, why: Why, reason: str
) -> None:
    """Absent, empty, zeroed, impossible: told apart, and never a default."""
    path = silent.home / "data/priv_validator_state.json"
    path.unlink() if content is None else path.write_text(content)
    state = observe(silent, Scope.DECIDING).sign_state
    assert isinstance(state, Unknown)
    assert state.why is why
    assert state.reason.startswith(reason)


def test_the_node_id_is_told_by_the_key_file(silent: Host) -> None:
    """Where nothing answers; the private half stays on the host, in whatever encoding."""
    private = b"SECRETKEYMATERIAL-of-32-bytes-..."[:32]
    public = hashlib.sha256(b"public").digest()
    text = base64.b64encode(private + public).decode()
    silent.home.joinpath("config/node_key.json").write_text(
        f'{{"priv_key":{{"type":"tendermint/PrivKeyEd25519","value":"{text}"}}}}'
    )
    key = value_or_none(observe(silent, Scope.DECIDING).key)
    assert key is not None
    assert key.node_id == hashlib.sha256(public).hexdigest()[:40]
    assert key.node_key
    silent.home.joinpath("config/node_key.json").write_text("{}")
    odd = value_or_none(observe(silent, Scope.DECIDING).key)
    assert odd is not None
    assert (odd.node_key, odd.node_id) == (True, "")


def test_an_absent_key_is_a_fact(silent: Host) -> None:
    """A standby has none: that is known, with an empty address."""
    (silent.home / "config/priv_validator_key.json").unlink()
    key = value_or_none(observe(silent).key)
    assert key is not None
    assert key.address == ""


def test_paths_of_the_configuration_are_followed(silent: Host) -> None:
    """The sign state may lie elsewhere than in `data`."""
    elsewhere = silent.home / "elsewhere.json"
    elsewhere.write_text('{"height": "7", "round": 1, "step": 2}')
    config = silent.home / "config/config.toml"
    config.write_text('priv_validator_state_file = "elsewhere.json"\n' + config.read_text())
    state = value_or_none(observe(silent).sign_state)
    assert state is not None
    assert state.hrs == (7, 1, 2)


def test_the_genesis_file_is_read_where_nothing_answers(silent: Host) -> None:
    """It tells who held which power at first; a node that answers tells who holds it now."""
    value = base64.b64encode(hashlib.sha256(b"key").digest()).decode()
    key = f'{{"type":"tendermint/PubKeyEd25519","value":"{value}"}}'
    text = f'{{"validators":[{{"address":"","pub_key":{key},"power":"10","name":"val1"}}]}}'
    silent.home.joinpath("config/genesis.json").write_text(text)
    reading = observe(silent, Scope.DECIDING).genesis
    assert isinstance(reading, Known), reading
    assert reading.value.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert [one.power for one in reading.value.validators] == [10]
