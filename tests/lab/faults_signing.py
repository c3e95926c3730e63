"""Faults of who signs: the node follows the chain, and its votes do not come."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.lab.binary import RELEASES, own_virtengined
from tests.lab.chainnet import SERVICE_UID
from tests.lab.faults import Faults
from tests.lab.homes import edit
from tests.lab.spec import CHAIN_ID

SIGNER_UNIT = "tmkms.service"
SIGNER_BINARY = "/usr/local/bin/tmkms"
SIGNER_KEYS = "/var/lib/tmkms"
SIGNER_ADDRESS = "127.0.0.1:26659"
SIGNER = """[Unit]
Description=Remote signer

[Service]
User={user}
ExecStart={binary} signer --keys {keys} --dial {address} --chain-id {chain}
"""
AHEAD = 1000


class SigningFaults(Faults):
    """A key without power, a sign state from the future, a signer of its own that hangs."""

    def break_key_without_power(self, host: str) -> None:
        """It runs with another key than the one that the chain knows."""
        self._start_with(host, self._key(host), _fresh_key())

    def break_sign_state_ahead(self, host: str) -> None:
        """Its sign state says that it signed a height that is far from made: it refuses to sign."""
        self.systemctl(host, "stop", self.unit(host))
        path = self._state(host)
        height = int(json.loads(path.read_text())["height"]) + AHEAD
        self._start_with(host, path, {"height": str(height), "round": 0, "step": 3})

    def with_remote_signer(self, host: str) -> None:
        """Its key moves to a signer with a process of its own, which the node waits for at each
        vote. Not a fault yet: it signs."""
        node, machine = self.node(host), self.hosts[host]
        self.systemctl(host, "stop", node.unit)
        keys = machine.path(SIGNER_KEYS)
        keys.mkdir(exist_ok=True)
        for path in (self._key(host), self._state(host)):
            shutil.copy(path, keys / path.name)
        self._key(host).unlink()
        for path in (keys, *keys.iterdir()):
            shutil.chown(path, SERVICE_UID, SERVICE_UID)
        shutil.copy(own_virtengined(RELEASES[0]), machine.path(SIGNER_BINARY))
        machine.path(f"/etc/systemd/system/{SIGNER_UNIT}").write_text(
            SIGNER.format(
                user=node.user,
                binary=SIGNER_BINARY,
                keys=SIGNER_KEYS,
                address=SIGNER_ADDRESS,
                chain=CHAIN_ID,
            )
        )
        config = machine.path(f"{node.home}/config/config.toml")
        edit(config, {"priv_validator_laddr": f'"tcp://{SIGNER_ADDRESS}"'})
        machine.sh(f"systemctl daemon-reload; systemctl start {SIGNER_UNIT}")
        self.start(host)
        self.mend_host(lambda: self._own_signer_again(host))

    def break_signer_hangs(self, host: str) -> None:
        """The signer of `with_remote_signer` keeps its connection and answers nothing."""
        self.systemctl(host, "kill", "--signal=STOP", SIGNER_UNIT)

    def break_signer_stops(self, host: str) -> None:
        """The signer of `with_remote_signer` is gone."""
        self.systemctl(host, "stop", SIGNER_UNIT)

    def _start_with(self, host: str, path: Path, content: dict[str, object]) -> None:
        """Stop it, and start it with another file; mended by the one of before."""
        self.systemctl(host, "stop", self.unit(host))
        sound = path.read_text()
        path.write_text(json.dumps(content))
        self.start(host)

        def mend() -> None:
            self.stop(host)
            path.write_text(sound)
            self.start(host)

        self.mend_node(mend)

    def _own_signer_again(self, host: str) -> None:
        """The key comes back with the sign state of the signer, which is the newest."""
        machine = self.hosts[host]
        self.stop(host)
        machine.sh(
            f"systemctl kill --signal=KILL {SIGNER_UNIT}; systemctl stop {SIGNER_UNIT}\n"
            f"rm -f /etc/systemd/system/{SIGNER_UNIT}; systemctl daemon-reload",
            check=False,
        )
        keys = machine.path(SIGNER_KEYS)
        for path in (self._key(host), self._state(host)):
            shutil.copy(keys / path.name, path)
            shutil.chown(path, SERVICE_UID, SERVICE_UID)
        shutil.rmtree(keys)
        config = machine.path(f"{self.node(host).home}/config/config.toml")
        edit(config, {"priv_validator_laddr": '""'})
        self.start(host)

    def _key(self, host: str) -> Path:
        return self.hosts[host].path(f"{self.node(host).home}/config/priv_validator_key.json")

    def _state(self, host: str) -> Path:
        return self.hosts[host].path(f"{self.node(host).home}/data/priv_validator_state.json")


def _fresh_key() -> dict[str, object]:
    """A key file of a validator that nobody knows."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    secret = key.private_bytes_raw() + public
    return {
        "address": hashlib.sha256(public).hexdigest()[:40].upper(),
        "pub_key": {
            "type": "tendermint/PubKeyEd25519",
            "value": base64.b64encode(public).decode(),
        },
        "priv_key": {
            "type": "tendermint/PrivKeyEd25519",
            "value": base64.b64encode(secret).decode(),
        },
    }
