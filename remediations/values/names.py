"""What a unit, a home and an RPC may be called, whoever names them: inventory, host or plan.

All three come into shell texts that run as root, and into plans that somebody signs. They are
matched as a whole (`fullmatch`), before anything is done with them.
"""

from __future__ import annotations

import re

UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.\\@-]{0,239}\.service")
"""A systemd service; no option, no path."""

HOME = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9_.@+:,=-]+)+")
"""An absolute path of plain characters, without `.` and `..`."""

RPC = re.compile(r"http://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")
"""The URL of an RPC. CometBFT answers in clear at `rpc.laddr`, so only http is asked."""
