"""The figures of a lab: 6 (rescue.py, first_diagnosis.py); 5 and 7 again, on real hosts."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.hosts.program import COMMAND
from tests.bench import first_diagnosis, rescue
from tests.bench.cost import Cost
from tests.bench.delay import delayed
from tests.bench.figure import Figure, Line
from tests.bench.reading_cost import GOAL_S, section_lines, sections_of
from tests.bench.round_trips import ROUND_TRIP_S, lines_of
from tests.inventories import node_entry
from tests.lab.disasters import VICTIMS
from tests.lab.lab import Lab
from tests.lab.machine import Machine
from tests.lab.operator import Operator
from tests.lab.shell import LabError, run
from tests.lab.spec import OPERATOR
from tests.readings import program

READ = "val1"
COMMANDS = ("diagnose", "plan", "approve", "apply", "verify")
SSH_PORT = 22


def figures(
    lab: Lab, state: Path, rounds: int, branch: str = ""
) -> dict[str, Callable[[], Figure]]:
    """All of them, by number, on one lab; figure 6 of one branch, where one is named."""
    return {
        "6": lambda: rescue.measure(lab, state / "rescue", rounds, branch),
        "6-diagnosis": lambda: first_diagnosis.measure(lab, state / "looks", rounds, branch),
        "5-lab": lambda: _reading(lab, rounds),
        "7-lab": lambda: _round_trips(lab, state / "trips", rounds),
    }


def _reading(lab: Lab, rounds: int) -> Figure:
    """What a reading costs a host whose daemon makes blocks; CPU as bash's `times` says it."""
    lab.pristine()
    lines: list[Line] = []
    took = []
    for scope in (Scope.FULL, Scope.DECIDING):
        costs = []
        for _ in range(rounds):
            cpu_s, sections = _read(lab, scope)
            costs.append(cpu_s)
            if scope is Scope.FULL:
                took.append(sections)
        lines.append(
            Line(what=f"{scope} reading of {READ}", value=median(costs), unit="s CPU", goal=GOAL_S)
        )
    return Figure(
        id="5-lab",
        title="What a reading costs a real host",
        rounds=rounds,
        lines=(*lines, *section_lines(took)),
        notes=(
            "with sudo and all that the probe starts; what the daemon takes to answer is extra",
        ),
    )


def _read(lab: Lab, scope: Scope) -> tuple[float, dict[str, int]]:
    text = program(node_entry(name=READ, role=Role.VALIDATOR, ssh=READ), scope)
    command = f"bash -c {shlex.quote(f'{{ {COMMAND}; }}; times >&2')} 2>&1"
    printed = run(
        *("ssh", "-F", str(lab.access.ssh_config), READ, command),
        stdin=text.decode(),
    )
    document, _, times = printed.rpartition("}\n")
    return _cpu_s(times), sections_of(f"{document}}}".encode())


def _cpu_s(times: str) -> float:
    """The second line of `times`: user and system of all children, as 0m0.123s each."""
    words = times.split()[-2:]
    return sum(
        60 * float(minutes) + float(seconds)
        for minutes, seconds in (word.rstrip("s").split("m") for word in words)
    )


def _round_trips(lab: Lab, state: Path, rounds: int) -> Figure:
    """A whole rescue, near and with 50 ms to every host."""
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        for how in ("near", "far"):
            with ExitStack() as stack:
                inventory = lab.access.inventory
                if how == "far":
                    inventory = stack.enter_context(_far(lab, state.with_name("far")))
                for command, took in _walk(lab, state, inventory):
                    seen.setdefault(f"{command} {how}", []).append(took)
    costs = {name: Cost(wall_s=median(times), cpu_s=0, rss_mib=0) for name, times in seen.items()}
    return Figure(
        id="7-lab",
        title="Round trips per command, on real hosts",
        rounds=rounds,
        lines=tuple(lines_of(costs, COMMANDS, "", peer="")),
        notes=(
            f"what {ROUND_TRIP_S * 1000:.0f} ms of round trip add, in round trips; two hosts are "
            "behind a jump host; `apply` and `verify` also wait for blocks: ± 10 trips",
        ),
    )


def _walk(lab: Lab, state: Path, inventory: Path) -> Iterator[tuple[str, float]]:
    """The commands of a rescue and how long each took, in seconds."""
    lab.pristine()
    lab.break_stop(*VICTIMS)
    lab.wait_stalled()
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    operator = Operator(lab, state)
    key = str(lab.access.operator_key)
    where = ("--inventory", str(inventory))
    arguments = {
        "diagnose": where,
        "plan": ("INC-001", *where),
        "approve": ("last", "--yes", "--key", key),
        "apply": ("last", *where),
        "verify": ("last", *where),
    }
    for command in COMMANDS:
        began = time.monotonic()
        said = operator.says(command, *arguments[command])
        yield command, time.monotonic() - began
        if said.code not in (0, 3):
            raise LabError(f"{command} ended with {said.code}: {said.why}")


@contextmanager
def _far(lab: Lab, directory: Path) -> Iterator[Path]:
    """An inventory whose hosts are reached through a delaying proxy; those behind the bastion
    through the bastion, which is."""
    directory.mkdir(parents=True, exist_ok=True)
    direct = {
        f"127.77.9.{m.spec.octet}": m for m in lab.hosts.values() if not m.spec.behind_bastion
    }
    with delayed(lambda address: (direct[address].address, SSH_PORT), ROUND_TRIP_S) as port:
        near = {machine.name: address for address, machine in direct.items()}
        blocks = [_block(machine, near.get(machine.name), port) for machine in lab.hosts.values()]
        access = lab.access
        (directory / "ssh_config").write_text(
            "".join(blocks) + f"Host *\n  User {OPERATOR}\n  IdentityFile {access.operator_key}\n"
            f"  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
            f"  UserKnownHostsFile {access.known_hosts}\n  GlobalKnownHostsFile none\n"
        )
        shutil.copy(access.allowed_signers, directory / "allowed_signers")
        shutil.copy(access.inventory, directory / "inventory.yaml")
        yield directory / "inventory.yaml"


def _block(machine: Machine, near: str | None, port: int) -> str:
    if near is None:
        return f"Host {machine.name}\n  HostName {machine.address}\n  ProxyJump bastion\n"
    return (
        f"Host {machine.name}\n  HostName {near}\n  Port {port}\n  HostKeyAlias {machine.address}\n"
    )
