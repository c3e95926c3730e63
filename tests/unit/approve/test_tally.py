"""Who has signed, who still may, and which approval does not count, with the reason."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.approve.approval import NAMESPACE, Approval
from remediations.engine.approve.approval_file import read_approval, write_approval
from remediations.engine.approve.approve import approve_plan, sign_plan, verify_approval
from remediations.engine.approve.sshsig import parse_signature
from remediations.engine.approve.tally import Standing, Tally, accept_approval, tally_approvals
from remediations.engine.approve.verifier import Verifier
from remediations.engine.plan.plan import Plan
from remediations.errors import RemediationError, UsageError
from remediations.values.wire import canonical
from tests.unit.approve.certificates import AROUND_NOW, certify
from tests.unit.approve.keys import KEYGEN, MESSAGE, Key, approval_with, by_hand, judge, refused
from tests.unit.run.plans import NOW, plan

Keys = tuple[Key, Key, Key]
Allow = Callable[..., Path]
TWO = plan(approvals_needed=2)


def signed(key: Key, verifier: Verifier, of: Plan = TWO) -> Approval:
    return approve_plan(of, key.path, verifier, NOW)


def tally(verifier: Verifier, *approvals: Approval, of: Plan = TWO) -> Tally:
    kept = [(f"approvals/{n:03}.json", one) for n, one in enumerate(approvals, 1)]
    return tally_approvals(kept, of, verifier, NOW)


def may(told: Tally) -> list[str]:
    return [one.principal for one in told.may_sign]


def standings(told: Tally) -> list[Standing]:
    return [one.standing for one in told.approvals]


@pytest.fixture
def three(keys: Keys, allow: Allow) -> Verifier:
    """Alice with two keys, and Bob."""
    a, b, c = keys
    return judge(allow(a.line("alice"), b.line("bob"), c.line("alice")))


def test_people_are_told_apart(keys: Keys, three: Verifier) -> None:
    """Nobody, one, the same one with another key, and two."""
    nobody = tally(three)
    assert (nobody.needed, nobody.people, nobody.enough) == (2, 0, False)
    assert may(nobody) == ["alice", "bob", "alice"]
    by_a, by_b, by_c = (signed(key, three) for key in keys)
    one = tally(three, by_a)
    assert (one.people, one.enough, may(one)) == (1, False, ["bob"])
    again = tally(three, by_a, by_c)
    assert standings(again) == [Standing.COUNTS, Standing.REPEATED]
    assert again.approvals[1].why == "alice has signed in approvals/001.json"
    assert (again.people, again.enough) == (1, False)
    two = tally(three, by_a, by_b)
    assert (two.people, two.enough, may(two)) == (2, True, [])


def test_an_invalid_one_spoils_the_rest(keys: Keys, allow: Allow, three: Verifier) -> None:
    """As `apply` sees it; it is named with the reason."""
    by_a, by_b = signed(keys[0], three), signed(keys[1], three)
    foreign = approve_plan(plan(branch="another"), keys[1].path, three, NOW)
    for odd, guard in (
        (replace(by_b, statement=replace(by_b.statement, branch="x")), "statement"),
        (replace(by_b, signature=by_a.signature.replace("BEGIN", "begin")), "signature"),
        (foreign, "plan digest"),
    ):
        told = tally(three, by_a, by_b, odd)
        assert standings(told)[2] is Standing.INVALID
        assert f"({guard}: " in told.approvals[2].why
        assert (told.people, told.enough) == (2, False)
    only_bob = judge(allow(keys[1].line("bob")))
    told = tally(only_bob, by_a, by_b)
    assert "may not approve" in told.approvals[0].why


def test_an_expired_plan_has_a_hindrance(keys: Keys, three: Verifier) -> None:
    """The signatures were good; none of them helps any more."""
    kept = [("approvals/001.json", signed(keys[0], three, of=plan()))]
    late = tally_approvals(kept, plan(), three, plan().expires_at)
    assert standings(late) == [Standing.COUNTS]
    assert (late.enough, "expired" in late.hindrance) == (False, True)


def test_who_still_may(keys: Keys, allow: Allow, tmp_path: Path) -> None:
    """Lines that are out of date, for other uses, of several names or of revoked keys are not told;
    an authority is, as long as it is listed."""
    a, b, c = keys
    ca = a.line("*@example.org", 'cert-authority,namespaces="remediate-plan"')
    for line, names in (
        (b.line("bob"), ["bob"]),
        (b.line("bob", 'valid-after="20200101",valid-before="20990101"'), ["bob"]),
        (b.line("bob", 'valid-before="20261125120000"'), []),
        (b.line("bob", 'valid-before="202611251201Z"'), ["bob"]),
        (b.line("bob", 'valid-after="20261125130000Z"'), []),
        (b.line("bob", 'namespaces="git,remediate-*"'), ["bob"]),
        (b.line("bob", 'namespaces="git,!remediate-plan,*"'), []),
        (b.line("bob,carol"), []),
        (b.line("*@example.org") + b.line("bob"), []),
        (ca, ["*@example.org"]),
    ):
        assert may(tally(judge(allow(line)))) == names, line
    listed = allow(ca, b.line("bob"), c.line("carol"))
    for key, left in ((b, ["*@example.org", "carol"]), (a, ["bob", "carol"])):
        plain = tmp_path / "revoked"
        plain.write_text(f"{key.public}\n")
        krl = tmp_path / "krl"
        subprocess.run(
            ["ssh-keygen", "-q", "-k", "-f", krl, key.path.with_suffix(".pub")], check=True
        )
        for revoked in (plain, krl):
            revoked.chmod(0o600)
            assert may(tally(judge(listed, revoked))) == left


def test_one_certificate_key_under_two_names_is_one_person(
    keys: Keys, allow: Allow, tmp_path: Path
) -> None:
    """The authority may name a key as it likes; the key makes the person."""
    verifier = judge(allow(keys[0].line("*@example.org", "cert-authority")))
    given = []
    for name in ("alice@example.org", "bob@example.org"):
        (tmp_path / name).mkdir()
        made = certify(keys[0], keys[1], tmp_path / name, name)
        given.append(signed(Key(made.path), verifier))
    told = tally(verifier, *given)
    assert standings(told) == [Standing.COUNTS, Standing.REPEATED]
    assert told.approvals[1].why == (
        "its key has signed as alice@example.org in approvals/001.json"
    )
    error = refused(
        partial(accept_approval, given[1], [("approvals/001.json", given[0])], TWO, verifier, NOW)
    )
    assert error.guard == "one signature a person"


def test_certificate_that_was_altered_is_not_believed(
    keys: Keys, allow: Allow, tmp_path: Path
) -> None:
    """The authority's signature covers the name, and ssh-keygen checks it."""
    verifier = judge(allow(keys[0].line("*@example.org", "cert-authority")))
    made = certify(keys[0], keys[1], tmp_path, "carol@example.org", validity=AROUND_NOW)
    honest = by_hand(Key(made.path), MESSAGE, NAMESPACE)
    assert verify_approval(approval_with(honest), plan(), verifier, NOW).principal.startswith("c")
    data = parse_signature(honest).data.replace(b"carol@", b"alice@")
    text = base64.b64encode(data).decode()
    forged = f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"
    error = refused(lambda: verify_approval(approval_with(forged), plan(), verifier, NOW))
    assert error.what == "the plan is signed by a key that may not approve"


def test_what_is_signed_without_a_list_counts_where_there_is_one(
    keys: Keys, three: Verifier, tmp_path: Path
) -> None:
    """It names nobody; the name is found where it is added, and what its file says is not."""
    given = sign_plan(TWO, keys[1].path, KEYGEN, NOW)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", keys[1].path], capture_output=True, text=True, check=True
    )
    assert (given.principal, given.key_fingerprint) == ("", listed.stdout.split()[1])
    lies = replace(given, principal="alice", key_fingerprint="SHA256:x")
    accepted = accept_approval(lies, [], TWO, three, NOW)
    assert (accepted.principal, accepted.key_fingerprint) == ("bob", given.key_fingerprint)
    assert accepted.signature == given.signature


def test_what_is_not_taken_into_a_run(keys: Keys, three: Verifier) -> None:
    """Each with its own guard."""
    by_a, by_b, by_c = (signed(key, three) for key in keys)
    kept = [("approvals/001.json", by_a)]
    other = signed(keys[1], three, of=plan(branch="another"))
    for given, guard, at in (
        (by_c, "one signature a person", NOW),
        (by_a, "one signature a person", NOW),
        (other, "plan digest", NOW),
        (by_b, "expiry", TWO.expires_at),
        (by_b, "expiry", NOW - timedelta(days=1)),
    ):
        error = refused(partial(accept_approval, given, kept, TWO, three, at))
        assert error.guard == guard
    assert "bob" in refused(partial(accept_approval, by_c, kept, TWO, three, NOW)).expected
    assert accept_approval(by_b, kept, TWO, three, NOW).principal == "bob"


def test_an_approval_travels_as_a_file(keys: Keys, three: Verifier, tmp_path: Path) -> None:
    """Byte for byte or not at all; nothing else is written over."""
    given, path = signed(keys[0], three), tmp_path / "approval.json"
    write_approval(given, path)
    write_approval(given, path)
    assert read_approval(path) == given
    assert path.read_bytes() == canonical(given)
    edited = path.read_bytes()
    for data in (edited + b"\n", edited[:-1], b"", b"{}", edited.replace(b"{", b"{ ", 1)):
        path.write_bytes(data)
        with pytest.raises(UsageError) as caught:
            read_approval(path)
        assert caught.value.guard == "approval file"
    key = tmp_path / "id"
    key.write_text("a private key")
    with pytest.raises(RemediationError) as kept:
        write_approval(given, key)
    assert kept.value.guard == "--out"
    assert key.read_text() == "a private key"
    with pytest.raises(RemediationError):
        read_approval(tmp_path / "gone")
