"""The section `keys` of an inventory: which chain, who is asked, and which accounts sign how.

keys:
  chain_id: virtengine-1
  endpoints:                    # RPCs of different operators, at least two
    sentry1: http://10.0.0.11:26657
    public: https://rpc.example.org
  directory: transactions       # signed/ is for people, sent/ for the driver
  fee: 5000uve                  # of one transaction; left out: none
  gas: 200000
  timeout_blocks: 300           # after that many blocks a transaction is not included any more
  accounts:
    vault:
      address: ve1…
      signer: offline           # keyring | hardware | offline | multisig
      public_key: 02…           # 33 bytes in hex; left out: as the chain knows it
      key: vault                # its name in the keyring, for the commands that are shown
    council:
      address: ve1…
      signer: multisig
      threshold: 2              # so many of its members sign
      members: {ann: 02…, bob: 03…, eve: 02…}   # in the order in which `keys show council` has them
    admin: {address: ve1…, signer: keyring, key: admin}
  admins: [admin]               # may have been given the right to revoke for others (authz)

`directory` is relative to the inventory. No key, and nothing that opens one, is ever told here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.errors import UsageError
from remediations.values.bech32 import NotBech32, decode
from remediations.values.endpoint import CHAIN_ID, ENDPOINT_URL, Endpoint
from remediations.values.inventory import Inventory
from remediations.values.multisig import Multisig
from remediations.values.part import Kinded
from remediations.values.record import Record
from remediations.values.transaction import FEE

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "keys"
GAS = 200_000
TIMEOUT_BLOCKS = 300
_MOST = 20
_ADDRESS = re.compile(r"[a-z0-9]{8,90}")
_PUBLIC_KEY = re.compile("0[23][0-9a-f]{64}")
_HEX = "33 bytes in lower-case hex, 02 or 03 first"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Signer(StrEnum):
    """Where the key of an account is, and who uses it."""

    KEYRING = "keyring"
    HARDWARE = "hardware"
    OFFLINE = "offline"
    MULTISIG = "multisig"


class Member(Record, frozen=True, kw_only=True):
    """Somebody who signs for an account together with others; the key is hex."""

    name: str
    public_key: str


class AccountEntry(Record, frozen=True, kw_only=True):
    """An account, as its operator says. `public_key` is hex, or the text of a `Multisig` that is
    made of its `members`; None if only the chain knows it."""

    name: str
    address: str
    signer: Signer
    public_key: str | None
    key: str | None
    members: tuple[Member, ...] = ()

    @property
    def target(self) -> str:
        """Its name in plans: no host can be called so."""
        return f"account/{self.name}"


class KeysEntry(Kinded, frozen=True, kw_only=True):
    """The section `keys` of an inventory. `directory` is absolute."""

    KIND: ClassVar[str] = "keys.section/1"

    chain_id: str
    endpoints: tuple[Endpoint, ...]
    directory: str
    fee: str
    gas: int
    timeout_blocks: int
    accounts: tuple[AccountEntry, ...]
    admins: tuple[str, ...]

    def account(self, target: str) -> AccountEntry:
        """The account that is called so in plans.

        Raises:
            KeyError: there is none.
        """
        return {one.target: one for one in self.accounts}[target]


def keys_of(inventory: Inventory) -> KeysEntry:
    """The section.

    Raises:
        UsageError: the inventory has none.
    """
    part = inventory.part(KeysEntry.KIND)
    if part is None:
        raise UsageError(
            f"{inventory.path or 'the inventory'} has no section `{SECTION}`",
            guard="inventory",
            got="no such section",
            expected=f"`{SECTION}: {{chain_id: …, endpoints: {{…}}, accounts: {{…}}}}`",
            next_step="add it (docs/keys.md)",
        )
    return part.read(KeysEntry)


def _keys(table: InventoryTable) -> KeysEntry:
    accounts = tuple(_account(table.table("accounts"), n) for n in table.names("accounts", _MOST))
    directory = table.file("directory")
    assert directory is not None, "the key is required"
    entry = KeysEntry(
        chain_id=table.text("chain_id", CHAIN_ID, "a chain id"),
        endpoints=tuple(
            _endpoint(table.table("endpoints"), n) for n in table.names("endpoints", _MOST)
        ),
        directory=directory,
        fee=table.optional("fee", FEE, "an amount with its denomination, as 5000uve") or "",
        gas=table.whole_number("gas", 50_000, 10**9, default=GAS, unit="gas"),
        timeout_blocks=table.whole_number(
            "timeout_blocks", 20, 10**6, default=TIMEOUT_BLOCKS, unit="blocks"
        ),
        accounts=accounts,
        admins=_admins(table, {one.name for one in accounts}),
    )
    if len({one.address for one in accounts}) < len(accounts):
        raise table.wrong("accounts", "each address once")
    return entry


def _endpoint(table: InventoryTable, name: str) -> Endpoint:
    return Endpoint(name=name, url=table.text(name, ENDPOINT_URL, "http(s)://HOST:PORT of an RPC"))


def _account(accounts: InventoryTable, name: str) -> AccountEntry:
    table = accounts.table(name)
    table.keys(
        required=("address", "signer"), optional=("public_key", "key", "threshold", "members")
    )
    address = table.text("address", _ADDRESS, "the address of an account")
    try:
        decode(address)
    except NotBech32 as error:
        raise table.wrong("address", f"the address of an account ({error})") from error
    signer = table.choice("signer", Signer)
    members = _members(table) if signer is Signer.MULTISIG else ()
    several = signer is Signer.MULTISIG
    unused = ("public_key", *(() if members else ("threshold",)))
    for key in unused if several else ("threshold", "members"):
        if key in table.content:
            named = f"{signer.value} without members" if several and not members else signer.value
            raise table.wrong(key, f"nothing: the account's signer is {named}")
    return AccountEntry(
        name=name,
        address=address,
        signer=signer,
        public_key=_several(table, members)
        if members
        else table.optional("public_key", _PUBLIC_KEY, _HEX),
        key=table.optional("key", _KEY, "the name of a key in a keyring"),
        members=members,
    )


def _members(table: InventoryTable) -> tuple[Member, ...]:
    """Those of a multisig. Without them it can be named, and nothing can be planned for it."""
    if "members" not in table.content:
        return ()
    names, those = table.names("members", _MOST), table.table("members")
    return tuple(Member(name=n, public_key=those.text(n, _PUBLIC_KEY, _HEX)) for n in names)


def _several(table: InventoryTable, members: Sequence[Member]) -> str:
    threshold = table.whole_number(
        "threshold", 1, len(members), default=0, unit="members that have to sign"
    )
    found = Multisig(threshold, tuple(one.public_key for one in members))
    if found.flaw:
        what = "threshold" if not threshold else "members"
        raise table.wrong(what, f"how many of which different members sign ({found.flaw})")
    return found.text


def _admins(table: InventoryTable, known: set[str]) -> tuple[str, ...]:
    given = table.content.get("admins", [])
    if not isinstance(given, list) or not all(isinstance(n, str) and n in known for n in given):
        raise table.wrong("admins", f"a list of names of accounts: {', '.join(sorted(known))}")
    return tuple(str(name) for name in given)


KEYS_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=KeysEntry,
        read=_keys,
        required=("chain_id", "endpoints", "directory", "accounts"),
        optional=("fee", "gas", "timeout_blocks", "admins"),
    ),
)
