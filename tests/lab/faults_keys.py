"""Faults of keys and sign states: those that cost a validator for ever when handled wrongly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.lab.chainnet import SERVICE_UID
from tests.lab.faults import Faults


class KeyFaults(Faults):
    """Missing key, missing or lowered sign state, one key on two hosts."""

    def break_key_missing(self, host: str) -> None:
        """Stopped, and its key file moved away."""
        self.systemctl(host, "stop", self.unit(host))
        key = self._config(host) / "priv_validator_key.json"
        kept = key.with_suffix(".kept")
        key.rename(kept)

        def put_back() -> None:
            kept.rename(key)
            self.start(host)

        self.mend_node(put_back)

    def break_sign_state_missing(self, host: str) -> None:
        """Stopped, and its sign state gone."""
        self._replace_sign_state(host, None)

    def break_sign_state_zeroed(self, host: str) -> None:
        """Stopped, and its sign state as a reset leaves it: started so, it would sign again."""
        self._replace_sign_state(host, {"height": "0", "round": 0, "step": 0})

    def break_sign_state_older(self, host: str) -> None:
        """Stopped, and its sign state from an old backup, two heights behind."""
        path = self._sign_state(host)
        height = int(json.loads(path.read_text())["height"])
        self._replace_sign_state(host, {"height": str(max(1, height - 5)), "round": 0, "step": 3})

    def break_duplicate_key(
        self, owner: str, copy: str = "standby1", *, started: bool = False
    ) -> None:
        """The owner's key lies on a second host. If its node is started, too, evidence of double
        signing comes within seconds, and the validator is out for ever."""
        key = self._config(copy) / "priv_validator_key.json"
        shutil.copy(self._config(owner) / "priv_validator_key.json", key)
        shutil.chown(key, SERVICE_UID, SERVICE_UID)
        if started:
            self.start(copy)

        def mend() -> None:
            self.stop(copy)
            key.unlink()

        self.mend_node(mend)

    def _replace_sign_state(self, host: str, state: dict[str, object] | None) -> None:
        self.systemctl(host, "stop", self.unit(host))
        path = self._sign_state(host)
        sound = path.read_text()
        if state is None:
            path.unlink()
        else:
            path.write_text(json.dumps(state))

        def mend() -> None:
            self.stop(host)
            path.write_text(sound)
            shutil.chown(path, SERVICE_UID, SERVICE_UID)
            self.start(host)

        self.mend_node(mend)

    def _config(self, host: str) -> Path:
        return self.hosts[host].path(f"{self.node(host).home}/config")

    def _sign_state(self, host: str) -> Path:
        return self.hosts[host].path(f"{self.node(host).home}/data/priv_validator_state.json")
