"""Canaries at every source of secrets, libraries and servers that echo them, and every sink."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg import Connection

from remediations.cli.exits import run_command
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import RunEnded
from remediations.errors import RemediationError
from remediations.systems.stores import job, opening, private_key, s3
from remediations.systems.stores.inventory import BucketPlace, Place, TablePlace, Tls
from remediations.systems.stores.job_directory import JobClaim, jobs_in
from remediations.systems.stores.look import read_store
from remediations.systems.stores.reencrypt_section import KeyFile
from remediations.systems.stores.store import StoreError
from remediations.values.known_secrets import SHORTEST, document_without_secrets, remembered
from remediations.values.known_secrets import without_secrets as cleaned
from remediations.values.secret import Secret
from remediations.values.wire import canonical
from tests.lab.vaults import write_pem
from tests.unit.run.events import began
from tests.unit.stores.keys import SECOND
from tests.unit.stores.test_job import Here, here, name

__all__ = ["here"]

CANARY = b"canary-7+f/1&e?77"
ECHOES: dict[str, Callable[[bytes], str]] = {
    "raw": lambda value: value.decode(),
    "base64": lambda value: base64.b64encode(value).decode(),
    "base64, shifted": lambda value: base64.b64encode(b"x" + value + b"yz").decode(),
    "base64, shifted twice": lambda value: base64.b64encode(b"xx" + value + b"y").decode(),
    "hex": lambda value: value.hex(),
    "URL": lambda value: quote(value.decode(), safe=""),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"given": value.decode() + '"\\'})),
    "lines": lambda value: f"{value[:9].decode()}\n    {value[9:].decode()}",
}


def forms(value: bytes) -> list[str]:
    """What is looked for afterwards, also as escapes would show it."""
    encoded = [base64.b64encode(b"x" * skip + value)[4:-4].decode() for skip in range(3)]
    return [value.decode("latin-1"), value.hex(), quote(value, safe=""), *encoded]


def shows(text: str, value: bytes = CANARY) -> bool:
    flat = text.replace("\\n", "").replace("\n", "").replace(" ", "")
    return any(form in text or form in flat for form in forms(value))


def secret_file(path: Path, value: bytes = CANARY) -> str:
    path.write_bytes(value + b"\n")
    path.chmod(0o600)
    return str(path)


def bucket(tmp_path: Path) -> Place:
    return BucketPlace(
        name="blobs", endpoint="http://127.0.0.1:9", bucket="vault", prefix="", region="r",
        access_key="AK", secret_key_file=secret_file(tmp_path / "s3.secret"), ca_file=None,
    )  # fmt: skip


def table(tmp_path: Path) -> Place:
    return TablePlace(
        name="rows", host="127.0.0.1", port=9, database="d", user="u", tls=Tls.NONE, ca_file=None,
        password_file=secret_file(tmp_path / "pg.secret"), table="public.t", key_column="id",
        value_column="v",
    )  # fmt: skip


PLACES = {"S3": bucket, "PostgreSQL": table}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("kind", PLACES)
def test_a_library_that_quotes_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, echo: str
) -> None:
    """Its error gets into an observation, a journal, a screen, JSON and a traceback; none of them
    has the canary, all of them say that something was taken out, and JSON is JSON."""

    def quoted(*given: object, **named: object) -> None:
        said = [ECHOES[echo](CANARY) for one in named.values() if one == CANARY.decode()]
        said += [
            ECHOES[echo](one.secret_key.reveal()) for one in given if isinstance(one, s3.Bucket)
        ]
        raise StoreError(f"it refuses {' '.join(said)}")

    monkeypatch.setattr(s3, "client_of", quoted)
    monkeypatch.setattr(Connection, "connect", classmethod(quoted))
    survey = canonical(read_store(PLACES[kind](tmp_path), 5)).decode()
    assert "it refuses" in survey
    assert "<secret " in survey
    assert not shows(survey)


@pytest.mark.parametrize("echo", ECHOES)
def test_what_comes_out_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], echo: str
) -> None:
    """An error for people, the same as JSON, and the file with the traceback of a bug."""
    opening.secret_in(secret_file(tmp_path / "secret"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "bugs"))
    (tmp_path / "bugs").mkdir()
    said = ECHOES[echo](CANARY)

    def refuse() -> None:
        raise RemediationError(said, guard="g", got=said, expected=said, next_step=said)

    def break_down() -> None:
        raise ValueError(said)

    for run in (refuse, break_down):
        for arguments in ((), ("--json",)):
            assert run_command(run, arguments) != 0
            out = capfd.readouterr()
            assert not shows(out.out + out.err), out
            assert "<secret " in out.out + out.err
            if arguments:
                json.loads(out.out)
    (bug, _) = (path.read_text() for path in (tmp_path / "bugs").iterdir())
    assert "ValueError" in bug
    assert not shows(bug)


@pytest.mark.parametrize("echo", ECHOES)
def test_a_journal_is_whole_and_has_none(tmp_path: Path, echo: str) -> None:
    """It is cleaned before it is hashed, so its chain holds."""
    path = tmp_path / "journal.jsonl"
    opening.secret_in(secret_file(tmp_path / "secret"))
    with closing(Journal(path, "1" * 64)) as journal:
        for event in (
            began(),
            RunEnded(state="stopped", message=f"it said {ECHOES[echo](CANARY)}"),
        ):
            journal.append(event)
    assert not shows(path.read_text())
    assert "<secret " in read_journal(path)[-1].event.message  # type: ignore[union-attr]


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("error", [StoreError, ZeroDivisionError])
def test_the_files_of_a_job(
    here: Here, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    error: type[Exception], skip: int,
) -> None:  # fmt: skip
    """Its result and its log, however it breaks; and it has a result, also after a bug."""
    value = SECOND.secret.reveal()

    def breaks(*_: object) -> None:
        raise error(f"made {base64.b64encode(b'x' * skip + value).decode()} {value.hex()}")

    monkeypatch.setattr(job, "store_at", breaks)
    directory = jobs_in(here.directory).of_step(name())
    directory.make()
    step = here.step()
    directory.claim(
        JobClaim(plan="1", step="2", payload=step.payload, place=here.place, entry=here.entry)
    )
    job.work_through(directory)
    assert directory.result is not None
    assert "<secret " in directory.result.reason
    assert "plan again" in directory.result.reason
    told = capfd.readouterr().err
    assert ("ZeroDivisionError" in told) == (error is ZeroDivisionError)
    for sink in (told, (directory.path / "result.json").read_text()):
        assert not shows(sink, value)


def test_each_source_is_remembered(tmp_path: Path) -> None:
    """A secret key and a password are, by the tests above; a private key in each of its forms, and
    the passphrase that opens it."""
    raw = SECOND.secret.reveal()
    for form in (raw, raw.hex().encode(), base64.b64encode(raw)):
        file = tmp_path / "key"
        file.write_bytes(form)
        file.chmod(0o600)
        private_key.read_private_key(
            KeyFile(name="k", file=str(file), passphrase_file=None, backup=None)
        )
        assert not shows(cleaned(f"it says {form.decode('latin-1')}, {raw.hex()}"), raw)
    write_pem(tmp_path / "pem", SECOND, tmp_path / "passphrase")
    private_key.read_private_key(
        KeyFile(
            name="k", file=str(tmp_path / "pem"), passphrase_file=str(tmp_path / "passphrase"),
            backup=None,
        )
    )  # fmt: skip
    assert "horse" not in cleaned("wrong passphrase: correct horse")


def test_a_document_is_never_cut() -> None:
    """A secret that two strings have between them is in neither; names of members are strings, too;
    and what has none is the same bytes."""
    remembered(Secret(b"canary-canary", "s"))
    whole = canonical({"a": ["canary-", "canary"], "b": "x"})
    assert document_without_secrets(whole) == whole
    found = json.loads(document_without_secrets(canonical({"canary-canary": 'x "canary-canary"'})))
    ((key, value),) = found.items()
    assert key.startswith("<secret s")
    assert value.startswith('x "<secret s')


def test_a_short_word_is_no_canary() -> None:
    """A password that is the name of a host would take the host out of every record."""
    remembered(Secret(b"val1\n", "s"))
    assert len("val1") < SHORTEST
    assert cleaned("val1 is down") == "val1 is down"
