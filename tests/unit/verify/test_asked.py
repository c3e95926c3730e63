"""What nodes and hosts are asked: silence has a reason, long answers come in pages."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.checks.fleet import FAILURES
from remediations.systems.comet import questions as comet
from remediations.systems.comet.curl import CURL, curl_command
from remediations.systems.comet.rpc import MAX_PAGES
from remediations.systems.comet.rpc_envelope import RpcError
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.comet.values import NodeLocation
from remediations.systems.hosts import questions as hosts
from remediations.systems.hosts.rounds import Question, ask_hosts
from remediations.values.lines import UNLIMITED
from remediations.values.reading import Known, Reading
from tests.unit.model import answers
from tests.unit.verify.local import LocalReach

TARGET = NodeLocation(
    host="val1",
    unit="virtengine.service",
    home="/var/lib/virtengine",
    user="virtengine",
    rpc_url="http://127.0.0.1:26657",
    address="",
    power=10,
)


def urls(question: Question[object]) -> list[str]:
    """What is asked of the RPC, by one curl."""
    assert question.command.startswith(f"{CURL} --max-time 5 -w '\\n' --url ")
    words = shlex.split(question.command)
    found = [words[at + 1] for at, word in enumerate(words) if word == "--url"]
    return [url.removeprefix(f"{TARGET.rpc_url}/") for url in found]


def test_headers_come_in_pages_of_twenty() -> None:
    """`/blockchain` gives no more than twenty headers a call; one command asks for all."""
    question = comet.headers(TARGET, range(1, 46))
    ranges = ((1, 20), (21, 40), (41, 45))
    assert urls(question) == [f"blockchain?minHeight={a}&maxHeight={b}" for a, b in ranges]
    pages = [answers.blockchain(tuple(range(b, a - 1, -1))) for a, b in ranges]
    assert sorted(question.parse(b"\n".join(pages))) == list(range(1, 46))


@pytest.mark.parametrize("change", [lambda pages: pages[:2], lambda pages: [*pages, pages[0]]])
def test_as_many_answers_as_questions(change: Callable[[list[bytes]], list[bytes]]) -> None:
    """One that is missing or too much makes all of them unknown."""
    question = comet.commits(TARGET, (5, 6, 7))
    pages = [answers.commit(height) for height in (5, 6, 7)]
    assert [commit.height for commit in question.parse(b"\n".join(pages) + b"\n")] == [5, 6, 7]
    with pytest.raises(RpcError):
        question.parse(b"\n".join(change(pages)))


def test_indented_answers_are_told_apart() -> None:
    """Some nodes answer in several lines."""
    pages = [answers.commit(height).replace(b", ", b",\n  ") for height in (5, 6)]
    pages = [page.replace(b'{"jsonrpc"', b'{\n  "jsonrpc"') for page in pages]
    question = comet.commits(TARGET, (5, 6))
    assert [commit.height for commit in question.parse(b"\n".join(pages))] == [5, 6]


def test_validators_come_in_pages_of_a_hundred() -> None:
    """The first page tells how many there are; one command asks for all others."""
    first, second = (answers.validators((1,) * 107, page=page) for page in (1, 2))
    question = comet.validators(TARGET, 114)
    assert urls(question) == ["validators?height=114&per_page=100&page=1"]
    more = question.parse(first + b"\n")
    assert isinstance(more, comet.MorePages)
    rest = comet.more_validators(TARGET, 114, more)
    assert urls(rest) == ["validators?height=114&per_page=100&page=2"]
    members = rest.parse(second + b"\n")
    assert (members.height, members.total, len(members.validators)) == (114, 107, 107)


def test_a_small_set_is_one_page() -> None:
    """Four validators are on one page."""
    small = comet.validators(TARGET, 114).parse(answers.validators())
    assert not isinstance(small, comet.MorePages)
    assert small.total == 100


def test_a_set_that_never_ends_is_not_asked_for() -> None:
    """As many pages as a set may have, whatever the node announces."""
    question = comet.validators(TARGET, 114)
    for total in (10_001, 9 * 10**18):
        page = b'{"result":{"block_height":"113","total":"%d","validators":[]}}' % total
        with pytest.raises(RpcError, match="more than 10000 validators announced"):
            question.parse(page)
    page = b'{"result":{"block_height":"113","total":"10000","validators":[]}}'
    most = question.parse(page)
    assert isinstance(most, comet.MorePages)
    assert len(urls(comet.more_validators(TARGET, 114, most))) == MAX_PAGES - 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "-o/tmp/x", "http://h:1/$(touch x)"])
def test_a_url_is_one_and_of_the_rpc_only(url: str, tmp_path: Path) -> None:
    """Neither a file of the host nor an option nor a command, whoever wrote the plan."""
    done = subprocess.run(
        ["sh", "-c", curl_command(url, seconds=1)], capture_output=True, cwd=tmp_path
    )
    assert done.returncode != 0
    assert done.stdout.strip() == b""
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def local(tmp_path: Path) -> LocalReach:
    return LocalReach(tmp_path)


def read(local: LocalReach, question: Question[object]) -> Reading[object]:
    """What this machine answers."""
    return ask_hosts(local, {"val1": (question,)})["val1"].to(question)


def value(local: LocalReach, question: Question[object]) -> object:
    reading = read(local, question)
    assert isinstance(reading, Known), reading
    return reading.value


def reason(local: LocalReach, question: Question[object]) -> str:
    reading = read(local, question)
    assert not isinstance(reading, Known), reading
    return reading.reason


def test_silence_of_the_rpc_names_node_and_question(local: LocalReach) -> None:
    """Nothing listens at that port."""
    nobody = replace(TARGET, rpc_url="http://127.0.0.1:1")
    assert reason(local, comet.status(nobody)) == "val1: status did not answer (curl exit 7)"


def test_a_sign_state_is_looked_into_as_by_a_reading(local: LocalReach, tmp_path: Path) -> None:
    """Height, round and step, and no byte of anything that is not one."""
    state = tmp_path / "data/priv_validator_state.json"
    state.parent.mkdir()
    question = comet.sign_state(replace(TARGET, home=str(tmp_path)))
    state.write_text('{"height": "7", "round": 1, "step": 2, "signature": "AAAA"}')
    reading = value(local, question)
    assert getattr(reading, "hrs", None) == (7, 1, 2)
    state.write_text('{"height": "SECRET", "round": 1, "step": 2}')
    assert reason(local, question) == (
        "val1: the sign state cannot be read: it is not what CometBFT writes"
    )
    state.unlink()
    state.symlink_to("/etc/shadow")
    assert reason(local, question).endswith("cannot be read: it is not a regular file")


INVOCATION = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo INF executed block", ""),
        ("exit 0", ""),
        ("echo 'E CONSENSUS FAILURE!!!'", "E CONSENSUS FAILURE!!!"),
        ("echo 'panic: token=abcdefgh'", "panic: token=[masked]"),
        ("echo INF; exit 1", "the journal was not searched"),
        ("head -c 400000000 /dev/zero | tr '\\0' x", None),
        (f'[ "$5" = _SYSTEMD_INVOCATION_ID={INVOCATION} ] || echo CONSENSUS FAILURE', ""),
    ],
)
def test_a_journal_that_was_not_searched_proves_nothing(
    local: LocalReach, script: str, found: str | None
) -> None:
    """journalctl that fails is found; a message that is too long for grep fails the check."""
    local.tool("systemctl", f"#!/bin/sh\necho {INVOCATION}\n")
    local.tool("journalctl", f"#!/bin/sh\n{script}\n")
    question = hosts.journal_since_start("a.service", FAILURES, CREDENTIALS)
    if found is None:
        assert "the journal cannot be read" in reason(local, question)
    else:
        assert value(local, question) == found


@pytest.mark.parametrize("said", ["", "x\n", f"{INVOCATION.upper()}\n"])
def test_a_unit_that_was_never_started_has_no_journal(local: LocalReach, said: str) -> None:
    """Without an invocation there is nothing to search, and that is no success."""
    local.tool("systemctl", f"#!/bin/sh\nprintf '{said}'\n")
    local.tool("journalctl", "#!/bin/sh\nexit 0\n")
    question = hosts.journal_since_start("a.service", FAILURES, CREDENTIALS)
    assert "it was not started" in reason(local, question)


@pytest.mark.parametrize(("status", "active"), [(0, True), (3, False), (4, False), (1, None)])
def test_a_unit_runs_where_systemd_says_so(
    local: LocalReach, status: int, active: bool | None
) -> None:
    """A systemd that cannot be asked is not a unit that is down."""
    local.tool("systemctl", f"#!/bin/sh\nexit {status}\n")
    question = hosts.unit_active("a.service")
    if active is None:
        assert "does not say whether it runs" in reason(local, question)
    else:
        assert value(local, question) is active


def test_the_program_below_a_wrapper_is_told_as_well(local: LocalReach) -> None:
    """A shell that started another program: first its own, then that one."""
    sleeper = str(Path(shutil.which("sleep") or "").resolve())
    with subprocess.Popen(["bash", "-c", "sleep 60; :"], start_new_session=True) as wrapper:
        try:
            children = Path(f"/proc/{wrapper.pid}/task/{wrapper.pid}/children")
            while not children.read_text().strip():
                time.sleep(0.01)
            local.tool("systemctl", f"#!/bin/sh\necho {wrapper.pid}\n")
            programs = value(local, hosts.running_programs("a.service"))
        finally:
            os.killpg(wrapper.pid, signal.SIGKILL)
    shell = str(Path(shutil.which("bash") or "").resolve())
    hashes = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in (shell, sleeper)]
    assert programs == tuple(hashes)


def test_the_program_is_the_one_that_runs(local: LocalReach) -> None:
    """By the main process of the unit; without one there is nothing to compare."""
    local.tool("systemctl", "#!/bin/sh\necho $PPID\n")
    digests = value(local, hosts.running_programs("a.service"))
    assert isinstance(digests, tuple)
    assert {len(digest) for digest in digests} == {64}
    local.tool("systemctl", "#!/bin/sh\necho 0\n")
    assert "/proc/0/exe" in reason(local, hosts.running_programs("a.service"))


def test_a_process_is_known_by_its_start(local: LocalReach) -> None:
    """One that is gone has none."""
    ticks = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    assert value(local, hosts.process_start(1)) == int(ticks)
    assert value(local, hosts.process_start(4_194_305)) is None


def test_a_foreign_file_is_named(local: LocalReach, tmp_path: Path) -> None:
    """By its path; a directory that cannot be searched proves nothing."""
    data = tmp_path / "da ta"
    data.mkdir()
    owner = data.owner()
    assert value(local, hosts.foreign_file(str(data), owner)) == ""
    assert value(local, hosts.foreign_file(str(data), "nobody")) == str(data)
    assert "No such file" in reason(local, hosts.foreign_file(f"{data}/none", owner))


def test_the_room_that_is_left(local: LocalReach, tmp_path: Path) -> None:
    """A file system without a fixed number of inodes has no lack of them."""
    told = value(local, hosts.room_left(str(tmp_path)))
    assert isinstance(told, hosts.RoomLeft)
    assert told.available > 0
    local.tool("df", "#!/bin/sh\nprintf 'Avail IFree Inodes\\n 7 0 0\\n'\n")
    assert value(local, hosts.room_left("/x")) == hosts.RoomLeft(7, UNLIMITED)
    local.tool("df", "#!/bin/sh\nexit 1\n")
    assert reason(local, hosts.room_left("/x"))


def test_the_limit_of_the_process_that_runs(local: LocalReach) -> None:
    """That of its main process; a unit without one has none."""
    local.tool("systemctl", "#!/bin/sh\necho $PPID\n")
    found = value(local, hosts.open_files("a.service"))
    assert isinstance(found, hosts.OpenFiles)
    assert found.most >= found.limit > 0
    local.tool("systemctl", "#!/bin/sh\necho 0\n")
    assert reason(local, hosts.open_files("a.service"))
