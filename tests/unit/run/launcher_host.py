"""The launcher on this machine: its directory moved, systemd played by two small programs.

The stubs behave as measured on systemd 252: a loaded name is refused, a unit that ended is gone
(`--collect`), its whole group ends with it, and right after systemd-run it may still be a job.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from remediations.systems.hosts.driver import LAUNCHER

PLAN = "a" * 64
STEP = "1-0"

SYSTEMD_RUN = r"""#!/bin/bash
units=$STUB_UNITS
for word; do
  case $word in
    --unit=*) unit=${word#--unit=}.service ;;
    RuntimeMaxSec=*) limit=${word#RuntimeMaxSec=} ;;
  esac
done
echo "$*" >>"$units/../calls"
if [ -e "$units/../broken" ]; then echo "Failed to connect to bus" >&2; exit 1; fi
if [ -e "$units/../refuses" ]; then echo "Failed to find executable" >&2; exit 1; fi
if ! mkdir "$units/$unit" 2>/dev/null; then
  echo "Failed to start transient service unit: Unit $unit was already loaded" >&2
  exit 1
fi
while [ "$1" != /bin/sh ]; do shift; done
(
  sleep "$(cat "$units/../delay" 2>/dev/null || echo 0)"
  while [ -e "$units/../held" ]; do sleep 0.02; done
  echo active >"$units/$unit/state"
  setsid timeout --kill-after=1 "$limit" "$@" &
  echo $! >"$units/$unit/pid"
  wait
  rm -r "$units/$unit"
) </dev/null >/dev/null 2>&1 &
"""

SYSTEMCTL = r"""#!/bin/bash
units=$STUB_UNITS
if [ -e "$units/../broken" ]; then echo "Failed to connect to bus" >&2; exit 1; fi
unit=${!#}
state=inactive job=
if [ -d "$units/$unit" ]; then
  state=$(cat "$units/$unit/state" 2>/dev/null) || { state=inactive job=7; }
fi
case " $* " in
  *' -p Job '*) printf 'Job=%s\nActiveState=%s\n' "$job" "$state" ;;
  *) printf 'ActiveState=%s\n' "$state" ;;
esac
"""


@dataclass(frozen=True)
class Answer:
    """What the launcher said."""

    exit_status: int
    state: str
    output: bytes
    errors: bytes
    stderr: str


class LauncherHost:
    """A host on which the launcher may be called as often as one likes, also at once."""

    def __init__(self, root: Path) -> None:
        self.base = root / "var" / "lib" / "remediate"
        self.base.parent.mkdir(parents=True)
        self.voids = root / "run" / "remediate"
        self.voids.parent.mkdir()
        self.effects = root / "effects"
        self._root = root
        stubs = root / "bin"
        stubs.mkdir()
        (root / "units").mkdir()
        for name, text in (("systemd-run", SYSTEMD_RUN), ("systemctl", SYSTEMCTL)):
            (stubs / name).write_text(text)
            (stubs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "STUB_UNITS": str(root / "units"),
        }
        self.text = (
            LAUNCHER.replace("/var/lib/remediate", str(self.base))
            .replace("/run/remediate", str(self.voids))
            .replace("\nPATH=", f"\nPATH={stubs}:")
        )

    @property
    def claim(self) -> Path:
        return self.base / PLAN / STEP

    @property
    def unit(self) -> Path:
        return self._root / "units" / f"remediate-{PLAN[:12]}-{STEP}.service"

    @property
    def calls(self) -> list[str]:
        """The command lines of systemd-run so far."""
        return (self._root / "calls").read_text().splitlines()

    def has_active(self, unit: str) -> None:
        """A service of the host that is active, whoever started it."""
        (self._root / "units" / unit).mkdir()
        (self._root / "units" / unit / "state").write_text("active\n")

    def starts_late(self, seconds: float) -> None:
        """Units are jobs for a while before they run."""
        (self._root / "delay").write_text(str(seconds))

    def holds_units(self) -> None:
        """Units stay jobs, until `lets_units_go`."""
        (self._root / "held").touch()

    def lets_units_go(self) -> None:
        (self._root / "held").unlink()

    def systemd_is_broken(self, broken: bool = True) -> None:
        mark = self._root / "broken"
        mark.touch() if broken else mark.unlink()

    def systemd_run_fails(self) -> None:
        """No unit can be started; what there is can be asked."""
        (self._root / "refuses").touch()

    def power_cut(self) -> None:
        """Whatever the unit does ends at once, and no unit is known any more."""
        pid = int((self.unit / "pid").read_text())
        os.killpg(pid, signal.SIGKILL)
        self.until_gone()

    def until_gone(self) -> None:
        """Until the unit ended."""
        until(lambda: not self.unit.exists())

    def effect(self, more: str = "") -> bytes:
        """A payload that leaves one line each time it runs."""
        return f"echo x >>{self.effects}\n{more}\n".encode()

    @property
    def count(self) -> int:
        """How often an effect happened."""
        return len(self.effects.read_text().splitlines()) if self.effects.exists() else 0

    def start(
        self, *words: str, payload: bytes | None = b"", text: str | None = None
    ) -> subprocess.Popen[bytes]:
        """A call of the launcher. Without a payload its standard input stays open."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", text or self.text, "remediate", *words],
            env=self.environment,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        if payload is None:
            return process
        with contextlib.suppress(BrokenPipeError):  # it may refuse before it reads
            process.stdin.write(payload)
            process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdin = None
        return process

    def launch_words(self, payload: bytes, limit: int = 20, held: str = "-") -> tuple[str, ...]:
        return ("launch", PLAN, STEP, str(limit), hashlib.sha256(payload).hexdigest(), held)

    def launch(self, payload: bytes, limit: int = 20, held: str = "-") -> Answer:
        return answer(self.start(*self.launch_words(payload, limit, held), payload=payload))

    def probe(self) -> Answer:
        return answer(self.start("probe", PLAN, STEP))

    def void(self, held: str = "-") -> Answer:
        return answer(self.start("void", PLAN, STEP, held))


def answer(process: subprocess.Popen[bytes]) -> Answer:
    """Wait for a call of the launcher."""
    out, err = process.communicate(timeout=20)
    state, output, errors = ([*out.split(b"\n"), b"", b"", b""])[:3]
    return Answer(
        process.returncode,
        state.decode(),
        base64.b64decode(output, validate=True),
        base64.b64decode(errors, validate=True),
        err.decode(),
    )


def until(true: object) -> None:
    """Wait until a condition holds."""
    assert callable(true)
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)
