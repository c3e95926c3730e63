"""Sends signed transactions, each at most once. The chain keeps the claim: the account's sequence.

1. What a signer handed in must be the planned transaction, signed by the planned key for this
   chain. Every mismatch is a refusal of its own, and nothing was sent.
2. The endpoints must be of the chain and alive; the account's sequence must be the planned one. If
   it has moved on, somebody else's transaction has taken it, and this one can never be included.
3. The bytes are kept on disk under the step's name, with their hash, before they are sent.
4. They are sent once. What the endpoint answers is not the outcome: *it has it already* is as good
   as *taken*, and after silence the chain is asked.
5. The outcome is what the blocks say: included with a code, on two endpoints where there are two.
   Where the sequence has moved on without it, or the timeout height has passed, it never happens.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    DriverError,
    Fence,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Step
from remediations.errors import RemediationError
from remediations.files.trusted import read_trusted
from remediations.reach.background import run_in_thread
from remediations.reach.node_rpc import RpcError, send
from remediations.systems.transactions import questions
from remediations.systems.transactions.asking import agreed
from remediations.systems.transactions.codes import KNOWN_ALREADY, in_words
from remediations.systems.transactions.inventory import KeysEntry, keys_of
from remediations.systems.transactions.questions import Included
from remediations.systems.transactions.sent import SIGNED, Claim, SentDirectory, signed_name
from remediations.systems.transactions.signed import (
    MOST_BYTES,
    NotSigned,
    read_signed,
    refusal_of,
)
from remediations.systems.transactions.steps import Send
from remediations.values.endpoint import Endpoint
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown
from remediations.values.transaction import Unsigned

_TWO = 2


class _Seen(NamedTuple):
    """What one endpoint knows: its height before, the transaction, the account's sequence after."""

    endpoint: Endpoint
    height: int
    included: Included | None
    sequence: int


class TransactionDriver:
    """Sends transactions (`Driver`)."""

    def __init__(self, reach: object) -> None:
        self._reach = reach

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
        """Send the signed transaction, if it is the planned one and its sequence is free.

        Raises:
            AlreadyClaimed: the step has been sent.
            NotLaunched: nothing was sent, and says why.
            LaunchFailed: the endpoint refused it; another one may have it.
            NoAnswer: whether it was sent is not known, or no endpoint answers.
        """
        del fences  # the account's sequence is what excludes others
        planned = _planned(work)
        directory = SentDirectory(Path(self._entry.directory))
        try:
            if await run_in_thread(directory.read, step) is not None:
                raise AlreadyClaimed(f"{work.target} has had this step", got="it is kept")
        except RemediationError as error:
            raise NotLaunched(error.what, got=error.got) from error
        raw = await run_in_thread(self._signed, planned.unsigned)
        endpoints = await self._ready(planned.unsigned)
        try:
            claimed = await run_in_thread(directory.claim, step, Claim(transaction=raw))
        except RemediationError as error:
            raise NotLaunched(error.what, got=error.got) from error
        if not claimed:
            raise AlreadyClaimed(f"{work.target} has had this step", got="it is kept")
        await self._broadcast(endpoints, raw)

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the step stands: by what is kept here, and by what the blocks say."""
        try:
            claim = await run_in_thread(self._directory.read, step)
        except RemediationError as error:
            raise NoAnswer(error.what, got=error.got) from error
        if claim is None:
            return ProbeResult(state=ProbeState.NOT_STARTED)
        if claim.transaction is None:
            return ProbeResult(state=ProbeState.VOIDED)
        return await self._outcome(claim.hash, _planned(work).unsigned)

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Claim it as one that is never sent. One that was sent is left alone: the chain decides,
        at the latest at its timeout height."""
        del fences
        try:
            await run_in_thread(self._directory.claim, step, Claim(transaction=None))
        except RemediationError as error:
            raise NoAnswer(error.what, got=error.got) from error
        return await self.probe(step, work)

    async def holds(self, work: Step) -> bool:
        """Not needed to settle a step: what was claimed has an outcome on the chain. Whether the
        account's sequence has moved beyond it is no proof of its effect."""
        raise NoAnswer(f"{work.target}: only the chain tells", got="no transaction is kept")

    @property
    def _entry(self) -> KeysEntry:
        inventory = getattr(self._reach, "inventory", None)
        assert isinstance(inventory, Inventory), "connections know their inventory"
        return keys_of(inventory)

    @property
    def _directory(self) -> SentDirectory:
        return SentDirectory(Path(self._entry.directory))

    def _signed(self, planned: Unsigned) -> bytes:
        """The bytes to send, made from the plan with the signature that was handed in.

        Raises:
            NotLaunched: there is none, or it is not the planned transaction.
        """
        path = Path(self._entry.directory) / SIGNED / signed_name(planned.digest)
        try:
            signed = read_signed(read_trusted(path, limit=MOST_BYTES).data)
        except FileNotFoundError:
            raise NotLaunched("nobody has signed the transaction", got=f"no file {path}") from None
        except (NotSigned, OSError) as error:
            raise NotLaunched("what was handed in is not used", got=f"{path}: {error}") from error
        except RemediationError as error:
            raise NotLaunched("what was handed in is not used", got=error.got) from error
        refusal = refusal_of(signed, planned)
        if refusal is not None:
            raise NotLaunched(
                f"{path.name} is not the planned transaction ({refusal.flaw})",
                got=f"{refusal.got}; expected {refusal.expected}",
            )
        return signed.to_send(planned)

    async def _ready(self, planned: Unsigned) -> list[Endpoint]:
        """The endpoints of the chain, where the sequence is the planned one.

        Raises:
            NotLaunched: it is another one, or the timeout height has passed.
            NoAnswer: no endpoint of the chain answers, or they differ.
        """
        endpoints, height = await self._alive()
        if planned.timeout_height and height >= planned.timeout_height:
            raise NotLaunched(
                "the transaction is too old: its timeout height has passed",
                got=f"height {height}, not after {planned.timeout_height}",
            )

        def asked(endpoint: Endpoint) -> int:
            return questions.account(endpoint, planned.account).sequence

        sequence = await agreed(endpoints, asked, "account")
        if isinstance(sequence, Unknown):
            raise NoAnswer("the account's sequence is not known", got=sequence.reason)
        if sequence.value > planned.sequence:
            raise NotLaunched(
                "another transaction of the account has taken the sequence: somebody else signs "
                "with this key, too",
                got=f"sequence {sequence.value}, planned {planned.sequence}",
            )
        if sequence.value < planned.sequence:
            raise NotLaunched(
                "a transaction before this one is missing",
                got=f"sequence {sequence.value}, planned {planned.sequence}",
            )
        return endpoints

    async def _alive(self) -> tuple[list[Endpoint], int]:
        """The endpoints that answer for the chain, and the highest height among them.

        Raises:
            NoAnswer: there is none.
        """
        entry = self._entry
        told: list[str] = []
        good: list[Endpoint] = []
        height = 0
        for endpoint in entry.endpoints:
            try:
                found = await run_in_thread(questions.status, endpoint)
            except RpcError as error:
                told.append(str(error))
                continue
            if found.chain_id != entry.chain_id:
                told.append(f"{endpoint.name} is of chain {found.chain_id[:64]!r}")
            elif found.catching_up:
                told.append(f"{endpoint.name} is catching up")
            else:
                good.append(endpoint)
                height = max(height, found.height)
        if not good:
            raise NoAnswer(f"no endpoint of {entry.chain_id} answers", got="; ".join(told))
        return good, height

    async def _broadcast(self, endpoints: Sequence[Endpoint], raw: bytes) -> None:
        """Hand it to the first endpoint that can be connected to.

        Raises:
            LaunchFailed: that one refused it.
            NoAnswer: it said nothing, or none could be connected to.
        """
        encoded = base64.b64encode(raw).decode()
        told: list[str] = []
        for endpoint in endpoints:
            try:
                tree = await run_in_thread(send, endpoint, "broadcast_tx_sync", tx=encoded)
            except RpcError as error:
                if "already exists in cache" in str(error):
                    return
                told.append(str(error))
                if error.sent:
                    break  # it may have it: the chain is asked, and nobody is given it again
                continue
            code, space = int(tree.get("code") or 0), str(tree.get("codespace") or "")
            if not code or (space, code) == KNOWN_ALREADY:
                return
            raise LaunchFailed(
                f"{endpoint.name} refused the transaction",
                got=in_words(space, code, str(tree.get("log") or "")),
            )
        raise NoAnswer("whether the transaction was taken is not known", got="; ".join(told))

    async def _outcome(self, named: str, planned: Unsigned) -> ProbeResult:
        """What the blocks say of a transaction that was sent.

        Raises:
            NoAnswer: no endpoint answers, or two answer differently.
        """
        endpoints, _ = await self._alive()
        answers = await asyncio.gather(
            *(run_in_thread(_look, one, named, planned.account) for one in endpoints),
            return_exceptions=True,
        )
        seen = [one for one in answers if isinstance(one, _Seen)]
        bad = [one for one in answers if isinstance(one, BaseException)]
        for error in bad:
            if not isinstance(error, RpcError):
                raise error
        if not seen:
            raise NoAnswer("no endpoint tells", got="; ".join(str(one) for one in bad))
        found = [one.included for one in seen if one.included is not None]
        if any(one[:3] != found[0][:3] for one in found):
            raise NoAnswer("the endpoints say different things", got=named)
        needed = min(_TWO, len(self._entry.endpoints))
        if len(found) >= needed:
            return _done(named, found[0])
        if found and bad:
            told = "; ".join(str(one) for one in bad)
            raise NoAnswer(f"{len(found)} of {needed} endpoints have {named} in a block", got=told)
        over = [one for one in seen if one.included is None and _is_over(one, planned)]
        if not found and len(over) >= needed and len(over) == len(seen):
            return ProbeResult(state=ProbeState.VOIDED, error_output=f"{named} is in no block")
        return ProbeResult(state=ProbeState.RUNNING)


def _planned(work: Step) -> Send:
    try:
        return Send.parse(work.payload)
    except ValueError as error:
        _refuse(f"the step of {work.target} has no bytes of ours", str(error), error)


def _refuse(what: str, got: str, error: Exception) -> NoReturn:
    refusal: DriverError = NotLaunched(what, got=got)
    raise refusal from error


def _look(endpoint: Endpoint, named: str, account: str) -> _Seen:
    """The height is read first and the transaction last: a sequence that moved between them, or a
    block, is then seen with its transaction."""
    height = questions.status(endpoint).height
    sequence = questions.account(endpoint, account).sequence
    return _Seen(endpoint, height, questions.included(endpoint, named), sequence)


def _is_over(seen: _Seen, planned: Unsigned) -> bool:
    """Whether it can never be included any more, as this endpoint has it."""
    if seen.sequence > planned.sequence:
        return True
    return bool(planned.timeout_height) and seen.height > planned.timeout_height


def _done(named: str, found: Included) -> ProbeResult:
    """It is in a block: done, well or not."""
    if found.code:
        told = in_words(found.codespace, found.code, found.log)
        error = f"{named} in block {found.height}: {told}"
        return ProbeResult(state=ProbeState.DONE, exit_status=1, error_output=error)
    output = f"{named} in block {found.height}"
    return ProbeResult(state=ProbeState.DONE, exit_status=0, output=output)
