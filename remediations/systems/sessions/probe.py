"""Asks an item's probe whether it is done. It changes nothing.

1. *Done* is what the probe says in so many words: an answer 200 in JSON that has the declared value
   at the declared place, or exit status 0. *Not yet* is another value there, or exit status 1.
2. Everything else is no answer: another status, a redirect, HTML, a value of another kind, silence.
   It is never taken for *not yet*, so nothing is called on its account.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from remediations.reach.http_exchange import ExchangeFailed
from remediations.render.formats import format_moment
from remediations.render.printable import one_line
from remediations.systems.sessions.exchange import exchange, read_token
from remediations.systems.sessions.inventory import HttpProbe, Item
from remediations.systems.sessions.program import ProgramError, ProgramTimeout, run_program
from remediations.systems.sessions.reading import ProbeAnswer
from remediations.values.reading import Why
from remediations.values.redaction import redacted
from remediations.values.secret import Secret

_OK = 200
_SHOWN = 60
_FIRST, _LATEST = 1, 253_402_300_799
"""Times that count, in seconds since 1970: up to the end of the year 9999."""


class ProbeSilent(Exception):
    """The probe gave no answer, or none that can be used."""

    def __init__(self, what: str, *, why: Why) -> None:
        super().__init__(what)
        self.why = why


def ask_probe(item: Item, planned: Mapping[str, str] | None = None) -> ProbeAnswer:
    """What the probe says now; `planned` are the hashes of programs in the plan, None where there
    is no plan.

    Raises:
        ProbeSilent: it says nothing that can be used.
    """
    probe = item.probe
    if isinstance(probe, HttpProbe):
        return _by_http(item, probe)
    try:
        status = run_program(probe.run, within_s=probe.within_s, planned=planned)
    except ProgramError as error:
        raise ProbeSilent(str(error), why=Why.REFUSED) from None
    except ProgramTimeout as error:
        raise ProbeSilent(str(error), why=Why.TIME_LIMIT) from None
    if status not in (0, 1):
        said = f"{probe.run[0]} ended with {status}, expected 0 (done) or 1 (not yet)"
        raise ProbeSilent(said, why=Why.FAILED)
    told = "done" if status == 0 else "not yet"
    seen = f"{probe.run[0]}: exit {status}, {told}"
    return ProbeAnswer(holds=status == 0, not_before=0, seen=seen)


def _by_http(item: Item, probe: HttpProbe) -> ProbeAnswer:
    try:
        token = None if item.token_file is None else read_token(item.token_file)
        answer = exchange(
            "GET", probe.url, "", token=token, ca_file=item.ca_file, within_s=probe.within_s
        )
    except ExchangeFailed as error:
        raise ProbeSilent(str(error), why=error.why) from None
    if answer.status != _OK:
        redirect = ", a redirect, which is not followed" if 300 <= answer.status < 400 else ""
        raise ProbeSilent(f"it answered {answer.status}{redirect}", why=Why.FAILED)
    try:
        tree = json.loads(answer.content)
    except (ValueError, RecursionError):
        raise ProbeSilent("it answered 200, and not in JSON", why=Why.MALFORMED) from None
    return judge_answer(probe, tree, token)


def judge_answer(probe: HttpProbe, tree: object, token: Secret | None) -> ProbeAnswer:
    """What an answer says.

    Raises:
        ProbeSilent: it has no such value, or one of another kind.
    """
    found = _at(tree, probe.pointer)
    if not probe.equals:
        seconds = _seconds(found)
        if seconds is None:
            said = f"{probe.pointer} is no time (RFC 3339, or seconds since 1970)"
            raise ProbeSilent(said, why=Why.MALFORMED)
        told = "never" if seconds == _FIRST else format_moment(datetime.fromtimestamp(seconds, UTC))
        return ProbeAnswer(holds=False, not_before=seconds, seen=f"{probe.pointer}: {told}")
    wanted = json.loads(probe.equals)
    if type(found) is not type(wanted):
        said = f"{probe.pointer} is of another kind than {probe.equals}"
        raise ProbeSilent(said, why=Why.MALFORMED)
    shown = redacted(one_line(json.dumps(found)), [token] if token else [])[:_SHOWN]
    return ProbeAnswer(holds=found == wanted, not_before=0, seen=f"{probe.pointer}: {shown}")


def _at(tree: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """The value at a pointer (RFC 6901).

    Raises:
        ProbeSilent: there is none.
    """
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(tree, dict) and key in tree:
            tree = tree[key]
        elif isinstance(tree, list) and key.isascii() and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            raise ProbeSilent(f"its answer has nothing at {pointer}", why=Why.MALFORMED)
    return tree


def _seconds(value: object) -> int | None:
    """A time in seconds since 1970, None for anything else. A fraction is cut off: what counts from
    then on is never taken to be later than it is. `null` and 0 say "never": the first second."""
    if value is None:
        return _FIRST
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        return None if at.tzinfo is None else _within(int(at.timestamp()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _within(int(value)) if value == value and abs(value) < _LATEST else None


def _within(seconds: int) -> int | None:
    return max(_FIRST, seconds) if 0 <= seconds <= _LATEST else None
