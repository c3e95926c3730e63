"""A host in a directory: a home, and a `systemctl` on PATH that keeps its state in files."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.hosts.driver import PROBES
from remediations.systems.hosts.probe import Probe

ADDRESS = "0A1B2C3D4E5F60718293A4B5C6D7E8F901234567"

SYSTEMCTL = r"""#!/bin/sh
cd "$(dirname "$0")/../unit" || exit 99
echo "$*" >>calls
case $1 in
  show)
    case " $* " in
      *' --value '*) cat "$3" ;;
      *) printf '%s=%s\n' "$3" "$(cat "$3")" ;;
    esac ;;
  is-enabled) cat enabled ;;
  enable) echo enabled >enabled; echo enabled >UnitFileState ;;
  disable) echo disabled >enabled; echo disabled >UnitFileState ;;
  reset-failed | status) ;;
  stop) sh ./on-stop ;;
  start) sh ./on-start ;;
esac
"""


class FakeHost:
    """One host; its files are the test's to break. `run` executes a text as the engine would."""

    INVOCATION = "a" * 32

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.unit = root / "unit"
        for directory in ("home/config", "home/data/application.db", "unit", "bin"):
            (root / directory).mkdir(parents=True)
        self.script("systemctl", SYSTEMCTL)
        self.script("sleep", "#!/bin/sh\nexit 0\n")
        self.disk(free_kib=10**8)
        self.show(LoadState="loaded", ActiveState="inactive", User="ve", Environment="")
        self.show(InvocationID=self.INVOCATION, UnitFileState="disabled")
        self.show(ExecStart=f"{{ path=/bin/ve ; argv[]=/bin/ve start --home {self.home} ; }}")
        (self.unit / "on-start").write_text("echo active >ActiveState; echo b >InvocationID")
        (self.unit / "on-stop").write_text("echo inactive >ActiveState")
        (self.unit / "enabled").write_text("disabled")
        self.show(TimeoutStopUSec="20s")
        self.script("sudo", '#!/bin/sh\nshift 2\nexec "$@"\n')
        self.key(ADDRESS)
        self.sign_state(40, 1, 3)

    def holds(self, probe: Probe) -> bool:
        """What the built-in probe says, asked as the engine asks it."""
        done = self.ask(probe.name, *probe.arguments)
        assert done.stdout in ("probed yes\n", "probed no\n"), done
        return done.stdout == "probed yes\n"

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The program of the probes, with these arguments."""
        return self.run(f"set -- {shlex.join(words)}\n{PROBES}")

    def script(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def disk(self, free_kib: int) -> None:
        self.script("df", f"#!/bin/sh\nprintf '  Avail\\n%s\\n' {free_kib}\n")

    def show(self, **properties: str) -> None:
        for name, value in properties.items():
            (self.unit / name).write_text(value + "\n")

    def key(self, address: str) -> None:
        key = {"address": address, "pub_key": {"type": "t", "value": "x"}, "priv_key": {"v": "y"}}
        (self.home / "config/priv_validator_key.json").write_text(json.dumps(key, indent=2))

    def sign_state(self, height: int, round_: int, step: int) -> None:
        state = {"height": str(height), "round": round_, "step": step}
        self.sign_file.write_text(json.dumps(state, indent=2))

    @property
    def sign_file(self) -> Path:
        return self.home / "data/priv_validator_state.json"

    def node(self, **changes: str | int) -> PlannedNode:
        known: dict[str, str | int] = {
            "unit": "ve.service",
            "home": str(self.home),
            "user": "ve",
            "address": ADDRESS,
            "sign_height": 40,
            "sign_round": 1,
            "sign_step": 3,
            "stop_timeout_s": 20,
        }
        return PlannedNode.from_data({**known, **changes})

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/sh", "-c", text],
            env={"PATH": path},
            cwd="/",
            text=True,
            capture_output=True,
            timeout=60,
        )

    @property
    def acts(self) -> list[str]:
        """What was asked of systemd that changes something, in order."""
        calls = self.unit / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line for line in lines if line.split()[0] in ("start", "stop", "enable")]
