"""A plan as Markdown for a pull request or a ticket, within the limit of a comment on GitHub.

1. What keeps the plan from being applied comes first, then why it is made, what it does to what the
   domain counts at each stage, how to sign it, and the exact commands, folded.
2. A program is shown whole or not at all. What there is no room for is counted, and it is said
   where it is. The digest is of all of it.
3. Every value is text (`render.markdown`); the only markup of ours that is HTML folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from remediations.engine.plan.applicable import first_line, why_not
from remediations.engine.plan.document import HEALTH_TONES, TONES, step_blocks
from remediations.engine.plan.grouping import group_by_program, guard_rows
from remediations.engine.plan.plan import NAMING, Impact, Outcome, Plan, Stage
from remediations.render.document import (
    Block,
    Bullets,
    Document,
    Folded,
    Heading,
    Labelled,
    Notice,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    exact_names,
)
from remediations.render.formats import count_of, format_moment, name_some, shorten
from remediations.render.markdown import folding_markdown
from remediations.render.printable import Exact

REVIEW_LIMIT = 65_536
"""Characters that a comment on GitHub may have."""
ROOM = 60_000
"""Characters of ours: a job may want to say something above it."""
LEAST_FOR_COMMANDS = 2_000


class Most(NamedTuple):
    """How much is shown: rows of a table, characters of a text in it, characters of prose."""

    rows: int
    text: int
    prose: int


SIZES = (Most(40, 300, 2_000), Most(20, 100, 600), Most(4, 40, 200), Most(1, 10, 60))
"""The largest that fits is taken: a hostile text takes ten times its length when it is escaped."""


def review_markdown(plan: Plan, digest: str, change: str, cannot: str = "") -> str:
    """The plan for reviewers. `change` is its change digest; `cannot` says why it cannot be
    applied, besides its guards."""
    for most in SIZES:
        view = _View(plan, digest, change, most, cannot or why_not(plan))
        head, tail = folding_markdown(view.head()), folding_markdown(view.tail())
        if len(head) + len(tail) + LEAST_FOR_COMMANDS <= ROOM:
            break
    room = ROOM - len(head) - len(tail)
    parts, left_out = [head], 0
    for stage in plan.stages:
        for blocks in _programs(stage):
            text = folding_markdown(blocks)
            if len(text) + LEAST_FOR_COMMANDS // 2 <= room:
                room -= len(text) + 1
                parts.append(text)
            else:
                left_out += 1
    if left_out:
        parts.append(folding_markdown((_left_out(left_out, "program"),)))
    return "\n".join((*parts, tail))


class _View(NamedTuple):
    """What is shown besides the programs, at one size."""

    plan: Plan
    digest: str
    change: str
    most: Most
    cannot: str

    def head(self) -> Document:
        plan, finding = self.plan, self.plan.finding
        verdict = Toned(self.text(finding.verdict).upper(), HEALTH_TONES[finding.health])
        return (
            *first_line(self.text(self.cannot)),
            Heading(1, self.text(plan.title)),
            *self.blocked(),
            *(Notice(self.text(text)) for text in plan.warnings[: self.most.rows]),
            *self.more(plan.warnings, "warning"),
            Labelled(self.summary()),
            Heading(2, "Why"),
            Paragraph((verdict, f" – {shorten(finding.headline, self.most.prose)}")),
            Paragraph(shorten(finding.explanation, self.most.prose)),
            *self.stages(),
            *([] if self.cannot else self.signing()),
            *([Heading(2, "Exact commands")] if plan.stages else []),
        )

    def tail(self) -> Document:
        plan = self.plan
        passed = [guard for guard in plan.guards if guard.outcome is Outcome.PASS]
        ids = tuple(dict.fromkeys(guard.id for guard in passed))
        checks = tuple((self.exact(one.id), f" {self.text(one.title)}") for one in plan.checks)
        return (
            Heading(2, "Checks afterwards"),
            Bullets(checks[: self.most.rows] or ("none",)),
            *self.more(plan.checks, "check"),
            Heading(2, f"Guards: {len(passed)} of {len(plan.guards)} pass"),
            Paragraph(self.names(ids, 4 * self.most.rows)),
            Paragraph(
                "Not shown here: the facts that decided, where names lead, what the checks compare "
                "with, and the readings. `remediate show run.tar --verbose` shows all that is "
                "signed."
            ),
        )

    def blocked(self) -> Iterator[Block]:
        """The guards that do not pass: then the plan cannot be applied, and there is no run."""
        rows = [row for row in guard_rows(self.plan) if row.guard.outcome is not Outcome.PASS]
        if not rows:
            return
        yield Paragraph("It can be read, and can neither be signed nor applied:")
        yield Table(
            ("Guard", "Of", "Outcome", "Title", "Got", "Expected", "Next"),
            tuple(
                (
                    self.exact(guard.id),
                    self.exact(name_some(subjects)) if any(subjects) else "all",
                    Toned(guard.outcome.upper(), TONES[guard.outcome]),
                    *map(self.text, (guard.title, guard.got, guard.expected, guard.next_step)),
                )
                for guard, subjects in rows[: self.most.rows]
            ),
        )
        yield from self.more(rows, "guard")

    def summary(self) -> tuple[tuple[str, Words], ...]:
        plan = self.plan
        chosen = ", ".join(f"--{one.name} {one.value}" for one in plan.inputs)
        acts = f"{count_of(len(plan.targets), 'target')}: {self.text(name_some(plan.targets))}"
        return (
            ("Playbook", (self.exact(plan.playbook), " / ", self.exact(plan.branch))),
            *([("Chosen", self.exact(chosen))] if chosen else []),
            ("Changes", self.names(plan.resources, self.most.rows)),
            ("Acts on", acts if plan.targets else "nothing"),
            ("Risk", f"{plan.risk}: {shorten(plan.worst_case, self.most.prose)}"),
            ("Observed", format_moment(plan.observed_at)),
            ("Expires", (Toned(format_moment(plan.expires_at), Tone.STRONG),)),
            ("Approvals", f"{max(1, plan.approvals_needed)} needed"),
            ("Digest", Exact(self.digest)),
            ("Change", (Exact(self.change), " (the same where only times and words differ)")),
        )

    def stages(self) -> Iterator[Block]:
        """What each stage does to what the domain counts."""
        stages = self.plan.stages
        if not stages:
            return
        shown = stages if len(stages) <= self.most.rows else stages[: self.most.rows - 1]
        rows = [*shown, *(stages[-1:] if len(shown) < len(stages) else ())]
        yield Heading(2, "At each stage")
        yield Table(
            ("Stage", "What", "On", "Counted", "Then"),
            tuple(
                (
                    str(stage.number),
                    self.text(stage.title),
                    self.text(name_some([step.target for step in stage.steps], 4)),
                    self.text("; ".join(map(_counted, stage.impacts))) or "–",
                    f"{self.text(stage.gate.title)}, at most {stage.gate.timeout_s} s",
                )
                for stage in rows
            ),
        )
        if len(rows) < len(stages):
            yield _left_out(len(stages) - len(rows), "stage")

    def signing(self) -> Document:
        return (
            Heading(2, "How to sign"),
            Paragraph(
                "With the exported run, or the plan's file, and nothing else; the screen shows "
                "every field that is signed:"
            ),
            Output("remediate approve run.tar --key KEY --out approval.json"),
            Paragraph(("It is this plan only if these digits are asked for: ", self.digits())),
        )

    def digits(self) -> Exact:
        return Exact(self.digest[:NAMING])

    def text(self, text: str) -> str:
        return shorten(text, self.most.text)

    def exact(self, text: str) -> Exact:
        return Exact(self.text(text))

    def names(self, given: tuple[str, ...], most: int) -> tuple[str | Toned, ...]:
        more = f" and {len(given) - most} more" if len(given) > most else ""
        return (*exact_names(tuple(map(self.text, given[:most]))), more)

    def more(self, items: Sequence[object], noun: str) -> Iterator[Block]:
        if len(items) > self.most.rows:
            yield _left_out(len(items) - self.most.rows, noun)


def _counted(impact: Impact) -> str:
    floor = f", at least {impact.floor} must remain" if impact.floor else ""
    return (
        f"{impact.measure}: {impact.before} → at worst {impact.worst} → {impact.after} of "
        f"{impact.total}{floor}"
    )


def _programs(stage: Stage) -> Iterator[Document]:
    """Each program of a stage, and of what takes it back, folded, with the values of every target
    that shares it."""
    back = [step for undo in stage.undo for step in undo.steps]
    for what, steps in (("Stage", stage.steps), ("Taking back stage", back)):
        for program in group_by_program(steps):
            summary = f"{what} {stage.number}: {count_of(1 + len(program.others), 'step')}"
            yield (Folded(summary, tuple(step_blocks(program))),)


def _left_out(number: int, noun: str) -> Block:
    return Notice(
        f"there is no room here for {count_of(number, f'more {noun}')}: "
        "`remediate show run.tar --verbose` shows all"
    )
