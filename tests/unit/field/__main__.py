"""Shows case after case what is answered, and in what that differs from the right answer."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.unit.field.answer import answer, differences
from tests.unit.field.stage import SMALL
from tests.unit.field.table import CASES


def main(words: list[str]) -> None:
    """Those whose name or kind has one of `words`; all if there are none."""
    for case in CASES:
        if words and not any(word in case.name or word == case.kind.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as place:
            os.environ |= {"REMEDIATE_HOME": f"{place}/state"}
            scene = case.play(SMALL)
            wanted = scene.wanted
            found = answer(scene, Path(place))
        wrong = differences(found, wanted)
        condition = found.conditions.get(wanted.host, "")
        print(f"\n{case.kind.name:4} {case.name}: {'WRONG' if wrong else 'right'}")
        print(f"     {found.chain}, exit {found.exit_code}; {wanted.host} {condition}")
        print(f"     {found.texts.get(wanted.host, '').replace(chr(10), ' | ')[:300]}")
        print(f"     plan {wanted.plan.playbook}: {found.outcome} {' '.join(found.on)}", end=" ")
        print(f"{' '.join(found.guards)} {found.plan_says[:200]}")
        for sentence in wrong:
            print(f"     - {sentence}")


if __name__ == "__main__":
    main(sys.argv[1:])
