"""The titles of the checks, for the plan that promises them and for the tests that are these
checks.

They are not in the tests, because a plan must not load pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "P1": "five more blocks on every node",
        "P2": "one app hash at the same heights",
        "P3": "one block id at the same heights",
        "P4": "the new blocks continue the old chain",
        "P5": "no evidence of equivocation in any block since",
        "P7": "every started validator signs three blocks in a row",
        "P8": "signing power is not less than before",
        "P9": "blocks are decided in round 0 or 1",
        "P10": "no sign state is lower than before",
        "P11": "every validator kept its address",
        "P12": "every node follows the tip",
        "P13": "peers are back",
        "P14": "the program is the one that was planned",
        "P15": "no failure in the journal since the start",
        "P17": "files belong to the service user",
        "P18": "the state is the one that was rehearsed",
        "P20": "every unjailed validator is in the set, and signs",
        "P21": "the power of the set rose by that of the unjailed",
        "P22": "the mended links are up",
        "P23": "what was stopped is down, and held",
        "P24": "no key of a stopped holder signs twice any more",
        "P25": "there is room on the disk for what comes",
        "P26": "the process may open as many files as planned",
        "P27": "cosmovisor selects the program that was planned",
        "P28": "upgrade-info.json is as it was",
        "P33": "state sync is off, and its settings as before",
        "P34": "the databases of before are set aside",
        "I13": "processes that were healthy were not restarted",
    }
)
"""In the order in which a plan lists them."""
