"""Incidents that operators of other chains reported in public, held against the first screen.

Worlds are made by hand, lines of journals are those of the threads (shortened, without personal
details). Each line goes through the host's own program, then `diagnose` and `plan` are asked on the
command line, with four validators and with a hundred. What has to come out is what the threads say.

`python -m tests.unit.field [WORD…]` shows what comes out today.
"""
