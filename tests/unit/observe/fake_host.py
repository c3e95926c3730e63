"""A host on this machine: a loopback RPC, a home, and stand-ins for systemctl and journalctl."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.values.inventory import HostEntry, Inventory
from tests.inventories import node_entry
from tests.readings import program, read_document, read_host
from tests.unit.model import answers

POWERS = tuple(range(1000, 850, -1))
SIGN_STATE = '{"height": "113", "round": 0, "step": 3}'


class Rpc:
    """The RPC of a node that answers what `tests.unit.model.answers` says."""

    def __init__(self) -> None:
        rpc = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = rpc.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                rpc.asked.append(self.path)

        self.asked: list[str] = []
        self.with_evidence: tuple[int, ...] = ()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str) -> bytes:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        page = int(query.get("page", "1"))
        known: dict[str, Callable[[], bytes]] = {
            "/status": lambda: answers.status(113),
            "/abci_info": lambda: answers.abci_info(113),
            "/consensus_state": lambda: answers.consensus_state(114, 1, 4),
            "/dump_consensus_state": answers.dump_consensus_state,
            "/net_info": answers.net_info,
            "/validators": lambda: answers.validators(POWERS, page=page),
            "/blockchain": lambda: answers.blockchain(
                range(113, 93, -1), with_evidence=self.with_evidence
            ),
            "/commit": lambda: answers.commit(int(query["height"])),
            "/block": lambda: self.block(int(query["height"])),
            "/header": lambda: answers.envelope({"header": self.header(int(query["height"]))}),
            "/block_results": lambda: answers.block_results(int(query["height"])),
        }
        return known[parts.path]() if parts.path in known else b""

    def block(self, _height: int) -> bytes:
        """A block; by default nobody knows it."""
        return b""

    def header(self, height: int) -> answers.Json:
        """The header of a height; by default all name the same validator set."""
        return answers.header(height)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Frozen:
    """Accepts connections, as the kernel does for a stopped process, and never answers."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self.socket.getsockname()[1])

    def close(self) -> None:
        self.socket.close()


class Host:
    """A directory that looks like a host to the probe."""

    def __init__(self, root: Path, port: int) -> None:
        self.home = root / "home"
        self.bin = root / "bin"
        self.bin.mkdir()
        for name in ("config", "data/cs.wal"):
            (self.home / name).mkdir(parents=True)
        config = self.home / "config"
        config.joinpath("config.toml").write_text(
            'db_backend = "goleveldb"\npriv_validator_laddr = ""\nmoniker = "val1"\n'
            f'[rpc]\nladdr = "tcp://0.0.0.0:{port}" # the RPC\n'
            '[p2p]\nladdr = "tcp://0.0.0.0:1"\n'
            'persistent_peers = "aa@10.0.0.1:26656,bb@10.0.0.2:26656"\n'
            "[consensus]\ndouble_sign_check_height = 10\n"
            '[tx_index]\npsql-conn = "postgresql://user:hunter2@db"\n'
        )
        config.joinpath("app.toml").write_text(
            'minimum-gas-prices = "0stake"\nhalt-height = 200\nhalt-time = 0\n'
            "[api]\nenable = true\n"
        )
        config.joinpath("priv_validator_key.json").write_text(
            f'{{\n  "address": "{answers.address(0)}",\n  "pub_key": {{"value": "AAAA"}},\n'
            '  "priv_key": {"value": "SECRETKEYMATERIAL"}\n}\n'
        )
        config.joinpath("node_key.json").write_text("{}")
        self.home.joinpath("data/priv_validator_state.json").write_text(SIGN_STATE)
        self.home.joinpath("data/cs.wal/wal").write_bytes(b"x" * 5000)
        self.program = self.bin / "virtengined"
        self.program.write_text("#!/bin/sh\necho 'INF compiling' >&2\necho 1.2.3\n")
        self.program.chmod(0o755)
        self.units = ["virtengine.service enabled enabled"]
        self.arguments = f"start --home {self.home}"
        self.journal = ""
        self.shown = ""
        self.restarts = 0
        self.main_pid = 0

    def script(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def install(self) -> None:
        show = (
            "Id=virtengine.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
            f"UnitFileState=enabled\nResult=success\nNRestarts={self.restarts}\n"
            f"MainPID={self.main_pid}\n"
            "ExecMainStatus=0\n"
            "User=root\nRestart=on-failure\nTimeoutStopUSec=1min 30s\nLimitNOFILE=65535\n"
            "ActiveEnterTimestamp=Wed 2026-11-25 16:00:00 UTC\n"
            "InactiveExitTimestamp=Wed 2026-11-25 16:00:00 UTC\n"
            "InvocationID=0123456789abcdef0123456789abcdef\n"
            f"{self.shown}"
            f"ExecStart={{ path={self.program} ; argv[]={self.program} {self.arguments} ; "
            "ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; "
            "status=0/0 }\n"
        )
        units = "\n".join(self.units)
        self.script(
            "systemctl",
            "#!/bin/sh\ncase $1 in\n"
            f"list-unit-files) cat <<'E'\n{units}\nE\n;;\nshow) cat <<'E'\n{show}E\n;;\nesac\n",
        )
        self.script(
            "journalctl",
            f"#!/bin/sh\ncat <<'E'\n{self.journal}"
            "1795622402.000002 val1 virtengined[7]: \x1b[31mERR\x1b[0m CONSENSUS FAILURE!!! err=x\n"
            "1795622401.000001 val1 virtengined[7]: INF executed block height=113\n"
            "1795622400.000000 val1 systemd[1]: virtengine.service: Failed with result "
            "'exit-code'.\n"
            "E\n",
        )


def run_probe(
    host: Host, scope: Scope, entry: HostEntry, inventory: Inventory | None = None
) -> tuple[bytes, datetime, datetime]:
    """The program as it is sent, with the stand-ins before the real commands in its PATH.

    It runs where operators have it worst: in a directory that is gone, with a library to preload
    that is not there, so that every command complains.
    """
    text = program(entry, scope, inventory).replace(b" PATH=", f" PATH={host.bin}:".encode())
    sent = datetime.now(UTC)
    done = subprocess.run(
        ["sh", "-c", "d=$(mktemp -d) && cd $d && rmdir $d && LD_PRELOAD=/none.so exec bash -s"],
        input=text,
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 0
    return done.stdout, sent, datetime.now(UTC)


def observe(
    host: Host,
    scope: Scope = Scope.FULL,
    *,
    unit: str | None = None,
    home: str | None = None,
    inventory: Inventory | None = None,
    role: Role = Role.VALIDATOR,
) -> HostReading:
    """What the product reads of `host`."""
    entry = node_entry(name="val1", role=role, ssh="val1", unit=unit, home=home)
    host.install()
    printed, sent, received = run_probe(host, scope, entry, inventory)
    document = read_document(b"Welcome!\n" + printed, sent=sent, received=received)
    return read_host(document, entry, sent)
