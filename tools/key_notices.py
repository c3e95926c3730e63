#!/usr/bin/env python3
"""Writes drafts of notices about a key that is out. A person completes and sends them.

    remediate report RUN --json >report.json    # before it is applied: remediate show RUN --json
    python3 key_notices.py report.json [--affected FILE] [DIRECTORY]

One draft is for the owner of the key; the others are for those whose data was sealed to it, one for
each line of FILE (`-` as FILE: standard input). Without FILE there is one, which says where the
list comes from. What the run does not know stands there as a blank, `[what: how it is found]`, and
every blank is listed at the end. Nothing is sent, and no file is written twice.

Stand-alone (standard library only). Exit codes: 0 written · 2 not a plan about a key, an empty
list, or a file is there already.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MOST_BYTES = 64 * 1024 * 1024
MOST_PEOPLE = 100_000
BLANK = re.compile(r"\[[a-z][^\]]*: [^\]]+\]")
_UNSAFE = re.compile("[^a-zA-Z0-9._-]+")


class Case(NamedTuple):
    """What a run knows. `proven` is what checks that passed have seen, by their ids."""

    fingerprint: str
    new: str
    owner: str
    owner_name: str
    registered: str
    branch: str
    state: str
    proven: Mapping[str, str]


def case_of(document: Mapping[str, Any]) -> Case:
    """What is known, from `show --json` or `report --json`.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is no plan about a key.
    """
    result = document.get("result", document)
    report = result.get("report", result)
    plan = report.get("plan", report)
    if plan["domain"] != "keys":
        raise ValueError(f"a plan of the domain {plan['domain']}, expected keys")
    facts = {one["name"]: one["value"] for one in plan["facts"]}
    targets = {name.partition(".")[0] for name in facts if name.startswith("account/")}
    if len(targets) != 1:
        raise ValueError(f"the branch {plan['branch']} sends nothing: take the run that revoked")
    (target,) = targets
    acts_for_another = f"{target}.owner" in facts
    checks = [one for one in report.get("checks", ()) if one["outcome"] == "passed"]
    about = [one for one in plan["finding"]["subjects"] if one["name"] == facts["key.fingerprint"]]
    told = re.search(r"registered ([0-9: UTC-]+)", about[0]["cause"]) if about else None
    return Case(
        fingerprint=facts["key.fingerprint"],
        new="" if facts["key.new"] == "nothing" else facts["key.new"],
        owner=facts[f"{target}.owner" if acts_for_another else f"{target}.address"],
        owner_name="" if acts_for_another else facts[f"{target}.name"],
        registered=told[1].strip() if told else "",
        branch=plan["branch"],
        state=str(report.get("state", "planned")),
        proven={one["id"]: one["message"] for one in checks},
    )


def done(case: Case) -> list[str]:
    """What has been done, and only what checks have seen."""
    told = []
    if "RP1" in case.proven:
        where = f" ({case.proven['RP5']})" if case.proven.get("RP5") else ""
        told.append(f"The key is revoked on the chain{where}. Nobody can seal to it any more.")
    elif case.branch == "rotate-key" and "RP6" in case.proven:
        told.append("The key is rotated: nothing new is sealed to it. It is not revoked yet.")
    else:
        told.append(
            f"[what has been done: the run is {case.state}, and no check has seen the key revoked; "
            "write the draft again from `remediate report` of the finished run]"
        )
    if case.new and "RP2" in case.proven:
        told.append(f"A new key is registered in its place: {case.new}")
    told.append("What was sealed before is sealed anew: [how far that is: the report of that run]")
    return told


def owner_draft(case: Case) -> str:
    """To whoever has registered the key."""
    name = case.owner_name or "[name of the owner: whoever has the account " + case.owner + "]"
    steps = [
        "Keep the private half of this key, offline, until everything is sealed anew.",
        "Stop every daemon that holds it, or give it the new key: they go on and do not know.",
        "Tell us what else was on the machine it was on: other keys, tokens, passwords.",
    ]
    return _letter(
        f"Your key {case.fingerprint[:12]} is out",
        name,
        [
            f"The private half of the key {case.fingerprint} of your account {case.owner} is known "
            "to somebody else, or may be.",
            *_times(case),
        ],
        ["All that was ever sealed to this key: [what that is: the stores in the inventory]"],
        done(case),
        steps,
    )


def affected_draft(case: Case, to: str) -> str:
    """To somebody whose data was sealed to the key."""
    named = to or (
        "[to: the owners of what is sealed to this key, one draft for each. "
        "The stores in the inventory tell them; give them as --affected]"
    )
    steps = [
        "Take everything that you have sent to this recipient as known, from the time above on.",
        "Change what was derived from it: passwords, tokens, documents that can be replaced. "
        "[which of these we change for you: sessions and credentials that are reset]",
        "Sign in again where you are asked to. Nobody of us will ask you for a password or key.",
    ]
    return _letter(
        "Important security notice: action required",
        named,
        [
            "A key with which data of yours is protected is known to somebody else, or may be. "
            "Whoever has it can read what was sealed to it.",
            *_times(case),
        ],
        ["[which of this person's data: names of the objects and what is in them, not more]"],
        done(case),
        steps,
    )


def _times(case: Case) -> list[str]:
    registered = case.registered or "[when it was registered: `remediate diagnose keys`]"
    return [
        "Found: [when it was found: day and time, UTC]",
        f"May be known since: [since when: the earliest that cannot be ruled out; at the latest "
        f"found, at the earliest {registered}]",
        "How: [how it came out, in one sentence, as far as that is known]",
    ]


def _letter(
    subject: str,
    to: str,
    happened: Sequence[str],
    data: Sequence[str],
    doing: Sequence[str],
    steps: Sequence[str],
) -> str:
    """A notice in the form of the incident's template."""
    numbered = "\n".join(f"{at}. {step}" for at, step in enumerate(steps, 1))
    parts = (
        ("What happened", "\n".join(happened)),
        ("What information was involved", "\n".join(data)),
        ("What we are doing", "\n".join(doing)),
        ("What you should do", numbered),
        ("For more information", "[contact: who answers, and how, and until when]"),
    )
    body = "\n\n".join(f"{title}:\n{text}" for title, text in parts)
    return f"DRAFT, not sent\nTo: {to}\nSubject: {subject}\n\n{body}\n"


def people(content: str) -> list[str]:
    """Whom to tell, each once.

    Raises:
        ValueError: there is nobody, or too many.
    """
    found = list(dict.fromkeys(line.strip() for line in content.split("\n") if line.strip()))
    if not 1 <= len(found) <= MOST_PEOPLE:
        raise ValueError(f"{len(found)} in the list of those affected, expected 1 to {MOST_PEOPLE}")
    return found


def drafts(case: Case, affected: Sequence[str]) -> dict[str, str]:
    """The drafts by the names of their files."""
    owner = {f"notice-{case.fingerprint[:12]}-owner.txt": owner_draft(case)}
    if not affected:
        return owner | {f"notice-{case.fingerprint[:12]}-affected.txt": affected_draft(case, "")}
    named = {
        f"notice-{case.fingerprint[:12]}-{at:05d}-{_UNSAFE.sub('-', to)[:40]}.txt": to
        for at, to in enumerate(affected, 1)
    }
    return owner | {name: affected_draft(case, to) for name, to in named.items()}


def main(arguments: Sequence[str]) -> int:
    """Write them; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("directory", type=Path, nargs="?", default=Path())
    parser.add_argument("--affected", metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        case = case_of(json.loads(given.document.read_bytes()[:MOST_BYTES]))
        listed = given.affected
        content = sys.stdin.read() if listed == "-" else Path(listed).read_text() if listed else ""
        made = drafts(case, people(content) if listed else ())
        for name, text in made.items():
            with (given.directory / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"no drafts: {type(error).__name__}: {error}\n")
        return 2
    blanks = sorted({blank for text in made.values() for blank in BLANK.findall(text)})
    sys.stdout.write("".join(f"{given.directory / name}\n" for name in made))
    sys.stdout.write(f"{len(blanks)} blanks to fill in before they are sent:\n")
    sys.stdout.write("".join(f"  {blank}\n" for blank in blanks))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
