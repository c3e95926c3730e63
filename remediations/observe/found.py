"""What `discover.sh` found on a host, or why not. Pure.

The names come from a host and go into shell texts and plans, so they have the form that an
inventory could have given them (model.names), or are not known. Paths of files of the home, and the
reasons, are only told.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from remediations.model.names import HOME, RPC, UNIT
from remediations.model.text import TextError, pairs

MAX_PATH = 4096
MAX_TROUBLE = 2000
"""Characters of a reason; forty units that match are less."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Unit, home, RPC and files of the home; "" where not found, with the reason beside it."""

    unit: str = ""
    unit_trouble: str = ""
    home: str = ""
    home_trouble: str = ""
    config_trouble: str = ""
    rpc: str = ""
    rpc_trouble: str = ""
    key_file: str = ""
    state_file: str = ""
    wal_file: str = ""

    @property
    def homeless(self) -> str:
        """Why nothing may have been read of the files of the home."""
        return self.home_trouble or self.config_trouble or "not read"


_NAMES = {field.name for field in fields(Found)}


def parse_found(text: str) -> Found:
    """The section `found`. One that contradicts itself has found nothing."""
    try:
        said = pairs(text)
    except TextError as error:
        return _nothing(f"the host contradicts itself: {error}")
    found = Found(
        **{
            name: value[: MAX_TROUBLE if name.endswith("trouble") else MAX_PATH]
            for name, value in said.items()
            if name in _NAMES
        }
    )
    if found.unit and not UNIT.fullmatch(found.unit):
        return _nothing("the name of the unit that was found has another form")
    if found.home and not HOME.fullmatch(found.home):
        trouble = "the home that was found is not an absolute path of plain characters"
        found = replace(found, home="", home_trouble=trouble)
    if found.rpc and not RPC.fullmatch(found.rpc):
        trouble = "the RPC that was found is not a plain http:// address with its port"
        found = replace(found, rpc="", rpc_trouble=trouble)
    return found


def _nothing(reason: str) -> Found:
    return Found(unit_trouble=reason, home_trouble=reason, rpc_trouble=reason)
