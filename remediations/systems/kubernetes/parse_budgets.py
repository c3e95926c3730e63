"""Disruption budgets, with the pods that they cover. Pure."""

from __future__ import annotations

from remediations.systems.kubernetes.tree import Tree, at, number, text, trees
from remediations.systems.kubernetes.values import Budget


def budget(tree: Tree, pods: list[Tree]) -> Budget:
    """A disruption budget, with the pods that it covers.

    Raises:
        TextError: something has another form.
    """
    seen = number(tree, "status", "observedGeneration", absent=0)
    current = seen >= number(tree, "metadata", "generation", absent=0)
    selector = at(tree, "spec", "selector")
    return Budget(
        name=text(tree, "metadata", "name"),
        allowed=number(tree, "status", "disruptionsAllowed", absent=0) if current else None,
        healthy=number(tree, "status", "currentHealthy", absent=0),
        needed=number(tree, "status", "desiredHealthy", absent=0),
        expected=number(tree, "status", "expectedPods", absent=0),
        evicts_unready=at(tree, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow",
        pods=tuple(sorted(text(p, "metadata", "name") for p in pods if _selects(selector, p))),
    )


def _selects(selector: object, pod: Tree) -> bool:
    """Whether a label selector matches a pod: its labels and its expressions. An empty one matches
    every pod, one that is left out none."""
    if selector is None:
        return False
    labels = at(pod, "metadata", "labels") or {}
    wanted = at(selector, "matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expression(one, labels) for one in trees(selector, "matchExpressions")
    )


def _expression(one: Tree, labels: dict[str, str]) -> bool:
    key, values = one.get("key"), one.get("values") or []
    has = key in labels
    return {
        "In": has and labels.get(str(key)) in values,
        "NotIn": not has or labels.get(str(key)) not in values,
        "Exists": has,
        "DoesNotExist": not has,
    }[str(one.get("operator"))]
