"""How people reach one host from their own shell: commands that are printed to be pasted. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshCommand:
    """`name` is what ssh is given; `config` is the inventory's ssh_config, None for ssh's own."""

    name: str
    config: str | None

    def login(self, *options: str) -> str:
        """The command that logs in; another may be written behind it only by `run`."""
        config = () if self.config is None else ("-F", self.config)
        return shlex.join(("ssh", *options, *config, self.name))

    def run(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """The command that runs `words` there.

        They are quoted twice. ssh(1) joins its arguments with blanks, and the login's shell on the
        host parses what comes of it once more: a file name that is quoted for our shell alone would
        be a program over there.
        """
        return f"{self.login(*options)} {shlex.quote(shlex.join(words))}"
