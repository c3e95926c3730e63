"""Figure 9: golden vectors of a hundred services, beside the bare requests."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

from remediations.systems.scorer.answers import AnswerForm, canonical_answer
from remediations.systems.scorer.values import GoldenVector, GoldenVectors
from tests.bench.cost import Contestant, interleaved
from tests.bench.estate import Estate, estate
from tests.bench.figure import Figure, Line
from tests.bench.scorer_server import ANSWER, SERVICE_S
from tests.bench.sshd import RUN, START_LIMIT_S, Way, free_port

GOAL = 1.25
VECTORS = 3
TIMEOUT_MS = 5000
PEER = "bare asyncssh and curl"
REQUEST = '{"instances": [[0.5, 0.25]]}'
GOLDEN = GoldenVectors(
    model="0" * 64,
    form=AnswerForm.FLOAT32,
    vectors=tuple(
        GoldenVector(
            name=f"vector-{number}",
            request=REQUEST,
            answer=canonical_answer(ANSWER.decode(), AnswerForm.FLOAT32),
        )
        for number in range(VECTORS)
    ),
)


def measure(names: int, rounds: int, way: Way) -> Figure:
    """The figure. Whole processes, from their start to their end."""
    title = "Golden vectors of all validators"
    if way is Way.ASYNCSSH:
        reason = "needs OpenSSH's sshd: the other server runs no commands"
        return Figure(id="9", title=title, rounds=0, not_measured=reason)
    with estate(names, way, RUN) as made, _scorer() as url:
        costs = interleaved({"bare": _bare(made, url), "poll": _poll(made, url)}, rounds)
    poll, bare = costs["poll"], costs["bare"]
    what = f"{names} services, {VECTORS} vectors each"
    return Figure(
        id="9",
        title=title,
        rounds=rounds,
        lines=(
            Line(
                what=what,
                value=poll.wall_s,
                unit="s",
                peer=PEER,
                peer_value=bare.wall_s,
                goal=GOAL,
            ),
            Line(what=what, value=poll.cpu_s, unit="s CPU", peer=PEER, peer_value=bare.cpu_s),
        ),
        notes=(
            f"served by: {way}; one service on loopback takes {SERVICE_S * 1000:.0f} ms for each "
            "request and answers all hosts at once",
            "the peer sends the same requests by the same program, all hosts at once, and throws "
            "the answers away; ours compares them bit by bit and asks for the unit's invocation",
        ),
    )


def _poll(made: Estate, url: str) -> Contestant:
    return made.python("tests.bench.poll", str(made.path), url)


def _bare(made: Estate, url: str) -> Contestant:
    """The same hosts, with curl as their command, once for each vector."""
    bare = replace(made, path=made.path / "bare")
    bare.path.mkdir()
    bare.write()
    request = f"curl -q -sS -H 'Content-Type: application/json' -H Expect: --noproxy '*' \
--max-time {TIMEOUT_MS / 1000} --data-binary {shlex.quote(REQUEST)} --url {shlex.quote(url)}"
    (bare.path / "command").write_text("\n".join([request] * VECTORS))
    (bare.path / "program").write_bytes(b"")
    return bare.python("tests.bench.bare", str(bare.path))


@contextlib.contextmanager
def _scorer() -> Iterator[str]:
    """A service on loopback, while the block runs; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1/models/m:predict"
    words = (sys.executable, "-m", "tests.bench.scorer_server", str(port))
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        request = urllib.request.Request(url, data=REQUEST.encode())
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the service does not listen")
