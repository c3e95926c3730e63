"""A reading harms nobody: neither the host that it looks at, whatever its service user has put into
the home, nor the other hosts, whatever one of them answers."""

from __future__ import annotations

import base64
import gzip
import json
import time
from dataclasses import dataclass

import pytest

from remediations.engine.observe.observation import Observation, Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading, comet_reading
from remediations.values.reading import Known, Unknown
from remediations.values.wire import decode
from tests.inventories import node_entry
from tests.lab.choice import full_lab, only_some
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.readings import program

HOST = "standby1"
USER = "virtengine"
OTHERS = ("val1", "val2", "val3", "val4", "full1")
CANARY = "CANARY-5c1d"
FACTOR, MORE_S = 1.5, 2.0
"""What is still as fast as usual where other work goes on on the same machine."""
ANSWER_MIB = 64
"""What the processes of a host may gain meanwhile; the daemon's own memory goes up and down."""
KEY, STATE, CONFIG = "config/priv_validator_key.json", "data/priv_validator_state.json", "config"

HOME_OF_A_STRANGER: dict[str, tuple[str, str]] = {
    "key: /dev/zero": (f"rm -f {KEY}; ln -s /dev/zero {KEY}", "key"),
    "key: FIFO": (f"rm -f {KEY}; mkfifo {KEY}", "key"),
    "key: sparse terabyte": (f"rm -f {KEY}; truncate -s 1T {KEY}", "key"),
    "config: /dev/zero": ("ln -sf /dev/zero config/config.toml", "config"),
    "config: FIFO": ("rm config/config.toml; mkfifo config/config.toml", "config"),
    "config: short lines": ("yes x | head -c 300000000 >config/config.toml", "config"),
    "state: FIFO": (f"rm -f {STATE}; mkfifo {STATE}", "sign_state"),
    "state: /etc/shadow": (f"ln -sf /etc/shadow {STATE}", "sign_state"),
    "state: the key file": (
        f'echo \'{{"priv_key": "{CANARY}"}}\' >{KEY}; '
        f"sed -i 's|^priv_validator_state_file.*|priv_validator_state_file = \"{KEY}\"|' "
        "config/config.toml",
        "sign_state",
    ),
    "state: a secret as height": (
        f'echo \'{{"height": "{CANARY}", "round": 0, "step": 0}}\' >{STATE}',
        "sign_state",
    ),
    "data: /etc": ("mv data data.away; ln -s /etc data", "sign_state"),
    "a hundred thousand files": (
        "mkdir -p data/many && cd data/many && seq 100000 | xargs touch && cd ../.. && "
        "mkdir -p data/cs.wal && cd data/cs.wal && touch wal && seq -f wal%g 20000 | xargs touch",
        "wal",
    ),
}
"""What the service user does in its home, and which reading is unknown for it."""


@dataclass(frozen=True)
class Root:
    """What runs as root on the host, beside what was there before."""

    processes: tuple[str, ...]
    kib: int


def as_user(lab: Lab, script: str) -> None:
    """Run by the service user in its home."""
    lab.hosts[HOST].path("/tmp/act").write_text(f"set -e; cd {lab.node(HOST).home}; {script}\n")
    lab.hosts[HOST].sh(f"chmod 644 /tmp/act; runuser -u {USER} -- sh /tmp/act")


def root_processes(lab: Lab) -> Root:
    """Commands that run as root (or for a reading as others), and the memory of all processes."""
    listed = lab.hosts[HOST].sh("ps -eo rss=,comm=").splitlines()
    rows = [line.split(None, 1) for line in listed]
    tools = {"bash", "base64", "cat", "curl", "dd", "df", "find", "grep", "gzip", "head", "sed"}
    tools |= {"setpriv", "sleep", "stat", "sudo", "timeout", "tr", "unshare", "virtengined"}
    return Root(
        processes=tuple(sorted(name for _, name in rows if name in tools)),
        kib=sum(int(rss) for rss, _ in rows),
    )


def looked_at(operator: Operator) -> tuple[CometReading, float]:
    """One `diagnose`, what it saved, and how long it took."""
    file = operator.state / "seen.json"
    began = time.monotonic()
    operator.says("diagnose", "--save", str(file))
    took = time.monotonic() - began
    return comet_reading(decode(file.read_bytes(), Observation)), took


def sent(lab: Lab) -> bytes:
    """All that the program prints on the host, unpacked."""
    entry = node_entry(name=HOST, role=Role.STANDBY, ssh=HOST)
    lab.hosts[HOST].path("/root/program").write_bytes(program(entry, Scope.FULL))
    text = lab.hosts[HOST].sh("bash -s </root/program")
    document = json.loads(text[text.index("{") :])
    sections = [section for section in document.values() if isinstance(section, dict)]
    return b"".join(
        gzip.decompress(base64.b64decode(s["b64"])) + base64.b64decode(s["err"])
        for s in sections
        if s["b64"]
    )


def well_read(reading: HostReading) -> bool:
    """Whether the host answered all that a healthy one answers."""
    fields = (reading.session, reading.unit, reading.config, reading.key, reading.journal)
    samples = [sample.status for sample in reading.samples]
    return all(isinstance(field, Known) for field in (*fields, *samples, reading.disk))


ALWAYS = ("state: the key file",)
"""The one that would tell a key."""


@pytest.mark.parametrize("case", only_some(HOME_OF_A_STRANGER, ALWAYS.__contains__))
def test_a_hostile_home_costs_one_reading(lab: Lab, operator: Operator, case: str) -> None:
    """The others are read as fast as ever; on the host nothing is left, no memory is taken, and
    nothing leaves it that is not asked for."""
    script, unknown = HOME_OF_A_STRANGER[case]
    _, usual = looked_at(operator)
    as_user(lab, script)
    before = root_processes(lab)
    seen, took = looked_at(operator)
    after = root_processes(lab)
    assert took < FACTOR * usual + MORE_S
    assert after.processes == before.processes
    assert after.kib < before.kib + ANSWER_MIB * 1024
    assert all(well_read(seen.host(name)) for name in OTHERS)
    reading = seen.host(HOST)
    assert isinstance(getattr(reading, unknown), Unknown)
    for field in ("session", "unit", "processes", "disk", "journal"):
        assert isinstance(getattr(reading, field), Known), field
    shadow = lab.hosts[HOST].path("/etc/shadow").read_text().split(":")[0]
    for text in (sent(lab), (operator.state / "seen.json").read_bytes()):
        assert CANARY.encode() not in text
        assert f"{shadow}:".encode() not in text
    assert root_processes(lab).processes == before.processes


def test_a_cut_connection_leaves_nothing(lab: Lab, operator: Operator) -> None:
    """The command is killed while its program reads: the host is rid of it within seconds."""
    before = root_processes(lab)
    with operator.start("diagnose") as process:
        end = time.monotonic() + 20
        while root_processes(lab).processes == before.processes and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    end = time.monotonic() + 12
    while root_processes(lab).processes != before.processes and time.monotonic() < end:
        time.sleep(0.2)
    assert root_processes(lab).processes == before.processes


@full_lab
def test_one_hostile_answer_costs_nobody_anything(lab: Lab, operator: Operator) -> None:
    """A host whose bash prints 450 bytes that unpack to a text made for slow expressions."""
    usual = looked_at(operator)[1]
    show = b"Id=x\nExecStart=" + b"{ path=" * 680 + b" ; argv[]=" * 470
    section = {"b64": base64.b64encode(gzip.compress(show)).decode(), "rc": 0, "err": ""}
    found = {"b64": base64.b64encode(gzip.compress(b"unit=x\n")).decode(), "rc": 0, "err": ""}
    document = json.dumps(
        {
            "remediate_probe": 1,
            "began": 1764086400000000,
            "found": {**found, "at": 1764086400000000, "us": 1},
            "show": {**section, "at": 1764086400000000, "us": 1},
            "ended": 1764086400000001,
        },
        separators=(",", ":"),
    )
    bash = lab.hosts[HOST].path("/usr/bin/bash")
    lab.hosts[HOST].sh("cp -p /usr/bin/bash /root/bash")
    lab.mend_host(lambda: lab.hosts[HOST].sh("cp -p /root/bash /usr/bin/bash"))
    bash.unlink()
    bash.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'E'\n{document}\nE\n")
    bash.chmod(0o755)
    seen, took = looked_at(operator)
    assert took < FACTOR * usual + MORE_S
    assert all(well_read(seen.host(name)) for name in OTHERS)
    assert isinstance(seen.host(HOST).unit, Unknown)
