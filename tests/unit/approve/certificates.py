"""Certificates for approvers, made by the real ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.unit.approve.keys import Key
from tests.unit.run.plans import NOW

AROUND_NOW = f"{NOW:%Y%m%d}000000Z:{NOW:%Y%m%d}235959Z"
"""A validity that covers the moment of these tests."""


@dataclass(frozen=True)
class Certified:
    """A certificate, with its private key beside it."""

    path: Path
    key: Key


def certify(
    authority: Key,
    key: Key,
    directory: Path,
    names: str = "alice@example.org",
    *options: str,
    validity: str = AROUND_NOW,
) -> Certified:
    """A certificate of `authority` over `key` with `names` ("" for none)."""
    copy = directory / "certified"
    shutil.copy(key.path, copy)
    copy.chmod(0o600)
    copy.with_suffix(".pub").write_text(key.public + "\n")
    named = ("-n", names) if names else ()
    how = ("-q", "-s", authority.path, "-I", "id", *named, "-V", validity, *options)
    subprocess.run(["ssh-keygen", *how, copy.with_suffix(".pub")], check=True)
    return Certified(directory / "certified-cert.pub", Key(copy))
