"""A light poll of readers while a plan is applied, for gates, display and checks.

As root, since a key file is not everybody's: which key it has, whose it is, what the unit does, and
whether it answers. It prints fingerprints, and nothing of a key.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable

from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.hosts.program import root_command, shell_text
from remediations.systems.keyfile.parse import parse_key_file, parse_ready, parse_unit
from remediations.systems.keyfile.reading import KeyFile, ReaderUnit
from remediations.values.lines import TextError
from remediations.values.record import Record

POLL_LIMIT_S = 8
_MAIN = r"""
flaw=$(keyfile_flaw "$file")
printf 'flaw=%s\n' "$flaw"
if [ -z "$flaw" ]; then
  printf 'shown=%s\n' "$(stat -c '%U %G %a' -- "$file")"
  printf 'fingerprint=%s\n' "$(keyfile_fingerprint "$form" "$file")"
fi
[ ! -e "$former" ] && [ ! -L "$former" ] && echo former=gone || echo former=there
[ -z "$unit" ] || systemctl show -p LoadState -p ActiveState -p SubState -p InvocationID \
  -p StateChangeTimestampMonotonic -p CanReload -- "$unit"
case $ready in
  '') ;;
  http:*) printf 'ready=%s\n' "$(curl -q -sSg --proto =http --noproxy '*' --max-time 2 \
    -o /dev/null -w '%{http_code}' --url "$ready" 2>/dev/null)" ;;
  *) printf 'ready=%s\n' "$(systemctl show -p ActiveState --value -- "$ready")" ;;
esac
"""


class ReaderTarget(Record, frozen=True, kw_only=True):
    """A reader that is asked. `former` is where its former key lies."""

    host: str
    file: str
    form: str
    former: str
    unit: str
    ready: str


class ReaderPoll(Record, frozen=True, kw_only=True):
    """One reader at one moment; None for what was not told. `former` is whether a former key lies
    beside. `trouble` is why there is nothing at all."""

    file: KeyFile | None = None
    unit: ReaderUnit | None = None
    ready: str = ""
    former: bool | None = None
    trouble: str = ""


async def poll_readers(reach: Reach, targets: Iterable[ReaderTarget]) -> dict[str, ReaderPoll]:
    """Polls all readers at once. The poll of one that cannot be asked says why."""
    asked = list(targets)
    polls = await asyncio.gather(*(_poll(reach, one) for one in asked))
    return {one.host: poll for one, poll in zip(asked, polls, strict=True)}


async def _poll(reach: Reach, target: ReaderTarget) -> ReaderPoll:
    try:
        async with asyncio.timeout(POLL_LIMIT_S):
            connection = await reach.connect(target.host)
            done = await connection.run(poll_command(target), timeout_s=POLL_LIMIT_S - 0.5)
            return read_poll(done.stdout)
    except (HostUnreachable, TimeoutError):
        return ReaderPoll(trouble="the host does not answer")


def poll_command(target: ReaderTarget) -> str:
    """The shell line that asks a reader."""
    return root_command(poll_text(target), POLL_LIMIT_S - 2)


def poll_text(target: ReaderTarget) -> str:
    """The program for sh, as root."""
    values = {
        "file": target.file,
        "form": target.form,
        "former": target.former,
        "unit": target.unit,
        "ready": target.ready,
    }
    told = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return f"{told}\n{shell_text('key_file.sh')}{_MAIN}"


def read_poll(said: bytes) -> ReaderPoll:
    """What a host answered. Pure; anything malformed is no answer."""
    text = said.decode("ascii", "replace")
    shown = dict(line.partition("=")[::2] for line in text.split("\n") if "=" in line)
    if "flaw" not in shown or "former" not in shown:
        return ReaderPoll(trouble="the host gave no answer that can be used")
    try:
        return ReaderPoll(
            file=parse_key_file(text),
            unit=parse_unit(text) if "LoadState" in shown else None,
            ready=parse_ready(shown["ready"]) if shown.get("ready") else "",
            former=shown["former"] == "there",
        )
    except TextError as error:
        return ReaderPoll(trouble=str(error))
