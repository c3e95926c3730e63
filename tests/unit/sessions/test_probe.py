"""What a probe says, and what is no answer at all."""

from __future__ import annotations

import datetime
import ipaddress
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from remediations.reach.http_exchange import ExchangeFailed
from remediations.systems.sessions.exchange import exchange, read_token
from remediations.systems.sessions.inventory import HttpProbe
from remediations.systems.sessions.look import read_item, read_sessions
from remediations.systems.sessions.probe import ProbeSilent, ask_probe, judge_answer
from remediations.systems.sessions.reading import ProbeAnswer
from remediations.values.reading import Known, Unknown, Why
from remediations.values.secret import Secret
from tests.unit.sessions.cases import Case
from tests.unit.sessions.service import TOKEN, Service

SINCE = 1_796_019_000


def probe(pointer: str, equals: str = "") -> HttpProbe:
    return HttpProbe(url="https://x/", pointer=pointer, equals=equals, within_s=1)


@pytest.mark.parametrize(
    ("asked", "tree", "done"),
    [
        (probe("/open", "0"), {"open": 0}, True),
        (probe("/open", "0"), {"open": 3}, False),
        (probe("/state/closed", "true"), {"state": {"closed": True}}, True),
        (probe("/list/1/state", '"ended"'), {"list": [{}, {"state": "ended"}]}, True),
        (probe("/a~1b/~0", '"x"'), {"a/b": {"~": "y"}}, False),
        (probe("/at"), {"at": SINCE}, True),
        (probe("/at"), {"at": SINCE - 1}, False),
        (probe("/at"), {"at": SINCE + 0.5}, True),
        (probe("/at"), {"at": SINCE - 0.5}, False),
        (probe("/at"), {"at": "2026-11-30T06:10:00Z"}, True),
        (probe("/at"), {"at": "2026-11-30T07:09:59+01:00"}, False),
        (probe("/at"), {"at": 0}, False),
        (probe("/at"), {"at": None}, False),
    ],
)
def test_what_an_answer_says(asked: HttpProbe, tree: object, done: bool) -> None:
    """By the declared value, or by a time."""
    assert judge_answer(asked, tree, None).is_done(SINCE) is done


@pytest.mark.parametrize("told", [0, None])
def test_never_is_an_answer(told: int | None) -> None:
    """And is shown as one."""
    assert judge_answer(probe("/at"), {"at": told}, None).seen == "/at: never"


@pytest.mark.parametrize(
    ("asked", "tree"),
    [
        (probe("/open", "0"), {"open": False}),
        (probe("/open", "0"), {"open": "0"}),
        (probe("/open", "0"), {"open": None}),
        (probe("/closed", "true"), {"closed": 1}),
        (probe("/open", "0"), {"opened": 0}),
        (probe("/open", "0"), []),
        (probe("/0", "0"), {"open": 0}),
        (probe("/5", "0"), [0]),
        (probe("/at"), {"at": True}),
        (probe("/at"), {"at": "2026-11-30T06:10:00"}),
        (probe("/at"), {"at": "yesterday"}),
        (probe("/at"), {"at": -5}),
        (probe("/at"), {"at": 10**400}),
        (probe("/at"), {"at": float("nan")}),
        (probe("/at"), {"at": [SINCE]}),
    ],
)
def test_what_is_no_answer(asked: HttpProbe, tree: object) -> None:
    """Another kind, another place, a time without a zone: never taken for "not yet"."""
    with pytest.raises(ProbeSilent):
        judge_answer(asked, tree, None)


def test_a_pointer_that_leads_to_the_token_shows_none() -> None:
    """As far as it is the token that was sent."""
    asked = probe("/token", '"x"')
    seen = judge_answer(asked, {"token": TOKEN}, Secret(TOKEN.encode(), "f")).seen
    assert TOKEN not in seen
    assert "secret" in seen


@pytest.mark.parametrize(
    ("fault", "why", "word"),
    [
        ("redirects", Why.FAILED, "not followed"),
        ("html", Why.MALFORMED, "not in JSON"),
        ("drips", Why.TIME_LIMIT, "within 1 s"),
        ("large", Why.TOO_LARGE, "more than 262144 bytes"),
        ("silent", Why.TIME_LIMIT, "within 1 s"),
    ],
)
def test_a_service_that_does_not_tell(case: Case, fault: str, why: Why, word: str) -> None:
    """Within its time as a whole, and in words of ours."""
    case.service.breaks(fault)
    began = time.monotonic()
    with pytest.raises(ProbeSilent, match=word) as silence:
        ask_probe(case.item(probe_s=1))
    assert silence.value.why is why
    assert time.monotonic() - began < 20, "it would go on for a minute"
    assert TOKEN not in str(silence.value)


def test_the_token_is_read_when_it_is_used(case: Case) -> None:
    """A wrong one is an answer 401, which quotes it, and is not quoted here."""
    assert ask_probe(case.item()) == ProbeAnswer(
        holds=False, not_before=0, seen="/state/open_sessions: 3"
    )
    (case.home / "portal.token").write_text("another-canary\n")
    with pytest.raises(ProbeSilent, match="it answered 401") as silence:
        ask_probe(case.item())
    assert "canary" not in str(silence.value)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"word\n", 0o640, Why.REFUSED),
        (b"two words\n", 0o600, Why.MALFORMED),
        (b"one\r\nX-Other: header\n", 0o600, Why.MALFORMED),
        (b"\n", 0o600, Why.MALFORMED),
        ("wörd".encode(), 0o600, Why.MALFORMED),
        (None, 0, Why.ABSENT),
    ],
    ids=["readable", "words", "lines", "empty", "letters", "absent"],
)
def test_a_token_that_is_not_used(
    tmp_path: Path, content: bytes | None, mode: int, why: Why
) -> None:
    """The error has its path, and nothing of what is in it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(ExchangeFailed) as refusal:
        read_token(str(path))
    assert (refusal.value.why, refusal.value.sent) == (why, False)
    assert str(path) in str(refusal.value)
    assert not any(word in str(refusal.value) for word in ("word", "X-Other", "wörd"))


def test_a_token_behind_a_link_is_not_used(tmp_path: Path) -> None:
    """It may lead elsewhere tomorrow."""
    (tmp_path / "real").write_text("word")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "token").symlink_to(tmp_path / "real")
    with pytest.raises(ExchangeFailed, match="symbolic link"):
        read_token(str(tmp_path / "token"))


def certificate(home: Path) -> Path:
    """One for this machine that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (home / "portal.pem").write_bytes(made.public_bytes(pem))
    (home / "portal.both").write_bytes(secret + made.public_bytes(pem))
    return home / "portal.both"


def test_who_vouches_for_a_server_is_what_the_inventory_says(tmp_path: Path) -> None:
    """Without it nothing is sent, the token least of all."""
    made = Service(tmp_path / "tls.db")
    made.make(1)
    (tmp_path / "portal.token").write_text(TOKEN)
    (tmp_path / "portal.token").chmod(0o600)
    with made.served(certificate=certificate(tmp_path)) as service:
        case = Case(service=service, home=tmp_path, url=service.url)
        assert not ask_probe(case.item(ca_file=str(tmp_path / "portal.pem"))).holds
        with pytest.raises(ProbeSilent, match="TLS: self"):
            ask_probe(case.item())
        with pytest.raises(ProbeSilent, match="No such file"):
            ask_probe(case.item(ca_file=str(tmp_path / "none.pem")))
        (tmp_path / "portal.pem").chmod(0o666)
        with pytest.raises(ProbeSilent, match="others may write"):
            ask_probe(case.item(ca_file=str(tmp_path / "portal.pem")))
        (tmp_path / "no.pem").write_text("no certificate")
        with pytest.raises(ProbeSilent, match="no certificate is in it"):
            ask_probe(case.item(ca_file=str(tmp_path / "no.pem")))
        assert len(service.requests("GET")) == 1


def test_a_name_that_nobody_can_have() -> None:
    """It is no bug of ours, and nothing was sent."""
    url = f"http://{'a' * 70}.example/"
    with pytest.raises(ExchangeFailed, match="no connection") as refusal:
        exchange("POST", url, "", token=None, ca_file=None, within_s=2)
    assert refusal.value.sent is False


def test_nobody_listens() -> None:
    """Nothing was sent."""
    with pytest.raises(ExchangeFailed, match="Connection refused") as refusal:
        exchange("POST", "http://127.0.0.1:9/", "", token=None, ca_file=None, within_s=2)
    assert refusal.value.sent is False


def test_what_is_read_of_an_item(case: Case) -> None:
    """How it stands, its programs with their hashes, and why its files cannot be used."""
    found = read_item(case.item(), "here", "here")
    assert isinstance(found.answer, Known)
    assert (found.flaw, found.programs_text) == ("", "none")
    (case.home / "portal.token").chmod(0o644)
    assert "chmod 600" in read_item(case.item(), "here", "here").flaw
    missing = str(case.home / "none.pem")
    (case.home / "portal.token").chmod(0o600)
    assert "none.pem" in read_item(case.item(ca_file=missing), "here", "here").flaw
    command = case.command("true", "exit 1")
    found = read_item(command, "here", "here")
    assert isinstance(found.answer, Known)
    assert found.programs_text.count("sha256 ") == 2
    bare = replace(command, probe=replace(command.probe, run=(str(case.home / "gone"),)))
    found = read_item(bare, "here", "here")
    assert isinstance(found.answer, Unknown)
    assert "No such file" in found.programs_text


def test_elsewhere_nothing_is_asked_or_run(case: Case) -> None:
    """Tokens and programs are on one machine."""
    item = case.command(f"touch {case.home}/ran", f"touch {case.home}/ran")
    found = read_item(item, "vault-1", "laptop")
    assert isinstance(found.answer, Unknown)
    assert found.answer.why is Why.NOT_ASKED
    assert "vault-1 alone" in found.programs_text
    assert not (case.home / "ran").exists()


def test_one_item_that_hangs_costs_no_other_anything(case: Case) -> None:
    """All are asked at once."""
    import asyncio

    good = case.command("true", "true")
    entry = case.entry(case.item(probe_s=1), good)
    case.service.breaks("silent")
    found = asyncio.run(read_sessions(entry))
    assert [isinstance(one.answer, Known) for one in found.items] == [False, True]
