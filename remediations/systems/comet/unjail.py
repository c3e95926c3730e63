"""The transaction that ends a validator's jail, and the program that signs and sends it. Pure.

The transaction is in the step in full, unsigned: message, fee, gas, memo. Number and sequence of
the account are in it, too, so it can be part of the chain once only, whoever sends it how often.

1. Already free: somebody else was faster, and nothing is done.
2. Signed by the program of the node, as its service user, with the key in the keyring `test` of its
   home: no passphrase is asked for or known. Signing needs no network and changes nothing. Or the
   plan has it with a signature that was made where the key is: then nothing is signed here.
3. The signed bytes are kept on the host before they are sent, under the hash of the unsigned ones:
   after a crash exactly these are found again, and have the same hash.
4. If the chain has a transaction of this hash, it is not sent again.
5. What the RPC says to a broadcast is not the outcome, and no exit status is: the validator is free
   when the chain says `jailed: false`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.planned import (
    NUMBERS,
    PlannedNode,
    PlannedNodeError,
    described,
    with_numbers,
)
from remediations.systems.comet.program_parts import (
    CHECK_LIMIT_S,
    GUEST,
    KEY,
    SIGN_STATE,
    UNIT,
    node_variables,
)
from remediations.systems.comet.surroundings import PROGRAM, SURROUNDINGS
from remediations.systems.hosts.program import shell_text
from remediations.systems.hosts.unit_program import compose
from remediations.values.bech32 import NotBech32, account_of, decode
from remediations.values.names import RPC
from remediations.values.transaction import FEE, UNJAIL, unsigned_json

TRANSACTIONS = "/var/lib/remediate/transactions"
GAS = 300_000
"""Measured on the real program: an unjail takes about a third of it."""
SIGN_LIMIT_S = 30
INCLUDE_LIMIT_S = 60
"""Until the chain says that the validator is free: blocks of ten seconds, and a busy one."""
UNJAIL_LIMIT_S = CHECK_LIMIT_S + 2 * SIGN_LIMIT_S + INCLUDE_LIMIT_S + 30
_CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
_MEMO = re.compile(r"[A-Za-z0-9 .,/:_-]{0,200}")
_MAX_NUMBER = 2**63
MOST_SIGNED = 16_384
"""Characters of a signed transaction in base64; one of a key of several members has about 1500."""
_SIGNED = re.compile(r"([A-Za-z0-9+/]{100,}={0,2})?")
_JAIL = shell_text("jail.sh")
"""Functions; `jail_of RPC OPERATOR` sets `jail`."""


@dataclass(frozen=True, kw_only=True)
class PlannedTransaction:
    """What is signed for one validator. `operator` is its address; `fee` is an amount with its
    denomination, "" for none; `rpc` is the node on the same host. `signed` are the bytes to send,
    in base64, where the signature was made elsewhere; "" where the host signs.

    Raises:
        PlannedNodeError: a field is malformed.
    """

    chain_id: str
    rpc: str
    operator: str
    account_number: int
    sequence: int
    fee: str
    memo: str
    signed: str = ""

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("chain_id", _CHAIN_ID, "a chain id"),
            ("rpc", RPC, "a URL, as http://127.0.0.1:26657"),
            ("fee", FEE, "an amount with its denomination, as 5000uve, or empty"),
            ("memo", _MEMO, "plain words"),
            ("signed", _SIGNED, "a signed transaction in base64, or empty"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")
        if len(self.signed) > MOST_SIGNED:
            raise PlannedNodeError(f"signed has more than {MOST_SIGNED} characters")
        for name in ("account_number", "sequence"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < _MAX_NUMBER:
                raise PlannedNodeError(f"{name} is {value!r}, not a number of 63 bits")
        try:
            account_of(self.operator)
        except NotBech32 as error:
            raise PlannedNodeError(f"operator is {self.operator!r}: {error}") from error
        if len(self.operator_hex) != 40:
            raise PlannedNodeError(f"operator is {self.operator!r}, not an address of 20 bytes")

    @property
    def account(self) -> str:
        """The address of the account that signs."""
        return account_of(self.operator)

    @property
    def operator_hex(self) -> str:
        """The bytes of the account, which are those of the operator, lower-case hex."""
        return decode(self.operator)[1].hex()

    @property
    def unsigned(self) -> str:
        """The transaction, as `tx sign` reads it."""
        message = {"@type": UNJAIL, "validator_addr": self.operator}
        return unsigned_json([message], fee=self.fee, gas=GAS, memo=self.memo)

    @property
    def sign_flags(self) -> str:
        """The flags of `tx sign` that say whose transaction it is, the how-manieth, and on which
        chain."""
        return (
            f"--from {self.account} --chain-id {self.chain_id} --offline "
            f"--account-number {self.account_number} --sequence {self.sequence}"
        )


@dataclass(frozen=True, kw_only=True)
class PlannedUnjail:
    """One node, and the transaction that ends the jail of its validator."""

    node: PlannedNode
    transaction: PlannedTransaction

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedUnjail:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls(
            node=PlannedNode.from_data(data), transaction=described(PlannedTransaction, data)
        )

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedUnjail:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return cls.from_data(with_numbers(words, (*NUMBERS, "account_number", "sequence")))


# The program prints one line of JSON, and perhaps warnings before it.
_SIGN = r"""
kept() { # prints the signed transaction that is kept, if one is
  [ -f "$keep/$kept_as" ] && head -c 65536 "$keep/$kept_as"
}
by_program() { # WORD…: what the program prints, run as the service user
  in_surroundings ${user:+-p "User=$user"} -- "$program" "$@" --home "$home"
  acted=no
}
sign() {
  work=$(mktemp -d /run/remediate.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  printf %s "$unsigned" >"$work/unsigned.json"
  chmod 644 "$work/unsigned.json"
  by_program tx sign "$work/unsigned.json" --keyring-backend test --from "$account" \
    --chain-id "$chain_id" --offline --account-number "$account_number" --sequence "$sequence"
  line=$(printf '%s\n' "$said" | grep -E '^\{"body":.*"signatures":\["[A-Za-z0-9+/=]+"\]\}$' || :)
  [ -n "$line" ] || refuse "no signature: $(printf %s "$said" | tail -n 1 | head -c 300)" \
    "the key of $account in the keyring test of $home"
  printf '%s\n' "$line" >"$work/signed.json"
  chmod 644 "$work/signed.json"
  by_program tx encode "$work/signed.json"
  signed=$(printf '%s\n' "$said" | grep -E '^[A-Za-z0-9+/]{100,}={0,2}$' | tail -n 1)
  [ -n "$signed" ] || refuse "no encoded transaction: $(printf %s "$said" | head -c 300)" "one"
}
keep_signed() {
  (umask 077; mkdir -p "$keep"; printf '%s\n' "$signed" >"$keep/$kept_as.part")
  sync "$keep/$kept_as.part"
  mv "$keep/$kept_as.part" "$keep/$kept_as"
  sync "$keep"
}
"""

_SEND = r"""
included() { # sets block and code; fails where the chain has no transaction of this hash
  found=$(answer_of "$rpc/tx?hash=0x$hash")
  block=$(printf %s "$found" | sed -nE 's/.*"height":"([0-9]+)".*"tx_result":.*/\1/p')
  code=$(printf %s "$found" | sed -nE 's/.*"tx_result":\{"code":([0-9]+),.*/\1/p')
  [ -n "$block" ] && [ -n "$code" ]
}
broadcast() {
  request='{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{"tx":"'$signed'"}}'
  printed=$(printf %s "$request" | answer_of --data-binary @- \
    -H 'Content-Type: application/json' "$rpc")
  case $printed in
    *'"result":{"code":0,'* | *alreadyexistsincache* | *'"codespace":"sdk"'*'"code":19,'* | \
      *'"code":19,'*'"codespace":"sdk"'*) ;;
    '') ;; # it may have arrived: the chain tells
    *) fail "the node refuses $hash: $(printf %s "$printed" | head -c 500)" ;;
  esac
}
wait_until_free() {
  end=$(($(date +%s) + include_limit))
  while :; do
    jail_of "$rpc" "$operator"
    if [ "$jail" = no ]; then
      included || block=
      printf 'unjailed: %s by %s%s\n' "$validator" "$hash" "${block:+ in block $block}"
      return 0
    fi
    if included && [ "$code" != 0 ]; then fail "$hash in block $block ended with code $code"; fi
    [ "$(date +%s)" -lt "$end" ] ||
      fail "$validator is jailed: $jail $include_limit s after $hash was sent"
    sleep 1
  done
}
"""

_MAIN = r"""
unit_as_planned
key_as_planned
sign_state_not_lower
jail_of "$rpc" "$operator"
case $jail in
  no)
    printf 'already so: %s is not jailed\n' "$validator"
    exit 0
    ;;
  unknown) refuse "no answer of $rpc about $validator" "whether it is jailed" ;;
esac
if ! signed=$(kept); then
  if [ -n "$handed_in" ]; then
    signed=$handed_in
  else
    program_found
    sign
  fi
  keep_signed
fi
hash=$(printf %s "$signed" | base64 -d | sha256sum | tr a-f A-F)
hash=${hash%% *}
included || broadcast
wait_until_free
"""


def unjail_text(planned: PlannedUnjail) -> str:
    """Signs the transaction unless it was handed in signed, keeps it, sends it unless the chain has
    it, and waits until the chain says that the validator is free."""
    transaction = planned.transaction
    unsigned = transaction.unsigned
    # The sequence is not in the unsigned bytes, and the same bytes may be planned for another one.
    name = hashlib.sha256(f"{transaction.sign_flags}\n{unsigned}".encode()).hexdigest()
    variables = node_variables(planned.node) | {
        "rpc": transaction.rpc,
        "validator": transaction.operator,
        "operator": transaction.operator_hex,
        "account": transaction.account,
        "chain_id": transaction.chain_id,
        "account_number": transaction.account_number,
        "sequence": transaction.sequence,
        "unsigned": unsigned,
        "handed_in": transaction.signed,
        "keep": TRANSACTIONS,
        "kept_as": name,
        "run_limit": SIGN_LIMIT_S,
        "include_limit": INCLUDE_LIMIT_S,
    }
    parts = (UNIT, GUEST, KEY, SIGN_STATE, PROGRAM, SURROUNDINGS, _JAIL, _SIGN, _SEND, _MAIN)
    return compose(variables, parts)
