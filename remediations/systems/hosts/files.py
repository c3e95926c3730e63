"""Files on hosts, over SSH: kept by the SHA-256 of their content, where only root can change
them."""

from __future__ import annotations

import re
import shlex

from remediations.engine.stage.keeper import NotKept
from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.ssh import SshReach
from remediations.render.printable import one_line
from remediations.systems.hosts.program import shell_text

FILES = shell_text("root_only.sh") + shell_text("files.sh")
DIRECTORY = "/var/lib/remediate/files"
FILE_LIMIT_S = 120
"""On the host, for hashing and flushing a whole file, or for writing a part of it."""
ANSWER_BYTES = 4096
_ANSWER = re.compile(r"(there|ready)\n")
_ROOM, _GONE, _OTHER_HASH, _UNSAFE = 75, 74, 66, 77
_MEANINGS = {
    _ROOM: "there is not enough room",
    _GONE: "what was sent so far is gone",
    _OTHER_HASH: "other bytes arrived than were sent, or the file changed meanwhile",
    _UNSAFE: "the files would not be safe there: all directories above must be root's alone",
}


class HostFiles:
    """The `FileKeeper` for hosts of the inventory."""

    def __init__(self, reach: SshReach) -> None:
        self._reach = reach

    async def begin(self, target: str, sha256: str, size: int, token: str) -> bool:
        """Get ready to receive; True if the file is there already.

        Raises:
            NotKept: the host cannot keep it, or did not answer.
        """
        return await self._call(target, "begin", sha256, size, token) == "there"

    async def append(self, target: str, sha256: str, offset: int, token: str, chunk: bytes) -> None:
        """Add the bytes from `offset` on. Where the connection is lost it is done again on a new
        one.

        Raises:
            NotKept: the host did not take them, or did not answer.
        """
        await self._call(target, "append", sha256, offset, token, chunk)

    async def finish(self, target: str, sha256: str, size: int, token: str) -> None:
        """Compare what arrived, and give it its name.

        Raises:
            NotKept: it is not what was sent, or the host did not answer.
        """
        await self._call(target, "finish", sha256, size, token)

    async def _call(
        self, host: str, verb: str, sha256: str, number: int, token: str, stdin: bytes = b""
    ) -> str:
        words = shlex.join((verb, sha256, str(number), token))
        program = shlex.quote(FILES)
        text = f"sudo -n timeout {FILE_LIMIT_S} /bin/sh -c {program} remediate {words}"
        done = await self._run(host, text, stdin, again=verb == "append")
        answer = _ANSWER.fullmatch(done.stdout.decode(errors="replace"))
        if done.exit_status != 0 or answer is None:
            raise NotKept(_refusal(done), silent=done.exit_status is None)
        return answer.group(1)

    async def _run(self, host: str, text: str, stdin: bytes, *, again: bool) -> Completed:
        try:
            connection = await self._reach.connect(host)
        except HostUnreachable as error:
            raise NotKept(_lost(error), silent=True) from error
        try:
            done = await connection.run(
                text, stdin=stdin, timeout_s=FILE_LIMIT_S + 5.0, max_bytes=ANSWER_BYTES
            )
            if done.exit_status is None or done.truncated:
                self._reach.forget(host, connection)  # it may be open, and lead nowhere
            return done
        except HostUnreachable as error:
            self._reach.forget(host, connection)
            if not again:
                raise NotKept(_lost(error), silent=True) from error
        return await self._run(host, text, stdin, again=False)


def _lost(error: HostUnreachable) -> str:
    return one_line(f"{error.what} ({error.guard}: {error.got})")


def _refusal(done: Completed) -> str:
    """Why there is no usable answer; of the host's words one line, made safe."""
    if done.exit_status is None:
        return f"no answer within {FILE_LIMIT_S} s"
    said = one_line(" ".join(done.stderr.decode(errors="replace").split()))[-300:]
    meaning = _MEANINGS.get(done.exit_status, f"it ended with {done.exit_status}")
    return f"{meaning}: {said or 'no message'}"
