"""Why a host could not be read: the connection's own refusal, and what known_hosts says. Pure."""

from __future__ import annotations

from shlex import quote

from remediations.engine.doctor.by_hand import SshCommand
from remediations.engine.doctor.line import DoctorLine, lack_line, ok_line
from remediations.reach.connection import HostUnreachable
from remediations.reach.doors import HostKeyStatus

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
    """The login that failed, and the host's key: which of the two has to be mended first.

    `ssh` reaches the host by hand.
    """
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
        mend = f"was it installed anew? Where its owner says so, and {FINGERPRINT} shows the new "
        mend += f"one: {_forget(door)}, then as for a new host"
        return lack_line(host, topic, f"it shows another key than {files} has", mend)
    return ok_line(host, topic, f"known: {', '.join(door.known)}")


def _forget(door: HostKeyStatus) -> str:
    """Takes the keys of a host out of the files that ssh reads for it."""
    return "; ".join(f"ssh-keygen -R {quote(door.address)} -f {quote(f)}" for f in door.files)
