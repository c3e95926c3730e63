"""The directory of transactions: what people put there, and what the driver keeps there.

`signed/NAME.json` is what a signer hands in; NAME is from the digest of the unsigned transaction.
`sent/` has one file for each step that was claimed, written and flushed before anything is sent:
the hash, and the very bytes. Whatever dies afterwards, the chain can be asked about that hash.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from remediations.engine.apply.driver import StepId
from remediations.errors import RemediationError
from remediations.files.trusted import read_trusted
from remediations.files.writing import create_file

SIGNED, SENT = "signed", "sent"
_DIGITS = 16
_MOST = 262_144


def signed_name(digest: str) -> str:
    """What the signed file of a transaction is called."""
    return f"{digest[:_DIGITS]}.json"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is kept of a step: the bytes that are sent, None for a step that is never to start."""

    transaction: bytes | None

    @property
    def hash(self) -> str:
        """By which the chain knows it."""
        return sha256(self.transaction or b"").hexdigest().upper()


class SentDirectory:
    """The claims below one directory."""

    def __init__(self, directory: Path) -> None:
        self._sent = directory / SENT

    def claim(self, step: StepId, claim: Claim) -> bool:
        """Keep it, flushed to disk; False where the step has one already.

        Raises:
            RemediationError: it cannot be kept.
        """
        raw = claim.transaction
        tree = {
            "plan": step.plan,
            "step": step.step,
            "hash": None if raw is None else claim.hash,
            "transaction": None if raw is None else base64.b64encode(raw).decode(),
        }
        return create_file(self._path(step), json.dumps(tree, indent=1).encode())

    def read(self, step: StepId) -> Claim | None:
        """What is kept of a step; None if nothing.

        Raises:
            RemediationError: others could have written it, or it is damaged.
        """
        path = self._path(step)
        try:
            tree = json.loads(read_trusted(path, limit=_MOST).data)
            if (tree["plan"], tree["step"]) != (step.plan, step.step):
                raise ValueError("of another step")
            given = tree["transaction"]
            raw = None if given is None else base64.b64decode(given, validate=True)
            claim = Claim(transaction=raw)
            if raw is not None and claim.hash != tree["hash"]:
                raise ValueError("its hash is another one")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RemediationError(
                f"{path} cannot be used",
                guard="kept transaction",
                got=f"{type(error).__name__}: {error}"[:200],
                expected="what was written before the transaction was sent",
                next_step="ask the chain for the account's transactions (docs/keys.md)",
            ) from error
        return claim

    def _path(self, step: StepId) -> Path:
        return self._sent / f"{step.plan[:_DIGITS]}-{step.step}.json"
