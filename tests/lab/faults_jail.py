"""Faults that the chain answers by taking a validator out of its set."""

from __future__ import annotations

import time

from tests.lab.faults import Faults
from tests.lab.shell import LabError

QUICK = {
    "signed_blocks_window": "20",
    "min_signed_per_window": "0.500000000000000000",
    "downtime_jail_duration": "80s",
}
"""For `Lab.pristine`: a validator is jailed after eleven missed blocks, once the chain has twenty;
for so long that its node can be brought back meanwhile. The SDK allows no less than 60 s."""
JAILED_WITHIN_S = 90.0


class JailFaults(Faults):
    """On a chain that began with `QUICK`."""

    def break_jailed(self, host: str, seen_by: str = "val1") -> None:
        """Stopped until the chain has jailed its validator, and left so."""
        address = self.world.rpc(host, "status")["validator_info"]["address"]
        self.systemctl(host, "stop", self.unit(host))
        self.mend_node(lambda: self.start(host))
        self.wait_for_power(address, 0, seen_by)

    def wait_for_power(self, address: str, power: int, seen_by: str) -> None:
        """Wait until the set has this address with so much power; 0: not at all.

        Raises:
            LabError: not in time.
        """
        end = time.monotonic() + JAILED_WITHIN_S
        while self.world.powers(seen_by).get(address, 0) != power:
            if time.monotonic() > end:
                raise LabError(f"{address}: power {self.world.powers(seen_by).get(address, 0)}")
            time.sleep(0.2)
