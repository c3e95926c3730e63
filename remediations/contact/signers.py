"""Whether the list of who may approve can be used as it stands (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

from remediations.approve.approval import NAMESPACE
from remediations.contact.line import INVENTORY, Line, lack, ok, warn
from remediations.model.inventory import Inventory

TOPIC = "allowed_signers"
_EXACT = re.compile(r"[^\s*?!,]+")
_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh-|ecdsa-)[a-z0-9@.-]+")
_MAX_BYTES = 1_000_000


def signers_line(inventory: Inventory) -> Line:
    """The state of the inventory's list; a list that nobody named is a warning."""
    if inventory.allowed_signers is None:
        return warn(
            INVENTORY,
            TOPIC,
            "none named: `approve` and `apply` would need --allowed-signers",
            f"add `allowed_signers: FILE` to {inventory.path}",
        )
    path = Path(inventory.allowed_signers)
    try:
        mode = path.stat().st_mode
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        mend = f'write {path}: a line `NAME namespaces="{NAMESPACE}" $(cat KEY.pub)` per person'
        return lack(INVENTORY, TOPIC, f"{path}: {error.strerror or error}", mend)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"{path} has mode {stat.S_IMODE(mode):04o}: others may write it"
        return lack(INVENTORY, TOPIC, found, f"chmod go-w {path}")
    return judge(path, text)


def judge(path: Path, text: str) -> Line:
    """What the lines of the list amount to. Pure."""
    people = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        trouble = _trouble(line)
        if trouble:
            return lack(INVENTORY, TOPIC, f"{path}:{number}: {trouble}", f"correct {path}:{number}")
        people += 1
    if not people:
        mend = f'echo "NAME namespaces=\\"{NAMESPACE}\\" $(cat KEY.pub)" >>{path}'
        return lack(INVENTORY, TOPIC, f"{path} names nobody", mend)
    return ok(INVENTORY, TOPIC, f"{path}: {people} key(s), each under one exact name")


def _trouble(line: str) -> str:
    """Why a line lets in nobody, or too many; "" when it is fine."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        return f"not a line of the form: {error}"
    if not _EXACT.fullmatch(words[0]):
        return f"{words[0]!r} is a pattern, or more than one name: nobody could say who signed"
    kinds = [at for at, word in enumerate(words[1:3], 1) if _KEY_TYPE.fullmatch(word)]
    if not kinds or len(words) <= kinds[0] + 1:
        return "no public key in it"
    options = words[1] if kinds[0] == 2 else ""
    if "cert-authority" in options.split(","):
        return "a certificate authority: whoever it certifies could approve"
    found = re.search(r"namespaces=([^\s]*)", options)
    if found and NAMESPACE not in found[1].split(","):
        return f"its namespaces leave out {NAMESPACE}"
    return ""
