"""Why a host could not be read: the connection's own refusal, and what known_hosts says. Pure."""

from __future__ import annotations

from remediations.contact.line import Line, lack, ok
from remediations.reach.connection import HostUnreachable
from remediations.reach.doors import Door

FIRST_TIME = (
    "ask its owner for the fingerprint (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), "
    "then compare it in"
)


def door_lines(
    host: str, reason: str, refusal: HostUnreachable | None, door: Door | None, ssh: str
) -> tuple[Line, ...]:
    """The login that failed, and the host's key: which of the two has to be mended first.

    `ssh` is the command that reaches the host by hand.
    """
    login = (
        lack(host, "login", f"{refusal.guard}: {refusal.got}", refusal.next_step)
        if refusal is not None
        else lack(host, "login", reason, f"{ssh} true")
    )
    return (login,) if door is None else (login, _key(host, door, refusal, ssh))


def _key(host: str, door: Door, refusal: HostUnreachable | None, ssh: str) -> Line:
    topic, rest = "host key", ssh.removeprefix("ssh ")
    if door.trouble:
        return lack(host, topic, door.trouble, f"ssh -G {rest}")
    files = ", ".join(door.files) or "any known_hosts file"
    if not door.known:
        shown = f"{door.address} is not in {files}"
        mend = f"{FIRST_TIME} `ssh -o StrictHostKeyChecking=ask {rest} true`"
        if door.revoked:
            return lack(host, topic, f"{door.address} is revoked in {files}", "ask its owner why")
        return lack(host, topic, shown, mend)
    if refusal is not None and refusal.guard == "strict host keys":
        mend = f"ask its owner first; `ssh-keygen -F '{door.address}'` shows what is known"
        return lack(host, topic, f"it shows another key than {files} has", mend)
    return ok(host, topic, f"known: {', '.join(door.known)}")
