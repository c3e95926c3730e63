"""A transaction of a Cosmos chain that is not signed yet: its JSON, and the bytes to sign. Pure.

Two ways to sign are known. `DIRECT` signs the transaction's own bytes; a Ledger signs a JSON text
made from them (`AMINO_JSON`). Either way the bytes that reach the chain are made here, from what
was planned, and a signature is all that is taken from outside.

Messages are known by name, with the numbers of their fields: of a message that is not known, no
bytes can be made, and it is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from remediations.values.multisig import Multisig, key_bytes
from remediations.values.protobuf import write_bytes, write_number, write_text
from remediations.values.record import Record

Tree = dict[str, Any]
REGISTER = "/virtengine.encryption.v1.MsgRegisterRecipientKey"
REVOKE = "/virtengine.encryption.v1.MsgRevokeRecipientKey"
ROTATE = "/virtengine.encryption.v1.MsgRotateKey"
UNJAIL = "/cosmos.slashing.v1beta1.MsgUnjail"
EXEC = "/cosmos.authz.v1beta1.MsgExec"
"""Messages of others that one account sends for them, by their grants."""
FEE = re.compile(r"([0-9]{1,30}[a-zA-Z][a-zA-Z0-9/:._-]{2,127})?")
"""An amount with its denomination; "" for none."""
_AMOUNT = re.compile(r"([0-9]+)(.+)")
_MOST_NUMBER = 2**63 - 1


class TransactionError(ValueError):
    """No bytes can be made. The message says of what, and what is expected."""


class SignMode(StrEnum):
    """Which bytes are signed. The values are the chain's names."""

    DIRECT = "SIGN_MODE_DIRECT"
    AMINO_JSON = "SIGN_MODE_LEGACY_AMINO_JSON"

    @property
    def number(self) -> int:
        """What stands for it in the bytes."""
        return 1 if self is SignMode.DIRECT else 127


class FieldForm(NamedTuple):
    """A field of a message: its name in JSON, its number, and `text`, `bytes`, `number`, or
    `messages` for a list of other messages, none of which has such a list again."""

    name: str
    number: int
    kind: str


class MessageForm(NamedTuple):
    """The fields of a message, and what it is called where a Ledger signs."""

    amino: str
    fields: tuple[FieldForm, ...]


def _form(amino: str, **fields: str) -> MessageForm:
    named = enumerate(fields.items(), 1)
    return MessageForm(amino, tuple(FieldForm(name, at, kind) for at, (name, kind) in named))


FORMS: Mapping[str, MessageForm] = MappingProxyType(
    {
        REGISTER: _form(
            "encryption/MsgRegisterRecipientKey",
            sender="text", public_key="bytes", algorithm_id="text", label="text",
        ),
        REVOKE: _form(
            "encryption/MsgRevokeRecipientKey", sender="text", key_fingerprint="text"
        ),
        ROTATE: _form(
            "encryption/MsgRotateKey",
            sender="text", old_key_fingerprint="text", new_public_key="bytes",
            new_algorithm_id="text", new_label="text", reason="text",
            new_key_ttl_seconds="number",
        ),
        UNJAIL: _form("cosmos-sdk/MsgUnjail", validator_addr="text"),
        EXEC: _form("cosmos-sdk/MsgExec", grantee="text", msgs="messages"),
    }
)  # fmt: skip


class Unsigned(Record, frozen=True, kw_only=True):
    """A transaction of one account, as the chain will have it, without its signature.

    `messages` is the canonical JSON of a list of messages, each with its `@type`; `public_key` the
    33 bytes of the account's key, as hex, or the text of a `Multisig`; `timeout_height` the last
    height at which the chain may include it, 0 for any.
    """

    chain_id: str
    account: str
    account_number: int
    sequence: int
    public_key: str
    messages: str
    fee: str
    gas: int
    memo: str
    timeout_height: int

    @property
    def trees(self) -> tuple[Tree, ...]:
        """The messages.

        Raises:
            TransactionError: they are not in canonical JSON.
        """
        try:
            found = json.loads(self.messages)
        except ValueError:
            raise TransactionError("the messages are not JSON") from None
        if not isinstance(found, list) or canonical(found) != self.messages:
            raise TransactionError("the messages are not a list in canonical JSON")
        return tuple(found)

    @property
    def json(self) -> str:
        """What `tx sign` reads."""
        return unsigned_json(
            self.trees,
            fee=self.fee,
            gas=self.gas,
            memo=self.memo,
            timeout_height=self.timeout_height,
        )

    @property
    def body(self) -> bytes:
        """Messages, memo and timeout height."""
        return body_bytes(self.trees, self.memo, self.timeout_height)

    @property
    def multisig(self) -> Multisig | None:
        """The members whose signatures it takes; None where one key signs."""
        return Multisig.parse(self.public_key)

    @property
    def mode(self) -> SignMode:
        """How it is signed where nobody chooses: members sign JSON, whatever they sign with."""
        return SignMode.DIRECT if self.multisig is None else SignMode.AMINO_JSON

    def auth_info(self, mode: SignMode, signers: Collection[int] = ()) -> bytes:
        """Who signs, how, the how-manieth time, and for what fee; `signers` are the places of the
        members that sign."""
        several = self.multisig
        key = key_bytes(self.public_key) if several is None else several.any_bytes()
        single = write_bytes(1, write_number(1, mode.number))
        how = single if several is None else several.mode_info(signers)
        signer = write_bytes(1, key) + write_bytes(2, how) + write_number(3, self.sequence)
        coins = b"".join(
            write_bytes(1, write_text(1, coin["denom"]) + write_text(2, coin["amount"]))
            for coin in coins_of(self.fee)
        )
        fee = coins + write_number(2, self.gas)
        return write_bytes(1, signer) + write_bytes(2, fee, always=True)

    def sign_bytes(self, mode: SignMode) -> bytes:
        """What the signature is over."""
        if mode is SignMode.AMINO_JSON:
            return self._amino().encode()
        return (
            write_bytes(1, self.body)
            + write_bytes(2, self.auth_info(mode))
            + write_text(3, self.chain_id)
            + write_number(4, self.account_number)
        )

    def signed(self, mode: SignMode, signature: bytes) -> bytes:
        """The bytes that are sent, where one key signs."""
        head = write_bytes(1, self.body) + write_bytes(2, self.auth_info(mode))
        return head + write_bytes(3, signature, always=True)

    def signed_by(self, signatures: Mapping[int, bytes]) -> bytes:
        """The bytes that are sent, where members sign; their signatures by their places."""
        several = self.multisig
        assert several is not None, "members sign"
        info = self.auth_info(SignMode.AMINO_JSON, sorted(signatures))
        head = write_bytes(1, self.body) + write_bytes(2, info)
        return head + write_bytes(3, several.signature(signatures), always=True)

    @property
    def trial(self) -> bytes:
        """A transaction that can be tried, and never be sent: its signatures are none."""
        several = self.multisig
        if several is None:
            return self.signed(SignMode.DIRECT, b"")
        return self.signed_by(dict.fromkeys(range(several.threshold), bytes(64)))

    @property
    def digest(self) -> str:
        """SHA-256 of what is signed (`mode`): everything is in it. It names the transaction."""
        return sha256(self.sign_bytes(self.mode)).hexdigest()

    def _amino(self) -> str:
        tree: Tree = {
            "account_number": str(self.account_number),
            "chain_id": self.chain_id,
            "fee": {"amount": list(coins_of(self.fee)), "gas": str(self.gas)},
            "memo": self.memo,
            "msgs": [_amino_message(one) for one in self.trees],
            "sequence": str(self.sequence),
        }
        if self.timeout_height:
            tree["timeout_height"] = str(self.timeout_height)
        # The SDK writes these three as Go's encoder does.
        written = canonical(tree)
        for sign in "&<>":
            written = written.replace(sign, f"\\u{ord(sign):04x}")
        return written


def canonical(tree: object) -> str:
    """JSON with sorted keys and without blanks."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def unsigned_json(
    messages: Sequence[Tree], *, fee: str, gas: int, memo: str, timeout_height: int = 0
) -> str:
    """A transaction as `tx sign` reads it."""
    body = {
        "messages": list(messages),
        "memo": memo,
        "timeout_height": str(timeout_height),
        "extension_options": [],
        "non_critical_extension_options": [],
    }
    told = {"amount": list(coins_of(fee)), "gas_limit": str(gas), "payer": "", "granter": ""}
    auth_info = {"signer_infos": [], "fee": told}
    whole = {"body": body, "auth_info": auth_info, "signatures": []}
    return json.dumps(whole, separators=(",", ":"))


def coins_of(fee: str) -> tuple[Tree, ...]:
    """The fee as a list of coins, empty for none."""
    amount = _AMOUNT.fullmatch(fee)
    return ({"denom": amount[2], "amount": amount[1]},) if amount else ()


def body_bytes(messages: Sequence[Tree], memo: str, timeout_height: int) -> bytes:
    """The body of a transaction.

    Raises:
        TransactionError: a message is not known, or not of its form.
    """
    written = b"".join(write_bytes(1, any_bytes(one)) for one in messages)
    return written + write_text(2, memo) + write_number(3, timeout_height)


def any_bytes(message: Tree) -> bytes:
    """A message with its name.

    Raises:
        TransactionError: it is not known, or not of its form.
    """
    name, form = _form_of(message)
    content = b"".join(_field_bytes(field, message, name) for field in form.fields)
    return write_text(1, name) + write_bytes(2, content)


def _form_of(message: Tree) -> tuple[str, MessageForm]:
    name = message.get("@type")
    form = FORMS.get(name) if isinstance(name, str) else None
    if form is None or not isinstance(name, str):
        raise TransactionError(f"a message that is not one of {', '.join(FORMS)}")
    strange = sorted(set(message) - {"@type", *(field.name for field in form.fields)})
    if strange:
        raise TransactionError(f"{name} has no field {strange[0][:40]}")
    return name, form


def _field_bytes(field: FieldForm, message: Tree, name: str) -> bytes:
    value = message.get(field.name, "")
    if field.kind == "messages":
        those = _inner_messages(value, name)
        return b"".join(write_bytes(field.number, any_bytes(one)) for one in those)
    if not isinstance(value, str):
        raise TransactionError(f"{field.name} of {name} is not a text")
    if field.kind == "text":
        return write_text(field.number, value)
    if field.kind == "number":
        if value and not (value.isascii() and value.isdigit() and int(value[:20]) <= _MOST_NUMBER):
            raise TransactionError(f"{field.name} of {name} is not a number")
        return write_number(field.number, int(value or "0"))
    try:
        return write_bytes(field.number, base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        raise TransactionError(f"{field.name} of {name} is not base64") from None


def _inner_messages(value: object, name: str) -> list[Tree]:
    """The messages in a message. Only plain ones: nothing nests without an end."""
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise TransactionError(f"{name} has no list of messages")
    if any("messages" in {field.kind for field in _form_of(one)[1].fields} for one in value):
        raise TransactionError(f"{name} holds messages that hold messages")
    return value


def _amino_message(message: Tree) -> Tree:
    name, form = _form_of(message)
    given: Tree = {
        field.name: [_amino_message(one) for one in _inner_messages(message.get(field.name), name)]
        if field.kind == "messages"
        else message.get(field.name, "")
        for field in form.fields
    }
    value = {key: one for key, one in given.items() if one not in ("", "0")}
    if name == UNJAIL:  # named otherwise in the SDK's JSON of former times
        value = {"address": given["validator_addr"]}
    return {"type": form.amino, "value": value}
