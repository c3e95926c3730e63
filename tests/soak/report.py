"""What a soak found: a line for each rescue, the contestants side by side, a file. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tests.soak.scorer import Harm, Outcome
from tests.soak.trial import Trial

OURS = "remediate"
GOAL = 95
"""Of a hundred seeds so many are rescued or rightly refused, and no one is harmed."""
Json = dict[str, object]


def line_of(trial: Trial) -> str:
    """One rescue: seed, who, how it ended and why, what it was."""
    ended = "; ".join(filter(None, (trial.outcome.value, *trial.harms, trial.why)))
    missed = "" if trial.happened or "during:" not in trial.disaster else " (did not come to it)"
    return (
        f"{trial.seed:>4}  {trial.contestant:<10} {trial.seconds:>6.1f} s  {ended}"
        f"  [{trial.disaster}{missed}]"
    )


def table_of(trials: Sequence[Trial]) -> str:
    """Outcomes and harms by contestant, side by side."""
    names = list(dict.fromkeys(trial.contestant for trial in trials))
    found = {name: [t for t in trials if t.contestant == name] for name in names}
    rows = [("", *names)]
    for outcome in Outcome:
        counts = Counter(t.contestant for t in trials if t.outcome is outcome)
        rows.append((outcome.value, *(str(counts[name]) for name in names)))
    for harm in Harm:
        hit = Counter(t.contestant for t in trials if any(h.startswith(harm) for h in t.harms))
        if hit:
            rows.append((f"  {harm.value}", *(str(hit[name]) for name in names)))
    rows.append(("seeds", *(str(len(found[name])) for name in names)))
    rows.append(("rescued or rightly refused", *(f"{_share(found[n]):.0f} %" for n in names)))
    first = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{row[0]:<{first}}" + "".join(f"  {cell:>10}" for cell in row[1:]) for row in rows
    )


def _share(trials: Sequence[Trial]) -> float:
    return 100 * sum(trial.good for trial in trials) / len(trials) if trials else 0.0


def goal_missed(trials: Sequence[Trial]) -> bool:
    """Whether ours harmed anything, or did worse than the goal."""
    ours = [trial for trial in trials if trial.contestant == OURS]
    harmed = any(trial.outcome is Outcome.HARMED for trial in ours)
    return harmed or (bool(ours) and _share(ours) < GOAL)


def again(trials: Sequence[Trial]) -> Iterator[str]:
    """How to see each rescue of ours again that did not end well."""
    for trial in trials:
        if trial.contestant == OURS and not trial.good:
            yield f"SEED={trial.seed} make soak   # {trial.outcome}: {trial.disaster}"


def document(trials: Sequence[Trial], broken: Sequence[str]) -> Json:
    """All of it, for a file. `broken` are the seeds that could not be played, and why."""
    return {"trials": [asdict(trial) for trial in trials], "not_played": list(broken)}
