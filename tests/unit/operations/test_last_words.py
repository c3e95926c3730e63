"""What a daemon said last, as `systemctl status` shows it after a failed start."""

from __future__ import annotations

import pytest

from remediations.systems.hosts.last_words import MAX_WORDS, last_words

STATUS = """\
failed: virtengine.service is activating after the start
● virtengine.service - a chain
     Active: activating (auto-restart) (Result: exit-code) since Sat 2026-11-28 22:22:43 UTC
    Process: 5938 ExecStart=/usr/bin/virtengined start (code=exited, status=1/FAILURE)
   Main PID: 5938 (code=exited, status=1/FAILURE)
"""
AT = "Nov 28 22:22:43 val1"
SYSTEMD = f"{AT} systemd[1]: virtengine.service: Main process exited, status=1/FAILURE\n"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", ""),
        (SYSTEMD, ""),
        (f"{AT} virtengined[59]: Error: While parsing config: toml\n{SYSTEMD}", "Error: While "),
        (f"{AT} virtengined[59]: Error: bad flag\n{AT} virtengined[59]: Usage:\n", "Error: bad"),
        (f"{AT} virtengined[59]: INF one\n{AT} virtengined[59]: INF two\n{SYSTEMD}", "INF two"),
        (f"{AT} cosmovisor[5]: panic: version does not exist\n", "panic: version"),
        ("virtengined[59]: Error: without a time\n", ""),
    ],
)
def test_the_daemon_is_told_from_systemd(lines: str, words: str) -> None:
    """Its last error, else its last line; nothing of what systemd says."""
    found = last_words(STATUS + "\n" + lines)
    assert found.startswith(words)
    assert bool(found) is bool(words)


def test_words_are_bounded() -> None:
    """A daemon may say megabytes."""
    assert len(last_words(f"{AT} virtengined[59]: Error: {'x' * 100_000}\n")) == MAX_WORDS
