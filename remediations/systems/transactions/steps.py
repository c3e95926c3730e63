"""The exact bytes of a step: one unsigned transaction, with all that its signer needs. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from remediations.engine.domain import StepData
from remediations.engine.plan.build import CompiledStep, StepCompiler
from remediations.engine.plan.plan import Fidelity
from remediations.errors import UsageError
from remediations.systems.transactions.sent import SIGNED, signed_name
from remediations.systems.transactions.trials import (
    ALGORITHM,
    register_message,
    revoke_message,
    rotate_message,
    wrapped,
)
from remediations.values.transaction import (
    SignMode,
    TransactionError,
    Unsigned,
    canonical,
)

Tree = dict[str, Any]
DRIVER_NAME = "transaction"
REGISTER_KEY, REVOKE_KEY, ROTATE_KEY = "register-key", "revoke-key", "rotate-key"
REGISTER_FOR, REVOKE_FOR = "register-key-for", "revoke-key-for"
"""The same for the owner of the key, by a grant."""
STEP_LIMIT_S = 900
"""Seconds in which it must be in a block, or its timeout height passed."""


@dataclass(frozen=True, kw_only=True)
class Send:
    """One step, as its payload says: what is sent, and for which account of the inventory. Where
    members sign, `members` are their names, in the order of their keys, and `keyring` what the
    account is called in a keyring."""

    name: str
    unsigned: Unsigned
    members: tuple[str, ...] = ()
    keyring: str = ""

    @property
    def payload(self) -> str:
        """The bytes that are shown, signed and launched: one line for people, then JSON."""
        planned = self.unsigned
        tree = {
            "name": self.name,
            "chain_id": planned.chain_id,
            "account": planned.account,
            "account_number": str(planned.account_number),
            "sequence": str(planned.sequence),
            "public_key": planned.public_key,
            "fee": planned.fee,
            "gas": str(planned.gas),
            "memo": planned.memo,
            "timeout_height": str(planned.timeout_height),
            "messages": list(planned.trees),
            "body_bytes": planned.body.hex(),
            **self._signing,
            "sign_doc_sha256": planned.digest,
            "signed_file": f"{SIGNED}/{signed_name(planned.digest)}",
            "unsigned": planned.json,
        }
        return f"{self.told}\n{json.dumps(tree, indent=1, ensure_ascii=False)}\n"

    @property
    def _signing(self) -> Tree:
        """What is signed besides the body. Members sign a text; how many of them will have signed,
        their transaction says only then."""
        planned = self.unsigned
        if planned.multisig is None:
            return {"auth_info_bytes": planned.auth_info(SignMode.DIRECT).hex()}
        text = planned.sign_bytes(SignMode.AMINO_JSON).decode()
        return {"members": list(self.members), "keyring": self.keyring, "sign_doc": text}

    @property
    def told(self) -> str:
        """What it is, in one line."""
        kinds = ", ".join(_kind(one) for one in self.unsigned.trees)
        return f"send {kinds}, signed by {self.name}, sequence {self.unsigned.sequence}"

    @classmethod
    def parse(cls, payload: str) -> Send:
        """The step from its bytes.

        Raises:
            ValueError: they are not those of a step.
        """
        tree = json.loads(payload.partition("\n")[2])
        try:
            unsigned = Unsigned(
                chain_id=tree["chain_id"],
                account=tree["account"],
                account_number=int(tree["account_number"]),
                sequence=int(tree["sequence"]),
                public_key=tree["public_key"],
                messages=canonical(tree["messages"]),
                fee=tree["fee"],
                gas=int(tree["gas"]),
                memo=tree["memo"],
                timeout_height=int(tree["timeout_height"]),
            )
            found = cls(
                name=tree["name"],
                unsigned=unsigned,
                members=tuple(tree.get("members", ())),
                keyring=tree.get("keyring", ""),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the payload of a step: {type(error).__name__}") from error
        if found.payload != payload:
            raise ValueError("not the payload of a step: it is not in its form")
        return found


def _register(data: StepData) -> Tree:
    return register_message(str(data["account"]), str(data["new_key"]), str(data["label"]))


def _revoke(data: StepData) -> Tree:
    return revoke_message(str(data["account"]), str(data["fingerprint"]))


def _rotate(data: StepData) -> Tree:
    about = (str(data["account"]), str(data["fingerprint"]), str(data["new_key"]))
    named = {"new_algorithm_id": ALGORITHM, "new_label": str(data["label"])}
    return rotate_message(*about, **named, reason=str(data["reason"]))


def _register_for(data: StepData) -> Tree:
    return wrapped(str(data["account"]), _register({**data, "account": data["owner"]}))


def _revoke_for(data: StepData) -> Tree:
    return wrapped(str(data["account"]), _revoke({**data, "account": data["owner"]}))


def _kind(message: Tree) -> str:
    """Its name, and those of the messages in it."""
    inner = ", ".join(_kind(one) for one in message.get("msgs", ()))
    name = str(message["@type"]).rpartition(".")[2]
    return f"{name} with {inner}" if inner else name


_UNDO_REGISTER = "it can be revoked; what was sealed to it meanwhile stays readable with it"
_UNDO_REVOKE = "none: a revoked key stays revoked, and cannot be rotated any more"

_UNDO_ROTATE = "none: the old key stays rotated, and readable; both can be revoked"


class _Deploy(NamedTuple):
    operation: str
    undo: str
    message: Callable[[StepData], Tree]


_DEPLOYS: Mapping[str, _Deploy] = MappingProxyType(
    {
        REGISTER_KEY: _Deploy("register a recipient's key", _UNDO_REGISTER, _register),
        REVOKE_KEY: _Deploy("revoke a recipient's key", _UNDO_REVOKE, _revoke),
        ROTATE_KEY: _Deploy("rotate a recipient's key", _UNDO_ROTATE, _rotate),
        REGISTER_FOR: _Deploy(
            "register a recipient's key for its owner", _UNDO_REGISTER, _register_for
        ),
        REVOKE_FOR: _Deploy("revoke a recipient's key for its owner", _UNDO_REVOKE, _revoke_for),
    }
)


def send_of(deploy: str, data: StepData) -> Send:
    """What a deploy sends.

    Raises:
        UsageError: there is no such deploy, or no bytes can be made.
    """
    if deploy not in _DEPLOYS:
        raise UsageError(
            f"the driver {DRIVER_NAME} has no deploy {deploy!r}",
            guard="compile",
            got=deploy,
            expected=", ".join(_DEPLOYS),
            next_step="correct the action of the playbook",
        )
    try:
        send = Send(
            name=str(data["name"]),
            unsigned=Unsigned(
                chain_id=str(data["chain_id"]),
                account=str(data["account"]),
                account_number=int(data["account_number"]),
                sequence=int(data["sequence"]),
                public_key=str(data["public_key"]),
                messages=canonical([_DEPLOYS[deploy].message(data)]),
                fee=str(data["fee"]),
                gas=int(data["gas"]),
                memo=str(data["memo"]),
                timeout_height=int(data["timeout_height"]),
            ),
            members=tuple(str(data["members"]).split(", ")) if "members" in data else (),
            keyring=str(data.get("keyring", "")),
        )
        assert send.payload
    except (TransactionError, ValueError) as error:
        raise UsageError(
            f"no transaction can be made for {data['name']}",
            guard="compile",
            got=str(error),
            expected="an account, a key and numbers as the chain has them",
            next_step="`remediate diagnose` shows what was read",
        ) from error
    return send


def compile_sends(
    deploy: str, data: Mapping[str, StepData], /
) -> Mapping[str, tuple[CompiledStep, ...]]:
    """The step of each target (`StepCompiler`)."""
    return {target: (_compiled(deploy, one),) for target, one in data.items()}


def _compiled(deploy: str, data: StepData) -> CompiledStep:
    send = send_of(deploy, data)
    return CompiledStep(
        operation=_DEPLOYS[deploy].operation,
        payload=send.payload,
        timeout_s=STEP_LIMIT_S,
        fidelity=Fidelity.EXACT,
        probe=("included", send.unsigned.account, str(send.unsigned.sequence)),
        undo=_DEPLOYS[deploy].undo,
    )


@contextmanager
def open_compiler() -> Iterator[StepCompiler]:
    """The compiler needs nothing that has to be closed."""
    yield compile_sends
