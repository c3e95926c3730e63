"""Golden files: what people read, kept as text beside the tests.

`REMEDIATE_REWRITE_GOLDEN=1 pytest tests/unit` writes them anew; the diff is then to be read.
"""

from __future__ import annotations

import os
from pathlib import Path

REWRITE = "REMEDIATE_REWRITE_GOLDEN"


def same_as_golden(path: Path, text: str) -> None:
    """Assert that `text` is what the file `path` holds, or write it there when asked to."""
    if os.environ.get(REWRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is missing: run once with {REWRITE}=1"
    assert text == path.read_text(encoding="utf-8"), f"{path.name}; {REWRITE}=1 rewrites it"
