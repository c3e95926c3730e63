"""A host in a directory whose podman, systemctl and processes are files of the test's."""

from __future__ import annotations

from pathlib import Path

from remediations.systems.podman.planned import PlannedContainer
from tests.unit.operations.host import FakeHost

OLD, NEW = "a1" * 32, "b2" * 32
DIGEST = f"sha256:{'c3' * 32}"
IMAGE = f"localhost/scorer@{DIGEST}"
UNIT = "scorer.service"

SYSTEMCTL = r"""#!/bin/sh
cd "$(dirname "$0")/../unit" || exit 99
case $1 in show) ;; *) echo "systemctl $*" >>acts ;; esac
case $1 in
  show)
    case $5 in scorer.service) cat "$3" 2>/dev/null ;; *) cat "$5.$3" 2>/dev/null ;; esac
    : ;;
  stop) sh ./on-stop ;;
  start)
    case $2 in
      scorer.service) sh ./on-start ;;
      *) [ ! -e "$2.broken" ] || exit 1; echo active >"$2.ActiveState" ;;
    esac ;;
esac
"""

PODMAN = r"""#!/bin/sh
cd "$(dirname "$0")/../unit" || exit 99
case "$1 $2" in
  'image inspect')
    [ -e digest ] || exit 125
    cat digest ;;
  'container inspect')
    [ -s cid ] || exit 125
    case $5 in scorer | "$(cat cid)") ;; *) exit 125 ;; esac
    case $4 in
      *.ID*) cat cid ;;
      *Running*) echo "$(cat running) $(cat image)" ;;
      *.Status*) cat state ;;
      *.Pid*) cat pid ;;
    esac ;;
  stop*) echo "podman $*" >>acts; echo exited >state ;;
  rm*)
    echo "podman $*" >>acts
    [ "$(cat state)" = exited ] || exit 2
    : >cid ;;
esac
"""

GREP = r"""#!/bin/sh
unit=$(dirname "$0")/../unit
case "$*" in
  *mountinfo*) cat "$unit/processes"; exit 0 ;;
  '-lx conmon '*) exit 1 ;;
esac
exec /usr/bin/grep "$@"
"""

ON_START = f"""
[ ! -s cid ] || {{ echo failed >ActiveState; exit 1; }}
echo active >ActiveState
echo {"f" * 32} >InvocationID
echo {NEW} >cid
echo running >state; echo true >running; cat digest >image
echo /proc/77/mountinfo >processes
"""

ON_STOP = """
echo inactive >ActiveState; : >processes
[ -e keeps-container ] || : >cid
for one in *.follows; do [ -e "$one" ] && echo inactive >"${one%.follows}.ActiveState"; done
:
"""


class Machine(FakeHost):
    """A host with a container under a unit. `acts` is what was done to it, in order."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.script("systemctl", SYSTEMCTL)
        self.script("podman", PODMAN)
        self.script("grep", GREP)
        self.script("ss", '#!/bin/sh\ncat "$(dirname "$0")/../unit/listening" 2>/dev/null\n:\n')
        self.script("kill", "#!/bin/sh\n:\n")
        self.command(f"run --rm --name scorer {IMAGE}")
        self.show(User="", Result="success", ExecMainStatus="0", ActiveState="active")
        self.show(cid=OLD, state="running", pid="0", running="true", image=DIGEST, digest=DIGEST)
        self.show(processes="/proc/55/mountinfo")
        (self.unit / "on-start").write_text(ON_START)
        (self.unit / "on-stop").write_text(ON_STOP)

    def command(self, words: str) -> None:
        self.show(ExecStart=f"{{ path=/usr/bin/podman ; argv[]=/usr/bin/podman {words} ; }}")

    def follower(self, name: str, by: str) -> None:
        """A unit that is stopped with the container's."""
        self.show(**{by: name, f"{name}.ActiveState": "active"})
        (self.unit / f"{name}.follows").touch()

    def dead(self) -> None:
        """The container lies there, and its unit could not start."""
        self.show(ActiveState="failed", state="exited", running="false")
        (self.unit / "processes").write_text("")
        (self.unit / "keeps-container").touch()

    def planned(self, **changes: str | int) -> PlannedContainer:
        known: dict[str, str | int] = {
            "unit": UNIT,
            "container": "scorer",
            "id": OLD,
            "image": IMAGE,
            "digest": DIGEST,
            "invocation": self.INVOCATION,
            "stop_timeout_s": 20,
        }
        return PlannedContainer.from_data({**known, **changes})

    def read(self, name: str) -> str:
        return (self.unit / name).read_text().strip()

    @property
    def acts(self) -> list[str]:
        path = self.unit / "acts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if "reset-failed" not in line and "status" not in line]
