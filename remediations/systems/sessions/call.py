"""The process of a call: `python -m remediations.systems.sessions.call DIRECTORY LOCK`.

The driver has claimed the call and holds its lock, which this process inherits as the descriptor
LOCK. It leaves its caller at once, calls once, and keeps what it saw. Whatever ends it before, the
probe of the item tells what became of the call.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from remediations.reach.http_exchange import ExchangeFailed
from remediations.systems.sessions.calls import CallDirectory, CallResult
from remediations.systems.sessions.exchange import exchange, read_token
from remediations.systems.sessions.inventory import CommandCall, HttpCall, Item
from remediations.systems.sessions.program import ProgramError, ProgramTimeout, run_program
from remediations.systems.sessions.steps import ResetOrder


def main(arguments: list[str]) -> int:
    """Leave the caller, call, and keep what was seen."""
    if os.fork():
        return 0
    os.setsid()
    directory, lock = CallDirectory(Path(arguments[0])), int(arguments[1])
    claim = directory.claimed
    assert claim is not None, "the driver has claimed it"
    assert claim.payload is not None, "one that is never called has no process"
    directory.end(call_once(ResetOrder.parse(claim.payload), lock))
    return 0


def call_once(order: ResetOrder, lock: int | None = None) -> CallResult:
    """Make the call of an order, and say what was seen of it."""
    call = order.item.call
    if isinstance(call, HttpCall):
        return _request(order.item, call)
    return _command(order, call, lock)


def _request(item: Item, call: HttpCall) -> CallResult:
    try:
        token = None if item.token_file is None else read_token(item.token_file)
        answer = exchange(
            call.method,
            call.url,
            call.body,
            token=token,
            ca_file=item.ca_file,
            within_s=call.within_s,
        )
    except ExchangeFailed as error:
        return _result(str(error), made=error.sent)
    return _result(f"it answered {answer.status}", made=True)


def _command(order: ResetOrder, call: CommandCall, lock: int | None) -> CallResult:
    try:
        status = run_program(call.run, within_s=call.within_s, planned=order.programs, lock=lock)
    except ProgramError as error:
        return _result(str(error), made=False)
    except ProgramTimeout as error:
        return _result(str(error), made=True)
    return _result(f"it ended with {status}", made=True)


def _result(says: str, *, made: bool) -> CallResult:
    return CallResult(made=made, says=says, at=int(time.time()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
