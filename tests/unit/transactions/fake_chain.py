"""An RPC of a chain that exists in this process only: for unit tests of what is asked, and how odd
answers are taken. What a real chain does is the lab's business."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from remediations.values.endpoint import Endpoint
from remediations.values.multisig import SECP256K1
from remediations.values.protobuf import read_text, write_bytes, write_number, write_text

Tree = dict[str, Any]


def key_record(fingerprint: str, address: str, **times: int) -> bytes:
    """A key as the chain has it."""
    numbers = {"registered_at": 6, "revoked_at": 7, "deprecated_at": 8, "expires_at": 9}
    written = write_text(1, address) + write_bytes(2, bytes(32)) + write_text(3, fingerprint)
    written += write_text(5, "X25519-XSALSA20-POLY1305")
    return written + b"".join(write_number(numbers[key], at) for key, at in times.items())


def block_time(height: int) -> str:
    """A block a second."""
    return f"{datetime.fromtimestamp(1796019000 + height, UTC):%Y-%m-%dT%H:%M:%S}.123456789Z"


class FakeGrant(NamedTuple):
    """What one account may send for another one, `expires` in seconds since 1970, 0 for never."""

    granter: str
    grantee: str
    message: str
    expires: int = 0

    @property
    def _boxed(self) -> bytes:
        kind = write_text(1, "/cosmos.authz.v1beta1.GenericAuthorization")
        return kind + write_bytes(2, write_text(1, self.message))

    @property
    def _until(self) -> bytes:
        return write_number(1, self.expires)

    @property
    def alone(self) -> bytes:
        """As the grants of one account to another one are listed."""
        return write_bytes(1, self._boxed) + write_bytes(2, self._until)

    @property
    def in_list(self) -> bytes:
        """As the grants that an account has are listed."""
        names = write_text(1, self.granter) + write_text(2, self.grantee)
        return names + write_bytes(3, self._boxed) + write_bytes(4, self._until)


@dataclass
class FakeChain:
    """What the chain has. `answer` is what a broadcast is answered with; with `takes` it is put in
    a block then. `accounts` are number, sequence and public key by address; `state` the records of
    modules, or what is answered in their place."""

    chain_id: str = "one-1"
    height: int = 100
    moves: bool = True
    catching_up: bool = False
    accounts: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    keys: dict[str, list[bytes]] = field(default_factory=dict)
    grants: list[FakeGrant] = field(default_factory=list)
    included: dict[str, Tree] = field(default_factory=dict)
    broadcast: list[bytes] = field(default_factory=list)
    answer: Tree = field(default_factory=lambda: {"code": 0})
    takes: bool = True
    silent: bool = False
    searches: dict[str, list[Tree]] = field(default_factory=dict)
    blocks: dict[int, list[Tree]] = field(default_factory=dict)
    state: dict[str, dict[bytes, bytes] | bytes] = field(default_factory=dict)

    def include(self, raw: bytes, code: int = 0, codespace: str = "") -> str:
        """Put a transaction into a block; its hash."""
        named = sha256(raw).hexdigest().upper()
        result = {"code": code, "codespace": codespace, "log": "", "gas_used": "41000"}
        self.included[named] = {"hash": named, "height": str(self.height), "tx_result": result}
        return named

    def bump(self, address: str) -> None:
        """A transaction of the account is in a block."""
        number, sequence, key = self.accounts[address]
        self.accounts[address] = (number, sequence + 1, key)

    def result(self, method: str, words: dict[str, str]) -> Tree | None:
        """The answer to a question; None for an error."""
        handle = getattr(self, f"_{method}", None)
        return None if handle is None else handle(words)

    def _status(self, _: dict[str, str]) -> Tree:
        self.height += self.moves
        sync = {
            "latest_block_height": str(self.height), "catching_up": self.catching_up,
            "latest_block_time": block_time(self.height),
        }  # fmt: skip
        return {"node_info": {"network": self.chain_id}, "sync_info": sync}

    def _blockchain(self, words: dict[str, str]) -> Tree:
        heights = range(int(words["minHeight"]), int(words["maxHeight"]) + 1)
        return {"block_metas": [{"header": {"time": block_time(one)}} for one in heights]}

    def _tx(self, words: dict[str, str]) -> Tree | None:
        return self.included.get(words["hash"].removeprefix("0x"))

    def _broadcast_tx_sync(self, words: dict[str, str]) -> Tree | None:
        raw = base64.b64decode(words["tx"])
        self.broadcast.append(raw)
        if self.takes:
            self.include(raw)
            for address in self.accounts:
                self.bump(address)
        return None if self.silent else self.answer

    def _tx_search(self, words: dict[str, str]) -> Tree:
        return self._found("txs", words)

    def _block_search(self, words: dict[str, str]) -> Tree:
        return self._found("blocks", words)

    def _found(self, what: str, words: dict[str, str]) -> Tree:
        name = words["query"].strip('"').removesuffix(" EXISTS").rpartition(".")[0]
        found = self.searches.get(f"{what} {name.rpartition('.')[2]}", [])
        return {what: found, "total_count": str(len(found))}

    def _block_results(self, words: dict[str, str]) -> Tree:
        return {"finalize_block_events": self.blocks.get(int(words["height"]), [])}

    def _abci_query(self, words: dict[str, str]) -> Tree:
        path = words["path"].strip('"').rpartition("/")[2]
        asked = bytes.fromhex(words["data"].removeprefix("0x"))
        if path == "subspace":
            return self._subspace(words["path"].strip('"').split("/")[2], asked)
        address = "" if path == "simulate" else read_text(asked, 1)
        if path == "simulate":
            value = json.dumps({"gas_info": {"gas_used": "41000"}}).encode()
        elif path == "Account" and address in self.accounts:
            number, sequence, key = self.accounts[address]
            boxed = write_text(1, SECP256K1) + write_bytes(2, write_bytes(1, bytes.fromhex(key)))
            base = write_text(1, address) + write_bytes(2, boxed if key else b"")
            base += write_number(3, number) + write_number(4, sequence)
            kind = write_text(1, "/cosmos.auth.v1beta1.BaseAccount")
            value = write_bytes(1, kind + write_bytes(2, base))
        elif path == "RecipientKey":
            value = b"".join(write_bytes(1, one) for one in self.keys.get(address, []))
        elif path == "GranteeGrants":
            value = b"".join(
                write_bytes(1, one.in_list) for one in self.grants if one.grantee == address
            )
        elif path == "Grants" and (given := self._grants(asked)):
            value = given
        elif path == "Grants":
            return {"response": {"code": 5, "log": "authorization not found", "codespace": "sdk"}}
        else:
            return {"response": {"code": 22, "log": "key not found", "codespace": "sdk"}}
        return {"response": {"code": 0, "value": base64.b64encode(value).decode()}}

    def _subspace(self, module: str, prefix: bytes) -> Tree:
        if module not in self.state:
            return {"response": {"code": 6, "log": f"unknown store: {module}", "codespace": "sdk"}}
        records = self.state[module]
        value = (
            records
            if isinstance(records, bytes)
            else b"".join(
                write_bytes(1, write_bytes(1, key) + write_bytes(2, data))
                for key, data in sorted(records.items())
                if key.startswith(prefix)
            )
        )
        return {"response": {"code": 0, "value": base64.b64encode(value).decode()}}

    def _grants(self, asked: bytes) -> bytes:
        wanted = tuple(read_text(asked, number) for number in (1, 2, 3))
        return b"".join(
            write_bytes(1, one.alone)
            for one in self.grants
            if (one.granter, one.grantee, one.message) == wanted
        )

    @contextmanager
    def served(self, name: str = "fake") -> Iterator[Endpoint]:
        """The same chain at an address of its own."""
        chain = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                words = {key: value[0] for key, value in parse_qs(url.query).items()}
                self._say(chain.result(url.path.strip("/"), words))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                found = chain.result(asked["method"], asked["params"])
                if found is None and chain.silent:
                    return self.close_connection_now()
                return self._say(found)

            def close_connection_now(self) -> None:
                self.connection.close()

            def _say(self, found: Tree | None) -> None:
                error = {"code": -32603, "message": "Internal error", "data": "tx not found"}
                tree = {"error": error} if found is None else {"result": found}
                body = json.dumps(tree).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield Endpoint(name=name, url=f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            server.server_close()
