"""The kinds of fault that the incidents show: a kind is mended, not its instance."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an incident is an instance of."""

    K1 = "power that does not sign while blocks go on"
    K2 = "a key that signs twice"
    K3 = "lines of long ago explain a fault of today"
    K4 = "what a peer proposed is held against this node"
    K5 = "what fails on one node alone is that node's"
    K6 = "an end that no restart cures"
    K7 = "catching up is believed though the height stands"
    K8 = "a line does not arrive"
    K9 = "a general line hides the cause"
    K10 = "isolated or dead"
    K11 = "clocks"
    K12 = "all vote and all refuse"
    K13 = "a sign state above the tip"
    K14 = "forms of a log: JSON, colours, old and new"
    K15 = "too strict"
    DOWN = "everybody is down"
    KEPT = "was right from the first version on"
