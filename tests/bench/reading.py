"""What the hosts answer: the document of a real probe run, recorded here and now, once for each
kind of host, and made to fit each name (key, address, node, machine).

The chain is halted: a third of its validators is stopped.
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from tests.inventories import node_entry
from tests.unit.model import answers
from tests.unit.observe.fake_host import Host, Rpc, run_probe

POWER = 10
HEIGHT = 113
NEIGHBOURS = 8
"""Peers of a node, as in a chain of some size."""
CLOCKS = ("began", "ended")


def stopped(names: int) -> int:
    """How many of `names` validators of equal power are stopped: just too many for a quorum."""
    return (names + 2) // 3


class Chain(Rpc):
    """A halted chain of `size` validators, of which the first ones do not vote."""

    def __init__(self, size: int) -> None:
        self.powers = (POWER,) * size
        self.silent = stopped(size)
        super().__init__()

    def answer(self, path: str) -> bytes:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        peers = range(self.silent + 1, min(self.silent + NEIGHBOURS, len(self.powers)))
        match urlsplit(path).path:
            case "/validators":
                return answers.validators(self.powers, page=int(query.get("page", "1")))
            case "/consensus_state":
                return answers.consensus_state(
                    HEIGHT + 1, 1, 4, powers=self.powers, prevotes=self._prevotes()
                )
            case "/net_info":
                return answers.net_info(tuple(peers))
            case "/dump_consensus_state":
                return answers.dump_consensus_state([(p, HEIGHT + 1, 1, 4) for p in peers])
            case "/commit":
                return self._commit(int(query["height"]))
        return super().answer(path)

    def _prevotes(self) -> list[str]:
        return [
            "nil-Vote" if index < self.silent else answers.vote(index, HEIGHT + 1, 1, "0" * 12)
            for index in range(len(self.powers))
        ]

    def _commit(self, height: int) -> bytes:
        signatures = [
            {"block_id_flag": 2, "validator_address": answers.address(index), "signature": "AAAA"}
            for index in range(len(self.powers))
        ]
        commit = {"height": str(height), "round": 0, "signatures": signatures}
        header = answers.header(height)
        return answers.envelope(
            {"signed_header": {"header": header, "commit": commit}, "canonical": True}
        )


@dataclass(frozen=True)
class Recording:
    """The documents of a host that runs and of one whose daemon is stopped."""

    running: bytes
    stopped: bytes

    def of(self, index: int, names: int) -> bytes:
        """The document of host number `index`, its clock as it is now."""
        template = self.stopped if index < stopped(names) else self.running
        document = msgspec.json.decode(template, type=dict[str, msgspec.Raw])
        late = int(time.time() * 1e6) - msgspec.json.decode(document["began"], type=int)
        for name, raw in document.items():
            if name in CLOCKS:
                document[name] = msgspec.Raw(str(int(bytes(raw)) + late).encode())
            elif name != "remediate_probe":
                document[name] = _fitted(name, raw, index, late)
        return msgspec.json.encode(document)


class _Section(msgspec.Struct):
    b64: str
    rc: int
    err: str
    at: int
    us: int


def _fitted(name: str, raw: msgspec.Raw, index: int, late: int) -> msgspec.Raw:
    """A section as host `index` has it, `late` µs later."""
    section = msgspec.json.decode(raw, type=_Section)
    section.at += late
    own = OWN.get(name)
    if own is not None and section.b64:
        data = own(gzip.decompress(base64.b64decode(section.b64)), index)
        section.b64 = base64.b64encode(gzip.compress(data, 1, mtime=0)).decode()
    return msgspec.Raw(msgspec.json.encode(section))


def _machine(data: bytes, index: int) -> bytes:
    return re.sub(rb"(?m)^(machine_id|boot_id)=.*", rb"\1=%032x" % index, data)


def _node(data: bytes, index: int) -> bytes:
    for of in (answers.address, answers.node_id):
        data = data.replace(of(0).encode(), of(index).encode())
    return data.replace(b'"val1"', b'"val%d"' % (index + 1))


def _program(data: bytes, _index: int) -> bytes:
    """The stand-in for the daemon's process runs another program than the unit's."""
    disk = re.search(rb"(?m)^disk=(.*)", data)
    return re.sub(rb"(?m)^running=.*", b"running=" + disk[1], data) if disk else data


OWN: dict[str, Callable[[bytes, int], bytes]] = {
    "login": _machine,
    "status.1": _node,
    "status.2": _node,
    "key": _node,
    "binary": _program,
}
"""Sections in which hosts differ, and how what was recorded of validator 0 becomes another's."""


@cache
def record(names: int) -> Recording:
    """Run the probe on stand-ins for both kinds of host, with a chain of that many validators."""
    rpc = Chain(max(names, 4))
    try:
        with ThreadPoolExecutor(2) as pool:
            running = pool.submit(_record, rpc.port, alive=True)
            still = pool.submit(_record, 1, alive=False)
            return Recording(running.result(), still.result())
    finally:
        rpc.close()


def _record(port: int, *, alive: bool) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        host = Host(Path(directory), port)
        host.install()
        systemctl = host.bin / "systemctl"
        changes = (
            {"MainPID=0": f"MainPID={os.getpid()}"}
            if alive
            else {"ActiveState=active": "ActiveState=inactive", "SubState=running": "SubState=dead"}
        )
        text = systemctl.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        systemctl.write_text(text)
        host.script("journalctl", "#!/bin/sh\n")
        for name in ("config", "app"):  # settings that a guard would rightly refuse
            config = host.home / "config" / f"{name}.toml"
            config.write_text(
                re.sub(r"(_check_height|halt-height) = .*", r"\1 = 0", config.read_text())
            )
        entry = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
        printed, _, _ = run_probe(host, Scope.FULL, entry)
    return printed[printed.index(b"{") :]
