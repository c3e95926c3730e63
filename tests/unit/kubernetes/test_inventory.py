"""The section `kubernetes`: read strictly, each complaint with its line; nothing is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from remediations.systems.kubernetes.inventory import WorkloadRole, cluster_of
from remediations.systems.kubernetes.system import KUBERNETES
from remediations.values.inventory import Inventory

SYSTEMS = InstalledSystems(systems=(COMET, HOSTS, KUBERNETES), troubles=())

SERVICE = "kind: Deployment, role: service"
SCALED = (
    "{namespace: n, workloads: {s: {kind: Deployment, role: service, "
    "scale: {normal: 2, max: 6, cost: one node, class: {cpu: avx2}}}}}"
)


def read(tmp_path: Path, section: str) -> Inventory:
    """An inventory with that section and a bastion."""
    file = tmp_path / "inventory.yaml"
    file.write_text(
        f"version: 2\nchain: {{id: c-1}}\n{section}hosts:\n  jump: {{chain: {{role: bastion}}}}\n"
    )
    file.chmod(0o600)
    return load_inventory(file, SYSTEMS)


def test_all_of_it(tmp_path: Path) -> None:
    """A kubeconfig beside the inventory, defaults for the rest."""
    section = (
        "kubernetes:\n  kubeconfig: kubeconfig\n  context: lab\n  namespace: scoring\n"
        "  workloads:\n"
        "    scorer: {kind: Deployment, role: service, floor: 1}\n"
        "    signer: {kind: StatefulSet, role: validator, container: node}\n"
    )
    entry = cluster_of(read(tmp_path, section))
    assert entry.kubeconfig == str(tmp_path / "kubeconfig")
    assert [one.target for one in entry.workloads] == ["deployment/scorer", "statefulset/signer"]
    assert [one.floor for one in entry.workloads] == [1, 0]
    assert entry.workloads[1].role is WorkloadRole.VALIDATOR


def test_nodes_are_declared_and_none_by_default(tmp_path: Path) -> None:
    """Those that may be drained, and the namespaces whose pods may move."""
    section = f"kubernetes: {{namespace: n, workloads: {{s: {{{SERVICE}}}}}"
    entry = cluster_of(read(tmp_path, f"{section}, nodes: [n1, n2], others: [kube-system]}}\n"))
    assert (entry.drainable, entry.movable) == (("n1", "n2"), ("kube-system",))
    bare = cluster_of(read(tmp_path, f"{section}}}\n"))
    assert (bare.drainable, bare.movable) == ((), ())


def test_without_it_nothing_is_read(tmp_path: Path) -> None:
    """And whoever needs it is told how it is written."""
    inventory = read(tmp_path, "")
    assert not KUBERNETES.is_in(inventory)
    with pytest.raises(UsageError, match="no section `kubernetes`"):
        cluster_of(inventory)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{namespace: n}", "workloads"),
        ("{namespace: n, workloads: {}}", "1 to 50 workloads"),
        ("{namespace: n, workloads: {s: {}}}", "kind"),
        ("{namespace: n, workloads: {s: {kind: Deployment}}}", "role"),
        (
            "{namespace: n, workloads: {s: {kind: DaemonSet, role: service}}}",
            "Deployment | StatefulSet",
        ),
        (
            "{namespace: N_, workloads: {s: {SERVICE}}}",
            "the name of a namespace",
        ),
        (
            "{namespace: n, workloads: {S: {SERVICE}}}",
            "the name of a workload",
        ),
        (
            "{namespace: n, workloads: {s: {SERVICE}}, nodes: n1}",
            "1 to 50 names of nodes",
        ),
        (
            "{namespace: n, workloads: {s: {SERVICE}}, nodes: []}",
            "1 to 50 names of nodes",
        ),
        ("{namespace: n, workloads: {s: {SERVICE}}, nodes: [n1, n1]}", "each once"),
        ("{namespace: n, workloads: {s: {SERVICE}}, nodes: [N_1]}", "names of nodes"),
        ("{namespace: n, workloads: {s: {SERVICE}}, others: [kube-system]}", "`nodes` beside it"),
        (
            "{namespace: n, workloads: {s: {SERVICE}}, nodes: [n1], others: [n.1]}",
            "names of namespaces",
        ),
        ("{namespace: n, workloads: {s: {SERVICE, good: v1}}}", "sha256:"),
        (
            "{namespace: n, workloads: {s: {SERVICE, floor: -1}}}",
            "replicas from 0",
        ),
        (
            "{namespace: n, workloads: {s: {SERVICE, image: x}}}",
            "one of the keys",
        ),
        ("{namespace: n, workloads: {s: {SERVICE, scale: 3}}}", "a mapping"),
        ("{namespace: n, workloads: {s: {SERVICE, scale: {normal: 1}}}}", "the key max"),
        (SCALED.replace("max: 6", "max: 1"), "replicas from 2"),
        (SCALED.replace("normal: 2", "normal: 6"), "replicas from 1 to 5"),
        (SCALED.replace("max: 6", "max: 60"), "replicas from 44 to 59"),
        (SCALED.replace("one node", "''"), "one line"),
        (SCALED.replace("{cpu: avx2}", "fast"), "labels of nodes"),
        (SCALED.replace("{cpu: avx2}", "{}"), "labels of nodes"),
        (SCALED.replace("{cpu: avx2}", "{cpu: 2}"), "the value of a label"),
        (SCALED.replace("role: service", "role: validator"), "a validator's key runs once"),
        (SCALED.replace("kind: Deployment", "kind: StatefulSet"), "of a Deployment only"),
        (
            "{namespace: n, context: c, workloads: {s: {SERVICE}}}",
            "a kubeconfig beside it",
        ),
        (
            "{namespace: n, server: x, workloads: {s: {SERVICE}}}",
            "one of the keys",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, section: str, expected: str) -> None:
    """With the line, and what is expected there."""
    with pytest.raises(UsageError) as raised:
        read(tmp_path, f"kubernetes: {section.replace('SERVICE', SERVICE)}\n")
    assert expected in raised.value.expected
    assert ":3" in raised.value.what


def test_the_library_is_loaded_late() -> None:
    """Who has no cluster does not wait for its client: it takes a third of a second."""
    text = (
        "import sys; import remediations.systems.kubernetes.system as s, remediations.playbooks."
        "service.domain as d; found = {'kubernetes', 'urllib3', 'asyncssh'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", text], check=True)
