"""What the product leaves on a host that it holds."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.spec import NODES

EVIDENCE = "/var/lib/remediate/evidence"


def hold_of(lab: Lab, host: str) -> str:
    """The drop-in that holds a host's unit."""
    return f"/etc/systemd/system/{lab.unit(host)}.d/remediate-hold.conf"


def let_go(lab: Lab) -> None:
    """No host is held any more, and none keeps evidence: a new chain begins without."""
    for spec in NODES:
        lab.hosts[spec.name].sh(f"rm -rf {EVIDENCE}", check=False)
        hold = lab.hosts[spec.name].path(hold_of(lab, spec.name))
        if hold.exists():
            hold.unlink()
            lab.systemctl(spec.name, "daemon-reload", check=False)
