"""The host of a reader in a directory: real files, a real openssl, and stand-ins for systemd, for
what the directory's owners are, and for changing them."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from remediations.systems.hosts.driver import PROBES
from remediations.systems.hosts.probe import Probe
from remediations.systems.keyfile.planned import STAGED, PlannedKeyFile
from remediations.systems.stores.sealing import PrivateKey
from remediations.values.secret import Secret

OLD_INVOCATION, NEW_INVOCATION = "1" * 32, "2" * 32


def made_key(number: int) -> PrivateKey:
    """A key pair of this test."""
    return PrivateKey.of(Secret(sha256(b"reader %d" % number).digest(), f"key {number}"))


OLD, NEW, OTHER = made_key(1), made_key(2), made_key(3)


class FakeReader:
    """One host. `run` executes a text as the engine would; its files are the test's to break."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.staged = root, root / "bin", root / "staged"
        self.etc, self.vault = root / "etc", root / "vault"
        for directory in (self.bin, self.staged, self.etc, self.vault):
            directory.mkdir(mode=0o700)
        self.file = self.vault / "reader.key"
        self.state(ActiveState="active", InvocationID=OLD_INVOCATION, LoadState="loaded")
        self.state(StateChangeTimestampMonotonic="100", CanReload="yes", SubState="running")
        self.script(
            "systemctl",
            f"""
cd {root} || exit 99
case $1 in
  show)
    shift
    value=
    for word; do
      case $word in
        --value) value=yes ;;
        --property=*) names="$names $(echo "${{word#*=}}" | tr , " ")" ;;
        -* | *.service) ;;
        *) names="$names $word" ;;
      esac
    done
    for name in $names; do
      [ -e "show-$name" ] || continue
      [ "$value" ] || printf '%s=' "$name"
      cat "show-$name"
    done ;;
  restart | reload) echo "$1" >>done
    [ ! -e broken ] || {{ echo failed >show-ActiveState; exit 1; }}
    echo active >show-ActiveState; echo 200 >show-StateChangeTimestampMonotonic
    [ "$1" = reload ] || echo {NEW_INVOCATION} >show-InvocationID ;;
esac
""",
        )
        self.script("sleep", "exit 0")
        self.script("chown", f'echo "chown $*" >>{root}/owned')
        # Everything above the test's own directory is root's alone; in it, everything is root's.
        self.script(
            "stat",
            f"""
for last; do :; done
case $2:$last in
  %u:%a:{root}/*) exec /usr/bin/stat -c 0:%a -- "$last" ;;
  %u:%a:*) echo 0:755 ;;
  %U:%G:%a:*) exec /usr/bin/stat -c vault:vault:%a -- "$last" ;;
  '%U %G %a:'*) exec /usr/bin/stat -c 'vault vault %a' -- "$last" ;;
  *) exec /usr/bin/stat "$@" ;;
esac
""",
        )
        self.put(self.file, OLD.secret.reveal().hex() + "\n", 0o440)
        self.put(self.staged / NEW.fingerprint, NEW.secret.reveal(), 0o400)

    def script(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def state(self, **properties: str) -> None:
        for name, value in properties.items():
            (self.root / f"show-{name}").write_text(f"{value}\n")

    def put(self, file: Path, content: str | bytes, mode: int) -> None:
        file.unlink(missing_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)

    @property
    def planned(self) -> PlannedKeyFile:
        return PlannedKeyFile(
            file=str(self.file),
            form="hex",
            owner="vault",
            group="vault",
            mode="0440",
            told="restart",
            unit="vault.service",
            mark=OLD_INVOCATION,
            old=OLD.fingerprint,
            new=NEW.fingerprint,
        )

    def told(self, told: str) -> PlannedKeyFile:
        """The same, of a reader that is told otherwise."""
        if told == "reload":
            return replace(self.planned, told=told, mark="100")
        return replace(self.planned, told="read_each_time", unit="", mark="")

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        text = text.replace(STAGED, str(self.staged)).replace("/etc/systemd/system", str(self.etc))
        done = subprocess.run(
            ["/bin/sh", "-c", text],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.says_no_key(done.stdout + done.stderr)
        return done

    def holds(self, probe: Probe) -> bool:
        """What the built-in probe says."""
        done = self.run("set -- " + " ".join(probe.words) + "\n" + PROBES)
        assert done.stdout in ("probed yes\n", "probed no\n"), done
        return done.stdout == "probed yes\n"

    def says_no_key(self, text: str) -> None:
        """Nothing that a program prints has a private byte."""
        for key in (OLD, NEW, OTHER):
            raw = key.secret.reveal()
            assert raw.hex()[:16] not in text
            assert base64.b64encode(raw).decode()[:16] not in text

    @property
    def done(self) -> list[str]:
        file = self.root / "done"
        return file.read_text().split() if file.exists() else []

    @property
    def beside(self) -> list[str]:
        return sorted(path.name for path in self.vault.iterdir())

    @property
    def brought(self) -> list[str]:
        return sorted(path.name for path in self.staged.iterdir())
