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
"""On the host, for writing a part of a file, or for hashing and flushing a small one."""
BYTES_PER_S = 50_000_000
"""A slow disk: a big file is hashed and flushed in so much more time."""
LARGEST_LIMIT_S = 4 * 3600
"""For hashing a file whose size is not known."""
PART_BYTES = 4 << 20
"""So many are read at once (files.sh)."""
ANSWER_BYTES = 4096
_ANSWER = re.compile(r"(there|ready)\n")
_SIZE = re.compile(r"([0-9]{1,12})\n")
_ROOM, _GONE, _ABSENT, _OTHER_HASH, _UNSAFE = 75, 74, 73, 66, 77
_MEANINGS = {
    _ABSENT: "the host does not keep that file",
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
        limit = _limit_of(size)
        return self._word(await self._call(target, "begin", sha256, size, token, limit)) == "there"

    async def append(self, target: str, sha256: str, offset: int, token: str, chunk: bytes) -> None:
        """Add the bytes from `offset` on. Where the connection is lost it is done again on a new
        one.

        Raises:
            NotKept: the host did not take them, or did not answer.
        """
        self._word(await self._call(target, "append", sha256, offset, token, stdin=chunk))

    async def finish(self, target: str, sha256: str, size: int, token: str) -> None:
        """Compare what arrived, and give it its name.

        Raises:
            NotKept: it is not what was sent, or the host did not answer.
        """
        self._word(await self._call(target, "finish", sha256, size, token, _limit_of(size)))

    async def size(self, target: str, sha256: str, token: str) -> int:
        """The size of a file that is kept, whose hash is computed anew.

        Raises:
            NotKept: the host does not have it, or has other bytes under its name, or did not
                answer.
        """
        done = await self._call(target, "size", sha256, 0, token, LARGEST_LIMIT_S)
        answer = _SIZE.fullmatch(done.stdout.decode(errors="replace"))
        if done.exit_status != 0 or answer is None:
            raise _not_kept(done)
        return int(answer.group(1))

    async def read(self, target: str, sha256: str, offset: int, token: str) -> bytes:
        """The bytes from `offset` on, at most `PART_BYTES`; none at the end.

        Raises:
            NotKept: the host does not have it, or did not answer.
        """
        done = await self._call(target, "read", sha256, offset, token)
        if done.exit_status != 0 or done.truncated:
            raise _not_kept(done)
        return done.stdout

    def _word(self, done: Completed) -> str:
        answer = _ANSWER.fullmatch(done.stdout.decode(errors="replace"))
        if done.exit_status != 0 or answer is None:
            raise _not_kept(done)
        return answer.group(1)

    async def _call(
        self,
        host: str,
        verb: str,
        sha256: str,
        number: int,
        token: str,
        limit_s: int = FILE_LIMIT_S,
        stdin: bytes = b"",
    ) -> Completed:
        words = shlex.join((verb, sha256, str(number), token))
        program = shlex.quote(FILES)
        text = f"sudo -n timeout {limit_s} /bin/sh -c {program} remediate {words}"
        return await self._run(host, text, stdin, limit_s, again=verb in ("append", "read"))

    async def _run(
        self, host: str, text: str, stdin: bytes, limit_s: int, *, again: bool
    ) -> Completed:
        try:
            connection = await self._reach.connect(host)
        except HostUnreachable as error:
            raise NotKept(_lost(error), silent=True) from error
        try:
            done = await connection.run(
                text, stdin=stdin, timeout_s=limit_s + 5.0, max_bytes=ANSWER_BYTES + PART_BYTES
            )
            if done.exit_status is None or done.truncated:
                self._reach.forget(host, connection)  # it may be open, and lead nowhere
            return done
        except HostUnreachable as error:
            self._reach.forget(host, connection)
            if not again:
                raise NotKept(_lost(error), silent=True) from error
        return await self._run(host, text, stdin, limit_s, again=False)


def _limit_of(size: int) -> int:
    """Seconds for hashing and flushing so many bytes."""
    return FILE_LIMIT_S + size // BYTES_PER_S


def _not_kept(done: Completed) -> NotKept:
    return NotKept(_refusal(done), silent=done.exit_status is None)


def _lost(error: HostUnreachable) -> str:
    return one_line(f"{error.what} ({error.guard}: {error.got})")


def _refusal(done: Completed) -> str:
    """Why there is no usable answer; of the host's words one line, made safe."""
    if done.exit_status is None:
        return "no answer in time"
    said = one_line(" ".join(done.stderr.decode(errors="replace").split()))[-300:]
    meaning = _MEANINGS.get(done.exit_status, f"it ended with {done.exit_status}")
    return f"{meaning}: {said or 'no message'}"
