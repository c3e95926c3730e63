"""`python -m remediations`: the command line, for programs that start it with their own Python."""

from __future__ import annotations

from remediations.cli.main import main

if __name__ == "__main__":
    main()
