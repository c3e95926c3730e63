"""The system `scorer`: scoring services, as a fragment of what every host runs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from remediations.engine.system import HostSystem
from remediations.systems.scorer.environment_file import shell_text
from remediations.systems.scorer.inventory import (
    SCORING_SECTION,
    scorer_of,
    scoring_of,
    workload_of,
)
from remediations.systems.scorer.parse import SECTIONS, completed, read_scorer, unread_scorer
from remediations.systems.scorer.reading import ScorerReading, ScorersReading
from remediations.values.inventory import HostEntry, Inventory


def _settings(entry: HostEntry) -> Mapping[str, str]:
    scorer = scorer_of(entry)
    return {
        "remediate_scorer_unit": scorer.unit,
        "remediate_scorer_url": scorer.url,
        "remediate_scorer_port": str(scorer.port),
        "remediate_scorer_model": scorer.model,
        "remediate_scorer_metrics": scorer.metrics or "",
        "remediate_scorer_health": scorer.health or "",
        "remediate_scorer_node": scorer.node or "",
        "remediate_scorer_environment": scorer.environment_file or "",
    }


def _settings_of_all(inventory: Inventory) -> Mapping[str, str]:
    scoring = scoring_of(inventory)
    names = scoring.metrics
    vectors = (vector.request.encode() for vector in scoring.golden.vectors)
    return {
        "remediate_scorer_vectors": " ".join(base64.b64encode(v).decode() for v in vectors),
        "remediate_scorer_asks": str(scoring.asks),
        "remediate_scorer_timeout_ms": str(scoring.timeout_ms),
        "remediate_scorer_window_s": str(scoring.window_s),
        "remediate_scorer_counted": " ".join(
            (names.completed, names.errors, names.queue, names.latency)
        ),
        "remediate_scorer_settings": " ".join(
            (*(one.name for one in scoring.settings), *scoring.limits.names)
        ),
        "remediate_scorer_class_settings": " ".join(scoring.class_settings),
        "remediate_scorer_node_settings": " ".join(one.name for one in scoring.node_settings),
    }


def _whole(inventory: Inventory, hosts: Sequence[ScorerReading]) -> ScorersReading:
    """Hosts are parsed one by one, without the inventory: what their answers are compared in is
    known here."""
    scoring = scoring_of(inventory)
    return ScorersReading(scoring=scoring, hosts=tuple(completed(one, scoring) for one in hosts))


class _ScorerSystem(HostSystem):
    """Units of hosts. A workload of a cluster is read through its API server."""

    def is_on(self, entry: HostEntry) -> bool:
        """Whether the host has a unit that scores."""
        return super().is_on(entry) and workload_of(entry) is None


SCORER = _ScorerSystem(
    name="scorer",
    kind=ScorersReading,
    inventory_section=SCORING_SECTION,
    fragment=shell_text("scorer.sh") + shell_text("environment_file.sh"),
    sections=MappingProxyType(SECTIONS),
    settings=_settings,
    settings_of_all=_settings_of_all,
    read=read_scorer,
    unread=unread_scorer,
    whole=_whole,
)
