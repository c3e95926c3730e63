"""The valid names of units, homes and RPC addresses, wherever they come from: inventory, host,
plan.

All three are put into shell scripts that run as root, and into plans that people sign. The whole
name must match (`fullmatch`) before it is used for anything.
"""

from __future__ import annotations

import re

UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.\\@-]{0,239}\.service")
"""A systemd service: not an option, not a path."""

HOME = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9_.@+:,=-]+)+")
"""An absolute path of plain characters, without `.` and `..`."""

RPC = re.compile(r"http://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")
"""The URL of an RPC. CometBFT serves plain HTTP at `rpc.laddr`, so https is not accepted."""
