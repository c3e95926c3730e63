"""Compiling: what is kept, what is refused, and that the same data give the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.errors import MachineError, Refused, UsageError
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.programs import restart_text, start_text
from remediations.systems.hosts.compile import Compiler, compile_deploy
from remediations.systems.hosts.compile import compiler as compiler_module
from remediations.systems.hosts.compile.compiler import deploys_directory
from remediations.systems.hosts.compile.process import CompileChild
from tests.worlds.jail import OPERATOR

DATA: dict[str, str | int] = {
    "unit": "virtengined.service",
    "home": "/var/lib/virtengine",
    "user": "virtengine",
    "address": "0A1B2C3D4E5F60718293A4B5C6D7E8F901234567",
    "sign_height": 40,
    "sign_round": 0,
    "sign_step": 3,
    "stop_timeout_s": 20,
}
SETTINGS = {
    "double_sign_check_height": 10,
    "halt_height": 0,
    "halt_time": 0,
    "new_double_sign_check_height": 0,
    "new_halt_height": 0,
    "new_halt_time": 0,
}

HEAD = """
from pyinfra import host
from pyinfra.operations import files, python, server
from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node
"""
GOOD = "operations.start(planned=planned_node('start'), name='start', _sudo=True)\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deploys")


@pytest.fixture(scope="module")
def compiler(directory: Path) -> Iterator[Compiler]:
    with Compiler(directory) as compiler:
        yield compiler


def refusal(compiler: Compiler, directory: Path, body: str) -> Refused:
    (directory / "deploy_under_test.py").write_text(HEAD + body)
    with pytest.raises(Refused) as caught:
        compiler.compile_deploy("deploy_under_test", {"val1": DATA})
    return caught.value


def test_the_text_is_the_bare_program() -> None:
    """What is compiled is the program itself: no sudo, no sh -c, with its declared outcome."""
    commands = compile_deploy("chain/start_node", {"val1": DATA})
    (command,) = commands["val1"]
    assert command.text == start_text(PlannedNode.from_data(DATA))
    assert command.operation == "node.start"
    assert command.timeout_s == 120
    assert command.fidelity == "conditional"
    assert command.probe
    assert command.undo


def test_each_host_gets_its_own_data() -> None:
    """Hosts come back in the order given, each with a text of its own."""
    hosts = {"val2": {**DATA, "unit": "a.service"}, "val1": {**DATA, "unit": "b.service"}}
    commands = compile_deploy("chain/restart_node", hosts)
    assert list(commands) == ["val2", "val1"]
    assert [c.text for c in commands["val1"]] == [
        restart_text(PlannedNode.from_data(hosts["val1"]))
    ]


def test_every_shipped_deploy_compiles() -> None:
    """Each file in deploys/chain/ yields something from the data that a playbook gives."""
    program: dict[str, str | int] = {"path": "/a/b", "sha256": "a" * 64, "replaces": "b" * 64}
    rollback: dict[str, str | int] = {"stands_at": 2, "header_hash": "AB"}
    ways = {"obstacles": '["route blackhole 10.0.0.2"]'}
    room: dict[str, str | int] = {
        "remove": '["core /var/lib/virtengine/core 1 2 3 1"]',
        "journal": 0,
    }
    limit: dict[str, str | int] = {"open_files": 1024, "new_open_files": 65535}
    of_copy = {"chain_id": "a-1", "donor": "full1", "app_hash": "", "backend": "goleveldb"}
    copy: dict[str, str | int] = {**of_copy, "height": 9, "bytes": 9, "copy": "a" * 64}
    sent = {"rpc": "http://127.0.0.1:26657", "operator": OPERATOR, "fee": "", "memo": ""}
    transaction: dict[str, str | int] = {**sent, "account_number": 1, "sequence": 1}
    sync: dict[str, str | int] = {
        "trust_height": 90,
        "trust_hash": "A" * 64,
        "servers": "http://10.0.0.1:26657,http://10.0.0.2:26657",
        "settings": 'enable=false rpc_servers="" trust_height=0 trust_hash="" trust_period="1h"',
    }
    home = DATA["home"]
    below: dict[str, str | int] = {
        "name": "ve",
        "current": f"{home}/cosmovisor/genesis/bin/ve",
        "current_sha256": "c" * 64,
        "place": f"{home}/cosmovisor/upgrades/v2/bin/ve",
        "upgrade": "v2",
        "upgrade_info": "",
        "backup": 0,
        "was": "disabled",
    }
    given = {
        **DATA,
        **program,
        **SETTINGS,
        **rollback,
        **ways,
        **room,
        **limit,
        **copy,
        **sync,
        **transaction,
        **below,
    }
    with Compiler() as compiler:
        for path in (deploys_directory() / "chain").glob("*.py"):
            assert compiler.compile_deploy(f"chain/{path.stem}", {"val1": given})["val1"]


def test_a_deploy_that_imports_paramiko_gets_the_real_one(
    compiler: Compiler, directory: Path
) -> None:
    """Something stands in for it only while pyinfra is imported, which names classes of it."""
    used = "import paramiko\nfrom paramiko.agent import Agent\npreparing = paramiko.SSHClient()\n"
    (directory / "with_paramiko.py").write_text(f"{HEAD}{used}{GOOD}")
    assert compiler.compile_deploy("with_paramiko", {"val1": DATA})["val1"]


def test_a_hundred_hosts_are_compiled_together() -> None:
    """Each gets its own commands."""
    hosts = {f"val{number}": DATA for number in range(100)}
    compiled = compile_deploy("chain/start_node", hosts)
    assert list(compiled) == list(hosts)
    assert all(compiled.values())


@pytest.mark.parametrize(
    ("body", "did"),
    [
        (
            "from pyinfra.facts.server import Hostname\nhost.get_fact(Hostname)\n",
            "the fact Hostname",
        ),
        ("host.run_shell_command('id')\n", "would run on the host: 'id'"),
        ("python.call(name='x', function=print, _sudo=True)\n", "calls a Python function"),
        ("files.put(name='x', src=__file__, dest='/x', _sudo=True)\n", "the fact"),
        ("server.shell(name='x', commands=['id'], _sudo=True)\n", "without a declared outcome"),
        (GOOD.replace("_sudo=True", "_sudo=True, _sudo_user='x'"), "argument _sudo_user"),
        (GOOD.replace("_sudo=True", "_sudo=True, _env={'A': 'b'}"), "argument _env"),
        (GOOD.replace("_sudo=True", "_sudo=True, _if=lambda: True"), "argument _if"),
        (GOOD.replace("_sudo=True", "_sudo=True, _serial=True"), "argument _serial"),
        (GOOD.replace("_sudo=True", "_sudo=True, _run_once=True"), "argument _run_once"),
        (GOOD.replace(", _sudo=True", ""), "without _sudo=True"),
        ("import subprocess\nsubprocess.run(['true'])\n" + GOOD, "leaves the process"),
        ("import socket\nsocket.getaddrinfo('localhost', 1)\n" + GOOD, "leaves the process"),
        ("import os\nos.system('true')\n" + GOOD, "leaves the process"),
        ("", "yields no command"),
        ("1/0\n", "raises ZeroDivisionError"),
        ("def\n", "raises SyntaxError"),
        ("import sys\nsys.exit(0)\n", "raises SystemExit"),
    ],
)
def test_what_cannot_be_compiled_is_refused(
    compiler: Compiler, directory: Path, body: str, did: str
) -> None:
    """The refusal names the deploy, the host and what it did."""
    error = refusal(compiler, directory, body)
    assert did in error.got
    assert "deploy_under_test" in error.what
    assert "SyntaxError" in error.got or "val1" in error.what


def test_a_swallowed_contact_is_refused_all_the_same(compiler: Compiler, directory: Path) -> None:
    """try/except around a contact hides nothing, not even a bare one."""
    body = "try:\n    host.run_shell_command('id')\nexcept BaseException:\n    pass\n" + GOOD
    assert "would run on the host" in refusal(compiler, directory, body).got


@pytest.mark.parametrize(
    "value", ["hash('virtengine')", "__import__('uuid').uuid4().int", "__import__('os').getpid()"]
)
def test_what_differs_the_second_time_is_refused(
    compiler: Compiler, directory: Path, value: str
) -> None:
    """Hash seeds, random numbers and processes differ between the two children."""
    body = f"host.data.sign_height = abs({value}) % 10**15\n" + GOOD
    assert "when it is compiled again" in refusal(compiler, directory, body).got


def test_printing_does_not_disturb_the_answer(compiler: Compiler, directory: Path) -> None:
    """A deploy's prints go elsewhere, and it compiles."""
    (directory / "chatty.py").write_text(HEAD + "print('{}')\n" + GOOD)
    assert compiler.compile_deploy("chatty", {"val1": DATA})["val1"]


def test_a_refusal_does_not_spoil_the_next_compilation(compiler: Compiler, directory: Path) -> None:
    """The children answer on after a deploy that raised half-way."""
    refusal(compiler, directory, "host.run_shell_command('id')\n")
    (directory / "good.py").write_text(HEAD + GOOD)
    assert compiler.compile_deploy("good", {"val1": DATA})["val1"]


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("no_such_deploy", {"val1": DATA}),
        ("chain/../chain/start_node", {"val1": DATA}),
        ("chain/start_node", {}),
        ("chain/start_node", {"val1": {**DATA, "_sudo_user": "x"}}),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    name: str, hosts: dict[str, dict[str, str | int]]
) -> None:
    """Unknown deploys, no hosts, and data that would be pyinfra's own arguments."""
    with pytest.raises(UsageError):
        compile_deploy(name, hosts)


def test_malformed_data_are_refused_with_their_field() -> None:
    """A reading that was unknown ("" for the unit) never becomes a command."""
    with pytest.raises(Refused) as caught:
        compile_deploy("chain/start_node", {"val1": {**DATA, "unit": ""}})
    assert "unit is ''" in caught.value.got


def test_children_start_before_they_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """On entering, so that hosts can be read meanwhile; both are ended where one does not start."""
    started: list[int] = []
    closed: list[int] = []

    class Fake:
        def __init__(self, seed: int) -> None:
            if seed in refused:
                raise MachineError("x", guard="x", got="x", expected="x", next_step="x")
            self.seed = seed
            started.append(seed)

        def close(self) -> None:
            closed.append(self.seed)

    monkeypatch.setattr(compiler_module, "CompileChild", Fake)
    refused: set[int] = set()
    with Compiler():
        assert (started, closed) == ([1, 2], [])
    assert sorted(closed) == [1, 2]
    refused.add(2)
    closed.clear()
    with pytest.raises(MachineError), Compiler():
        pass
    assert closed == [1]


def test_a_child_that_dies_is_a_machine_error(compiler: Compiler, directory: Path) -> None:
    """Its last words are in the message."""
    (directory / "dies.py").write_text(
        "import os, sys\nos.write(2, b'last words\\n')\nos._exit(1)\n"
    )
    with Compiler(directory) as mortal, pytest.raises(MachineError) as caught:
        mortal.compile_deploy("dies", {"val1": DATA})
    assert caught.value.got == "last words"


def test_a_child_that_never_ends_is_killed(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy that computes for ever ends with the time limit."""
    monkeypatch.setattr("remediations.systems.hosts.compile.process.LIMIT_S", 1.5)
    (directory / "endless.py").write_text("while True:\n    pass\n")
    with Compiler(directory) as endless, pytest.raises(MachineError, match="took longer"):
        endless.compile_deploy("endless", {"val1": DATA})


def test_children_end_when_their_parent_is_killed(directory: Path) -> None:
    """Also while a deploy computes: nothing is left behind."""
    (directory / "endless.py").write_text("while True:\n    pass\n")
    program = (
        "from pathlib import Path\n"
        "from remediations.systems.hosts.compile.process import CompileChild\n"
        "from remediations.systems.hosts.compile.wire import CompileRequest\n"
        "child = CompileChild(1)\n"
        f"child.send(CompileRequest(path={str(directory / 'endless.py')!r}, hosts={{'v': {{}}}}))\n"
        "print(child._process.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.7)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_child_has_a_session_of_its_own() -> None:
    """Ctrl-C on the terminal does not reach it."""
    child = CompileChild(1)
    try:
        assert os.getsid(child._process.pid) == child._process.pid
    finally:
        child.close()
        child.close()
    assert child._process.returncode == -signal.SIGKILL


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_child_that_is_closed_while_it_is_asked_ends_the_asking() -> None:
    """Ctrl-C closes it from another thread: whoever waits for its answer is told at once, instead
    of looking at a closed descriptor until the time limit."""
    for _ in range(5):
        child = CompileChild(1)
        said: list[MachineError] = []

        def ask(child: CompileChild = child, said: list[MachineError] = said) -> None:
            with pytest.raises(MachineError) as caught:
                child.receive("start_node")
            said.append(caught.value)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        time.sleep(0.05)
        child.close()
        asking.join(10)
        assert [error.what for error in said] == ["the compiling child died over start_node"]
