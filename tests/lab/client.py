"""Transactions to the chain, made and signed outside with the key that everybody knows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.lab.dialect import program
from tests.lab.faults import Faults
from tests.lab.homes import Network, recover_authority
from tests.lab.shell import LabError, run
from tests.lab.spec import CHAIN_ID, NODES


class Client(Faults):
    """Sends transactions through the first validator."""

    chain: Network

    def submit(self, message: Callable[[str], dict[str, object]], memo: str = "") -> None:
        """Send a transaction of one message, which is made from the sender's address.

        Raises:
            LabError: the chain did not take it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            address = recover_authority(self._client, home)
            unsigned, signed = home / "transaction.json", home / "signed.json"
            unsigned.write_text(json.dumps(_transaction(message(address), memo)))
            signing = ("--from", "authority", "--chain-id", CHAIN_ID, "--keyring-backend", "test")
            signed.write_text(
                self._client(home, "tx", "sign", str(unsigned), *signing, *self._node_flag())
            )
            broadcast = ("tx", "broadcast", str(signed), "--output", "json", *self._node_flag())
            said = self._client(home, *broadcast)
        if json.loads(said.strip().splitlines()[-1])["code"]:
            raise LabError(f"the transaction was not taken: {said[-400:]}")

    def _node_flag(self) -> tuple[str, str]:
        return "--node", f"tcp://127.0.0.1:{self.node(NODES[0].name).rpc_port}"

    def _client(self, home: Path, *arguments: str, stdin: str = "") -> str:
        """The chain's program, run outside with the loopback of the first validator."""
        return run(
            *("nsenter", "-t", str(self.hosts[NODES[0].name].init()), "-n"),
            *(*program(self.chain.binary), *arguments, "--home", str(home)),
            stdin=stdin,
        )


def _transaction(message: dict[str, object], memo: str) -> dict[str, object]:
    fee: dict[str, object] = {"amount": [], "gas_limit": "200000", "payer": "", "granter": ""}
    return {
        "body": {
            "messages": [message],
            "memo": memo,
            "timeout_height": "0",
            "extension_options": [],
            "non_critical_extension_options": [],
        },
        "auth_info": {"signer_infos": [], "fee": fee},
        "signatures": [],
    }
