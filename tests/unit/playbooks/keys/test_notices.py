"""`tools/key_notices.py`: drafts that say what is proven, and show what is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.plan.build import deciding_facts
from remediations.playbooks.keys import grant, rotate
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.finding import conclude
from remediations.playbooks.keys.situation import KeysSituation
from remediations.values.wire import canonical
from tests.unit.playbooks.keys.cases import NEW, OUT, STRANGER, THEIRS, VAULT, situation
from tools import key_notices as tool

OWNER, AFFECTED = f"notice-{OUT[:12]}-owner.txt", f"notice-{OUT[:12]}-affected.txt"


def plan(keys: KeysSituation, branch: str = "revoke-key") -> dict[str, Any]:
    """What `show --json` has of a plan."""
    (found,) = [one for one in PLAYBOOK.branches if one.name == branch]
    facts = [
        {"name": one.name, "value": one.value}
        for one in deciding_facts(DOMAIN, keys, found.propose(keys))
    ]
    finding = json.loads(canonical(conclude(keys)))
    return {"domain": "keys", "branch": branch, "facts": facts, "finding": finding}


def report(keys: KeysSituation, *checks: tuple[str, str], branch: str = "revoke-key") -> Any:  # noqa: ANN401 - JSON
    """What `report --json` has of its run."""
    seen = [{"id": one, "outcome": "passed", "message": message} for one, message in checks]
    failed = {"id": "RP3", "outcome": "failed", "message": "changed"}
    whole = {"plan": plan(keys, branch), "state": "verified", "checks": [*seen, failed]}
    return {"result": {"report": whole, "file": None}}


def test_before_anything_is_done_the_drafts_say_so() -> None:
    """Whose key, since when it was registered; the rest is a blank."""
    case = tool.case_of({"result": {"plan": plan(situation())}})
    made = tool.drafts(case, ())
    assert set(made) == {OWNER, AFFECTED}
    assert "To: vault" in made[OWNER]
    assert VAULT in made[OWNER]
    assert "at the earliest 2026-11-" in made[OWNER]
    assert "[what has been done: the run is planned" in made[OWNER]
    assert "is revoked on the chain" not in made[AFFECTED]
    assert "[to: the owners" in made[AFFECTED]
    assert all(text.startswith("DRAFT, not sent\n") for text in made.values())


def test_what_was_done_is_what_checks_have_seen() -> None:
    """With the transaction and its block; a new key only where it is recorded."""
    proven = (("RP1", "revoked"), ("RP5", "AB12 in block 77"))
    case = tool.case_of(report(situation(), *proven))
    (told, sealed) = tool.done(case)
    assert "revoked on the chain (AB12 in block 77)" in told
    assert "[how far that is:" in sealed
    with_new = tool.case_of(report(situation(), *proven, ("RP2", "active")))
    assert any(NEW in one for one in tool.done(with_new))


def test_a_rotated_key_is_not_called_revoked() -> None:
    """Nor is it before its check."""
    keys = situation(None, order="rotate-first")
    case = tool.case_of(report(keys, ("RP6", "rotated"), branch=rotate.BRANCH.name))
    assert "It is not revoked yet." in tool.done(case)[0]


def test_by_a_grant_the_owner_is_told_and_not_the_admin() -> None:
    """Who owns it may be in no inventory: then the name is a blank."""
    keys = situation(None, fingerprint=THEIRS, new_key="", **{"as": "admin"})
    case = tool.case_of({"plan": plan(keys, grant.BRANCH.name)})
    assert (case.owner, case.owner_name) == (STRANGER, "")
    assert f"To: [name of the owner: whoever has the account {STRANGER}]" in tool.owner_draft(case)


def test_one_draft_for_each_who_is_affected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each once, none twice written, blanks listed."""
    document, listed = tmp_path / "report.json", tmp_path / "people.txt"
    document.write_text(json.dumps(report(situation(), ("RP1", "revoked"))))
    listed.write_text("ann@example.org\n\nbob@example.org\nann@example.org\n")
    words = [str(document), str(tmp_path), "--affected", str(listed)]
    assert tool.main(words) == 0
    written = sorted(path.name for path in tmp_path.glob("notice-*.txt"))
    assert len(written) == 3
    assert any(name.endswith("00001-ann-example.org.txt") for name in written)
    said = capsys.readouterr().out
    assert "[when it was found: day and time, UTC]" in said
    assert tool.main(words) == 2
    assert "FileExistsError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "people"),
    [("{}", None), ("[]", None), ("no JSON", None), ('{"plan": {"domain": "chain"}}', None),
     (None, "\n \n")],
)  # fmt: skip
def test_what_is_no_plan_about_a_key_is_refused(
    tmp_path: Path, content: str | None, people: str | None
) -> None:
    """And an empty list is nobody; nothing is written."""
    document, listed = tmp_path / "plan.json", tmp_path / "people.txt"
    document.write_text(content or json.dumps(plan(situation())))
    listed.write_text(people or "ann\n")
    assert tool.main([str(document), str(tmp_path), "--affected", str(listed)]) == 2
    assert list(tmp_path.glob("notice-*")) == []
