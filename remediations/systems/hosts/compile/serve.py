"""What the compiling child does: it replies on stdout to requests on stdin, until its parent
ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from gevent import monkey

from remediations.systems.hosts.compile.pyinfra_internals import run_deploy
from remediations.systems.hosts.compile.seal import Rejected, Seal, activate
from remediations.systems.hosts.compile.wire import CompileReply, CompileRequest, Rejection
from remediations.values.wire import decode

PARENT_GONE = 3


def main() -> None:
    """Reply to every line of stdin with one line, until stdin ends."""
    end_with_parent(int(sys.argv[1]))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a deploy prints must not get into the replies
    for line in sys.stdin.buffer:
        replies.write(msgspec.json.encode(compile_reply(decode(line, CompileRequest))) + b"\n")
        replies.flush()


def end_with_parent(control: int) -> None:
    """Exit at once when the other end of `control` closes, whatever the deploy is doing."""

    def wait() -> None:
        while os.read(control, 1):
            pass
        os._exit(PARENT_GONE)

    # A thread, not a greenlet: no greenlet runs while a deploy computes without end.
    monkey.get_original("_thread", "start_new_thread")(wait, ())


def compile_reply(request: CompileRequest) -> CompileReply:
    """Compile one deploy. Whatever it does wrong, the reply is a rejection."""
    seal = Seal()
    activate(seal)
    try:
        code = compile(Path(request.path).read_text("utf-8"), request.path, "exec")
        commands = run_deploy(code, request.path, request.hosts, seal)
    except Rejected as rejected:
        return _rejected(seal, str(rejected))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a deploy may raise anything
        return _rejected(seal, seal.offence or f"raises {type(error).__name__}: {error}")
    return CompileReply(commands=commands, rejection=None)


def _rejected(seal: Seal, did: str) -> CompileReply:
    return CompileReply(commands={}, rejection=Rejection(host=seal.host, did=did))
