"""The program that signs and sends an unjail, run for real under /bin/sh: with a daemon that signs,
and a node's RPC, both of files."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.comet.unjail import (
    INCLUDE_LIMIT_S,
    TRANSACTIONS,
    PlannedTransaction,
    PlannedUnjail,
    unjail_text,
)
from remediations.systems.hosts.driver import PROBES
from remediations.systems.hosts.probe import not_jailed
from tests.unit.model.stakes import validator
from tests.unit.operations.host import FakeHost
from tests.unit.operations.test_rollback_text import SYSTEMD_RUN
from tests.worlds.jail import ACCOUNT, OPERATOR, OPERATOR_BYTES

RPC = "http://127.0.0.1:26657"
SIGNED = base64.b64encode(b"a transaction that somebody signed" * 5).decode()
HASH = hashlib.sha256(base64.b64decode(SIGNED)).hexdigest().upper()
ACCEPTED = {"code": 0, "data": "", "log": "", "codespace": "", "hash": HASH}

CURL = r"""#!/bin/sh
cd "$(dirname "$0")/../rpc" || exit 99
for word; do url=$word; done
case $url in
  */abci_query*) cat validator ;;
  */tx\?hash=0x*)
    echo "$url" >>asked
    if [ -e tx ]; then cat tx; else echo '{"error":{"data":"tx not found"}}'; fi ;;
  *)
    cat >>sent
    echo >>sent
    cat answer
    sh ./on-sent ;;
esac
"""

DAEMON = r"""#!/bin/sh
echo "$*" >>"{root}/ran"
case "$1 $2" in
  "tx sign") cat "$3" >"{root}/unsigned"; {sign} ;;
  "tx encode") printf '%s\n' '{signed}' ;;
esac
"""


class Jailed(FakeHost):
    """A host whose validator is jailed; its node includes what it is sent."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.rpc = root / "rpc"
        for name in ("rpc", "run", "lib"):
            (root / name).mkdir()
        self.script("systemd-run", SYSTEMD_RUN)
        self.script("setpriv", '#!/bin/sh\nwhile [ "$1" != curl ]; do shift; done\nexec "$@"\n')
        self.script("curl", CURL)
        self.show(EnvironmentFiles="", WorkingDirectory="", Group="", LimitNOFILE="65535")
        self.show(ActiveState="active")
        self.daemon()
        self.tells(jailed=True)
        self.answers(ACCEPTED)
        self.on_sent(included=True)

    def daemon(self, sign: str = "") -> None:
        line = '{"body":{"memo":""},"auth_info":{},"signatures":["AAAA"]}'
        text = DAEMON.replace("{sign}", sign or f"printf '%s\\n' '{line}'")
        self.script("ve", text.replace("{root}", str(self.root)).replace("{signed}", SIGNED))
        command = f"{self.root}/bin/ve"
        self.show(ExecStart=f"{{ path={command} ; argv[]={command} start --home {self.home} ; }}")

    def tells(self, *, jailed: bool, name: str = "validator") -> None:
        """What the chain says of the validator."""
        value = base64.b64encode(validator(jailed=jailed)).decode()
        response = {"code": 0, "value": value, "height": "5"}
        (self.rpc / name).write_text(json.dumps({"result": {"response": response}}, indent=1))

    def answers(self, result: dict[str, object]) -> None:
        """What a broadcast is answered with."""
        (self.rpc / "answer").write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}))

    def on_sent(self, *, included: bool, code: int = 0) -> None:
        """What becomes of what is sent."""
        self.tells(jailed=False, name="free")
        tx = {"result": {"hash": HASH, "height": "41", "tx_result": {"code": code, "log": ""}}}
        (self.rpc / "included").write_text(json.dumps(tx))
        does = "cp included tx\n" if included else ""
        does += "cp free validator\n" if included and not code else ""
        (self.rpc / "on-sent").write_text(does)

    def planned(self, **changes: str | int) -> PlannedUnjail:
        data: dict[str, str | int] = {
            "chain_id": "ve-1",
            "rpc": RPC,
            "operator": OPERATOR,
            "account_number": 7,
            "sequence": 3,
            "fee": "7500uve",
            "memo": "remediate: unjail 0A1B2C3D4E5F",
            "signed": "",
            **changes,
        }
        transaction = {name: data[name] for name in PlannedTransaction.__dataclass_fields__}
        return PlannedUnjail(
            node=self.node(),
            transaction=PlannedTransaction(**transaction),  # type: ignore[arg-type]
        )

    def does(self, **changes: str | int) -> tuple[int, str, str]:
        text = unjail_text(self.planned(**changes)).replace("/run/remediate", f"{self.root}/run/r")
        text = text.replace(f"include_limit={INCLUDE_LIMIT_S}", "include_limit=1")
        done = self.run(text.replace(TRANSACTIONS, f"{self.root}/lib/transactions"))
        return done.returncode, done.stdout, done.stderr

    @property
    def sent(self) -> list[str]:
        """The transactions that were sent, in order."""
        path = self.rpc / "sent"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["params"]["tx"] for line in lines]

    @property
    def kept(self) -> list[Path]:
        return sorted((self.root / "lib/transactions").glob("*"))


@pytest.fixture
def host(tmp_path: Path) -> Jailed:
    return Jailed(tmp_path)


def test_signed_kept_sent_once_and_confirmed(host: Jailed) -> None:
    """What is signed is what was planned; the signed bytes are kept; the chain has the word."""
    code, out, err = host.does()
    assert (code, out) == (0, f"unjailed: {OPERATOR} by {HASH} in block 41\n"), err
    assert host.sent == [SIGNED]
    assert (host.root / "unsigned").read_text() == host.planned().transaction.unsigned
    sign, encode = (host.root / "ran").read_text().splitlines()
    for words in (
        f"--from {ACCOUNT} --chain-id ve-1 --offline --account-number 7 --sequence 3",
        "--keyring-backend test",
    ):
        assert words in sign
    assert all(line.endswith(f"--home {host.home}") for line in (sign, encode))
    (kept,) = host.kept
    assert kept.read_text().strip() == SIGNED
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list((host.root / "run").iterdir()) == []


def test_the_transaction_is_whole_and_unsigned(host: Jailed) -> None:
    """Message, fee, gas and memo as the program reads them; no fee is an empty list."""
    whole = json.loads(host.planned().transaction.unsigned)
    (message,) = whole["body"]["messages"]
    assert message == {
        "@type": "/cosmos.slashing.v1beta1.MsgUnjail",
        "validator_addr": OPERATOR,
    }
    assert whole["auth_info"]["fee"]["amount"] == [{"denom": "uve", "amount": "7500"}]
    assert whole["auth_info"]["fee"]["gas_limit"] == "300000"
    assert whole["signatures"] == []
    free = json.loads(host.planned(fee="").transaction.unsigned)
    assert free["auth_info"]["fee"]["amount"] == []


def test_what_was_signed_elsewhere_is_kept_and_sent_and_nothing_is_signed(host: Jailed) -> None:
    """The program of the node is not run at all; a crash changes nothing of what is sent."""
    host.on_sent(included=False)
    assert host.does(signed=SIGNED)[0] == 1
    (kept,) = host.kept
    assert kept.read_text().strip() == SIGNED
    host.on_sent(included=True)
    code, out, err = host.does(signed=SIGNED)
    assert (code, HASH in out) == (0, True), err
    assert set(host.sent) == {SIGNED}
    assert not (host.root / "ran").exists()


def test_somebody_else_was_faster(host: Jailed) -> None:
    """Nothing is signed and nothing is sent."""
    host.tells(jailed=False)
    assert host.does()[:2] == (0, f"already so: {OPERATOR} is not jailed\n")
    assert not (host.root / "ran").exists()
    assert host.sent == []


def test_after_a_crash_the_kept_one_is_sent_and_no_other(host: Jailed) -> None:
    """Killed after it was kept: nothing is signed again, and its hash is the same."""
    host.on_sent(included=False)
    assert host.does()[0] == 1
    (host.root / "ran").unlink()
    host.on_sent(included=True)
    code, out, _ = host.does()
    assert (code, HASH in out) == (0, True)
    assert not (host.root / "ran").exists()
    assert set(host.sent) == {SIGNED}


def test_what_the_chain_has_is_not_sent_again(host: Jailed) -> None:
    """Killed after it was sent: found by its hash."""
    host.on_sent(included=False)
    assert host.does()[0] == 1
    (host.rpc / "tx").write_text((host.rpc / "included").read_text())
    (host.rpc / "sent").unlink()
    code, _, err = host.does()
    assert code == 1  # included, and the validator is jailed all the same
    assert "jailed: yes" in err
    assert host.sent == []


def test_another_sequence_is_another_transaction(host: Jailed) -> None:
    """The kept one is good for the planned sequence only."""
    assert host.does()[0] == 0
    host.tells(jailed=True)
    (host.rpc / "tx").unlink()
    assert host.does(sequence=4)[0] == 0
    assert len(host.kept) == 2


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ({"code": 32, "log": "account sequence mismatch", "codespace": "sdk"}, "mismatch"),
        ({"code": 13, "log": "insufficient fees; required: 7500uve", "codespace": "sdk"}, "fees"),
    ],
)
def test_a_node_that_refuses_it(host: Jailed, result: dict[str, object], says: str) -> None:
    """Its words are told; nothing is claimed."""
    host.answers(result)
    host.on_sent(included=False)
    code, _, err = host.does()
    assert (code, says in err) == (1, True), err


def test_a_transaction_that_failed_in_its_block(host: Jailed) -> None:
    """Accepted, included, and without effect: the code of the block tells, not that of the node."""
    host.on_sent(included=True, code=4)
    code, _, err = host.does()
    assert (code, "ended with code 4" in err) == (1, True), err


def test_a_key_that_cannot_sign(host: Jailed) -> None:
    """Refused before anything is kept or sent, with the program's own words."""
    host.daemon("echo 'Error: key not found' >&2; exit 1")
    code, _, err = host.does()
    assert code == 64
    assert "key not found" in err
    assert (host.kept, host.sent) == ([], [])


def test_a_node_that_says_nothing(host: Jailed) -> None:
    """Nobody knows whether it is jailed: nothing is signed."""
    (host.rpc / "validator").write_text("")
    code, _, err = host.does()
    assert (code, "refused: got no answer" in err) == (64, True)
    assert not (host.root / "ran").exists()


def test_the_probe_asks_the_chain(host: Jailed) -> None:
    """Yes, no, and neither where the node does not tell."""
    probe = not_jailed(RPC, OPERATOR_BYTES.hex())
    assert not host.holds(probe)
    host.tells(jailed=False)
    assert host.holds(probe)
    for odd in ("", '{"result":{"response":{"value":"AAAA"}}}', "<html>"):
        (host.rpc / "validator").write_text(odd)
        assert host.ask(*probe.words).returncode == 69


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("not-jailed", "file:///etc/passwd", "00" * 20), 65),
        (("not-jailed", "http://h:1/x?y", "00" * 20), 65),
        (("not-jailed", RPC, "00" * 19), 65),
        (("not-jailed", RPC, "0x" + "00" * 19), 65),
        (("not-jailed", RPC), 64),
    ],
)
def test_a_bad_question_is_refused(host: Jailed, words: tuple[str, ...], code: int) -> None:
    """The program of the probes checks what it is given."""
    assert host.ask(*words).returncode == code
    assert "not-jailed" in PROBES


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": "ve 1"},
        {"rpc": "https://h:1"},
        {"operator": ACCOUNT},
        {"operator": "x' ; reboot"},
        {"fee": "uve"},
        {"memo": "a'b"},
        {"sequence": -1},
        {"signed": "AAAA"},
        {"signed": f"{'A' * 100}'; reboot"},
        {"signed": "A" * 20_000},
        {"account_number": "7"},
    ],
)
def test_odd_values_make_no_program(host: Jailed, change: dict[str, str | int]) -> None:
    """They come from a chain and a node that may lie."""
    with pytest.raises(PlannedNodeError):
        host.planned(**change)
