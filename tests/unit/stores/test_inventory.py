"""The section `stores`, and what is read of it."""

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
from remediations.systems.stores.inventory import (
    BucketPlace,
    ChainPlace,
    FilesPlace,
    Place,
    TablePlace,
    Tls,
    stores_of,
)
from remediations.systems.stores.look import read_store
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.reading import StoreReading, StoresReading
from remediations.systems.stores.system import STORES
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from remediations.values.wire import canonical
from tests.unit.stores.keys import FIRST, ONE, SECOND, SEVERAL

SYSTEMS = InstalledSystems(systems=(COMET, HOSTS, STORES), troubles=())
S3 = "{kind: s3, endpoint: https://s3.x, bucket: vault, access_key: AK, secret_key_file: s3.key}"
TABLE = (
    "{kind: postgres, host: db.x, database: d, user: u, password_file: pg.key, "
    "table: public.t, key_column: id, value_column: v}"
)

CHAIN = (
    "{kind: chain, chain_id: c-1, endpoints: {one: 'https://rpc.x'}, module: veid, prefix: '02', "
    "accept_locked: 3}"
)


def read(tmp_path: Path, places: str) -> Inventory:
    """An inventory with these stores and a bastion."""
    file = tmp_path / "inventory.yaml"
    stores = f"stores: {places}\n" if places else ""
    file.write_text(
        f"version: 2\nchain: {{id: c-1}}\n{stores}hosts:\n  jump: {{chain: {{role: bastion}}}}\n"
    )
    file.chmod(0o600)
    return load_inventory(file, SYSTEMS)


def bucket(secret_key_file: Path) -> BucketPlace:
    return BucketPlace(
        name="b", endpoint="http://127.0.0.1:9", bucket="vault", prefix="", region="us-east-1",
        access_key="AK", secret_key_file=str(secret_key_file), ca_file=None,
    )  # fmt: skip


def test_all_of_it(tmp_path: Path) -> None:
    """Four kinds, with defaults; credentials are files beside the inventory."""
    table_place = f"{TABLE[:-1]}, ca_file: ca.pem}}"
    places = f"{{places: {{a: {{kind: files, path: /srv/vault}}, b: {S3}, c: {table_place}}}}}"
    entry = stores_of(read(tmp_path, places))
    files, s3, table = entry.places
    assert files == FilesPlace(name="a", path="/srv/vault")
    assert isinstance(s3, BucketPlace)
    assert isinstance(table, TablePlace)
    assert (s3.prefix, s3.secret_key_file) == ("", str(tmp_path / "s3.key"))
    assert (s3.ca_file, table.ca_file) == (None, str(tmp_path / "ca.pem"))
    chain = stores_of(read(tmp_path, f"{{places: {{d: {CHAIN}}}}}")).place("d")
    assert isinstance(chain, ChainPlace)
    assert (chain.prefix, chain.rules.accept_locked) == ("02", 3)
    assert (table.port, table.tls, entry.read_within_s) == (5432, Tls.VERIFY_FULL, 60)


def test_without_it_nothing_is_read(tmp_path: Path) -> None:
    """No section, no stores."""
    inventory = read(tmp_path, "")
    assert not STORES.is_in(inventory)
    assert stores_of(inventory).places == ()


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ("{}", "places"),
        ("{places: {}}", "1 to 50 of them"),
        ("{places: {A: {kind: files, path: /a}}}", "small letters"),
        ("{places: {a: {kind: ftp, path: /a}}}", "files | s3 | postgres"),
        ("{places: {a: {kind: files, path: a}}}", "absolute path"),
        ("{places: {a: {kind: files, path: /a/../b}}}", "absolute path"),
        ("{places: {a: {kind: files, path: /a, mode: x}}}", "one of the keys"),
        (f"{{places: {{a: {S3.replace('https', 'http')}}}}}", "this machine alone"),
        (f"{{places: {{a: {S3.replace('AK', '')}}}}}", "access key"),
        (f"{{places: {{a: {TABLE.replace('public.t', 't')}}}}}", "SCHEMA.TABLE"),
        (f"{{places: {{a: {TABLE[:-1]}, tls: none}}}}}}", "this machine alone"),
        (f"{{places: {{a: {TABLE[:-1]}, password: canary}}}}}}", "one of the keys"),
        (f"{{places: {{a: {CHAIN.replace('one:', 'One:')}}}}}", "small letters"),
        (f"{{places: {{a: {CHAIN.replace('https', 'ftp')}}}}}", "of an RPC"),
        (f"{{places: {{a: {CHAIN.replace('02', '0x2')}}}}}", "hex digits"),
        (f"{{places: {{a: {CHAIN.replace('veid', 'a/b')}}}}}", "a module's store"),
        (f"{{places: {{a: {CHAIN[:-1]}, former_versions: keep}}}}}}", "one of the keys"),
        (f"{{read_within_seconds: 0, places: {{a: {TABLE}}}}}", "seconds from 1 to 3600"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, places: str, expected: str) -> None:
    """And what would be right."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, places)
    assert expected in caught.value.expected
    assert "inventory.yaml:" in caught.value.what


def test_a_store_is_gone_through(tmp_path: Path) -> None:
    """How many of what, sealed to whom; the form is canonical."""
    for name, data in {"one": ONE, "several": SEVERAL, "cut": ONE[:-1], "notes": b"x"}.items():
        (tmp_path / name).write_bytes(data)
    reading = read_store(FilesPlace(name="a", path=str(tmp_path)), 60)
    assert isinstance(reading.survey, Known)
    survey = reading.survey.value
    assert (survey.versions, survey.envelopes, survey.several) == (4, 2, 1)
    assert (survey.foreign, survey.damaged, survey.unread, survey.markers) == (1, 1, 0, 0)
    counts = {FIRST.fingerprint: 2, SECOND.fingerprint: 1}
    found = [(one.fingerprint, one.live, one.former, one.several) for one in survey.keys]
    assert found == [(one, counts[one], 0, 1) for one in sorted(counts)]
    assert survey.key(FIRST.fingerprint) != survey.key(SECOND.fingerprint)
    first = survey.key(FIRST.fingerprint)
    assert first is not None
    assert first.root == survey.root
    part = Part.of(StoresReading(stores=(reading,)))
    assert part.read(StoresReading).stores == (reading,)
    assert STORES.unanswered(StoresReading(stores=(reading,))) == ()


def unread(reading: StoreReading) -> Unknown:
    assert isinstance(reading.survey, Unknown)
    return reading.survey


def test_what_could_not_be_gone_through_is_unknown(tmp_path: Path) -> None:
    """Each with its reason; a part of a store is no reading of it."""
    (tmp_path / "one").write_bytes(ONE)
    late = read_store(FilesPlace(name="a", path=str(tmp_path)), -1)
    assert unread(late).why is Why.TIME_LIMIT
    gone = read_store(FilesPlace(name="b", path=str(tmp_path / "nowhere")), 60)
    assert unread(gone).why is Why.ABSENT
    assert len(STORES.unanswered(StoresReading(stores=(late, gone)))) == 2


def test_credentials_are_read_where_nobody_else_reads_them(tmp_path: Path) -> None:
    """And are in no reading, no reason and no part of an inventory."""
    key = tmp_path / "s3.key"
    place: Place = bucket(key)
    assert unread(read_store(place, 60)).why is Why.ABSENT
    key.write_text("canary-of-s3\n")
    key.chmod(0o644)
    assert unread(read_store(place, 60)).why is Why.DENIED
    key.chmod(0o600)
    reading = unread(read_store(place, 60))
    assert reading.why is Why.UNREACHABLE
    assert b"canary" not in canonical(reading)
    assert "canary" not in repr(store_at(place))
    key.write_bytes(b"two\nlines\n")
    assert unread(read_store(place, 60)).why is Why.MALFORMED


def test_nothing_is_loaded_to_declare_it() -> None:
    """boto3 alone would take longer than the rest of a command."""
    code = (
        "import sys, remediations.systems.stores.system\n"
        "found = {'boto3', 'psycopg', 'nacl'} & set(sys.modules)\n"
        "sys.exit(repr(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
