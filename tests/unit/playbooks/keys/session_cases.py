"""Made items, beside the made accounts: how each stands by its probe."""

from __future__ import annotations

from dataclasses import replace

from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.inventory import CommandCall, HttpCall, HttpProbe, Item
from remediations.systems.sessions.reading import (
    ItemReading,
    ProbeAnswer,
    ProgramReading,
    SessionsReading,
)
from remediations.values.reading import Known, Reading
from tests.unit.playbooks.keys.cases import reading, unknown
from tests.unit.playbooks.keys.store_cases import revoked

TARGET = "session/portal"
REVOKED_AT = 1796019300
"""When the made key was revoked (`store_cases.revoked`)."""


def known(value: ProbeAnswer | str) -> Known[object]:
    """It was read."""
    return Known(value=value, source="GET https://x.example/state", at=reading().height.at)


def item(
    name: str = "portal", *, keys: tuple[str, ...] = (), run: str = "", timed: bool = False
) -> Item:
    """Of a service; with `run`, by a program."""
    return Item(
        name=name,
        what=f"every session of {name} ends",
        call=CommandCall(run=(run,), within_s=60)
        if run
        else HttpCall(method="POST", url="https://x.example/end", body="", within_s=10),
        probe=HttpProbe(
            url="https://x.example/state",
            pointer="/not_before" if timed else "/open",
            equals="" if timed else "0",
            within_s=10,
        ),
        token_file=None,
        ca_file=None,
        done_within_s=30,
        keys=keys,
    )


def read(
    of: Item | None = None,
    *,
    done: bool | None = False,
    not_before: int = 0,
    flaw: str = "",
    sha256: str = "ab" * 32,
) -> ItemReading:
    """One that was read; `done=None` for a probe that does not tell, `sha256=""` for a program that
    was not read."""
    one = item() if of is None else of
    told = ProbeAnswer(holds=bool(done), not_before=not_before, seen=f"/open: {0 if done else 3}")
    answer: Reading[ProbeAnswer] = unknown() if done is None else known(told)  # type: ignore[assignment]
    programs = tuple(
        ProgramReading(path=path, sha256=known(sha256) if sha256 else unknown())  # type: ignore[arg-type]
        for path in one.programs
    )
    return ItemReading(item=one, flaw=flaw, programs=programs, answer=answer)


def sessions(*items: ItemReading, here: str = "vault-1", flaw: str = "") -> SessionsReading:
    """One item, or those."""
    return SessionsReading(machine="vault-1", here=here, flaw=flaw, items=items or (read(),))


def leaked(
    found: SessionsReading | None = None, *, revoked_at: int = REVOKED_AT, **inputs: str
) -> KeysSituation:
    """The key is revoked, and items were read."""
    made = revoked(None, revoked_at=revoked_at, new_active=True, **inputs)
    return replace(made, sessions=sessions() if found is None else found)
