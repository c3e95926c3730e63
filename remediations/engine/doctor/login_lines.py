"""Why a host could not be read, and the commands with which people reach it by hand. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from remediations.engine.doctor.examination import Examination
from remediations.engine.doctor.line import DoctorLine, lack_line, ok_line
from remediations.reach.connection import HostUnreachable
from remediations.reach.routes import HostKeyStatus
from remediations.values.inventory import HostEntry


@dataclass(frozen=True, slots=True)
class SshCommand:
    """Makes ssh commands for people to paste. `name` is the argument of ssh; `config` is the
    inventory's ssh_config, None for OpenSSH's own files."""

    name: str
    config: str | None

    def login(self, *options: str) -> str:
        """The command that logs in. Use `run` to run something there."""
        config = () if self.config is None else ("-F", self.config)
        return shlex.join(("ssh", *options, *config, self.name))

    def run(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """The command that runs `words` there.

        They are quoted twice: ssh(1) joins its arguments with blanks, and the shell on the host
        parses the result again. With one level of quotes, a file name could run as a program there.
        """
        return f"{self.login(*options)} {shlex.quote(shlex.join(words))}"


STRICT = "strict host keys"
"""The guard that refuses a host for its key."""
FINGERPRINT = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on its console"


def login_lines(
    host: str,
    reason: str,
    refusal: HostUnreachable | None,
    door: HostKeyStatus | None,
    ssh: SshCommand,
) -> tuple[DoctorLine, ...]:
    """The login that failed and, where known, the state of the host's key. `ssh` makes the commands
    by which people reach the host."""
    login = (
        lack_line(host, "login", f"{refusal.guard}: {refusal.got}", refusal.next_step)
        if refusal is not None
        else lack_line(host, "login", reason, ssh.run("true"))
    )
    return (login,) if door is None else (login, _key(host, door, refusal, ssh))


def _key(
    host: str, door: HostKeyStatus, refusal: HostUnreachable | None, ssh: SshCommand
) -> DoctorLine:
    topic = "host key"
    if door.trouble:
        return lack_line(host, topic, door.trouble, ssh.login("-G"))
    files = ", ".join(door.files) or "any known_hosts file"
    strict = refusal is not None and refusal.guard == STRICT
    if door.revoked and (strict or not door.known):
        mend = "do not log in; ask its owner why, and for the new key"
        return lack_line(host, topic, f"a key of {door.address} is revoked in {files}", mend)
    if not door.known:
        compared = ssh.run("true", options=("-o", "StrictHostKeyChecking=ask"))
        mend = f"{FINGERPRINT} tells the right one; compare it in `{compared}`"
        return lack_line(host, topic, f"{door.address} is not in {files}", mend)
    if strict:
        mend = f"was it reinstalled? Where its owner says so, and {FINGERPRINT} shows the new "
        mend += f"one: {_forget(door)}, then as for a new host"
        return lack_line(host, topic, f"it shows another key than {files} has", mend)
    return ok_line(host, topic, f"known: {', '.join(door.known)}")


def _forget(door: HostKeyStatus) -> str:
    """The commands that remove the host's keys from the files that ssh reads."""
    return "; ".join(f"ssh-keygen -R {quote(door.address)} -f {quote(f)}" for f in door.files)


def other_lines(
    entries: Sequence[HostEntry], sight: Examination, config: str | None
) -> tuple[DoctorLine, ...]:
    """A line about the login of each host of which no domain says anything. `config` is the
    inventory's ssh_config: commands to be typed name it, too."""
    return tuple(line for entry in entries for line in _login(entry, sight, config))


def _login(entry: HostEntry, sight: Examination, config: str | None) -> tuple[DoctorLine, ...]:
    refusal = sight.refusals.get(entry.name)
    if refusal is None:
        return (ok_line(entry.name, "login", "it lets us in; no domain says more about it"),)
    door = sight.doors.get(entry.name)
    return login_lines(entry.name, refusal.got, refusal, door, SshCommand(entry.ssh, config))
