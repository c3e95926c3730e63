"""A sign state that is lost: the copy that is proven is named, and serves when people place it."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

from tests.lab.chainnet import SERVICE_UID
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator
from tests.lab.test_refuse import REFUSED
from tests.lab.truth import rescued

HRS = ("height", "round", "step")
CLOCKS_S = 10
"""So much later than the unit's end a block must be dated before what it signed unseen is past."""


def state_of(lab: Lab) -> Path:
    return lab.hosts["val4"].path(f"{lab.node('val4').home}/data/priv_validator_state.json")


def copies(lab: Lab) -> Path:
    """Beside the newest sign state of val4 an older one, one from the future and garbage."""
    state = state_of(lab)
    beside = {name: Path(f"{state}.{name}") for name in ("old", "newest", "future", "garbage")}
    shutil.copy(state, beside["old"])
    lab.wait_height(lab.world.top() + 4, 60)
    lab.break_stop("val4")
    shutil.copy(state, beside["newest"])
    height = int(json.loads(state.read_text())["height"])
    beside["future"].write_text(json.dumps({"height": str(height + 999), "round": 0, "step": 3}))
    beside["garbage"].write_text("garbage")
    for path in beside.values():
        shutil.chown(path, SERVICE_UID, SERVICE_UID)
    state.unlink()
    return beside["newest"]


@full_lab
def test_the_proven_copy_is_named(lab: Lab, operator: Operator) -> None:
    """At first what it signed unseen may still come: no copy is proven. Some seconds of blocks
    later the newest is, the others are named and not proposed; the printed command brings the node
    to where a plan starts it, and it signs."""
    lab.wait_height(12, 60)
    newest = copies(lab)
    state, held = state_of(lab), newest.read_text()
    refused = operator.plan("INC-001", "--limit", "val4")
    assert refused.code == REFUSED, refused.document
    time.sleep(CLOCKS_S + 5)
    said = ""
    for _ in range(LOOKS):
        said = next(n for n in operator.diagnose()["nodes"] if n["host"] == "val4")["by_hand"]
        if "could not be read" not in said:
            break
    place = f"{lab.node('val4').home}/data/priv_validator_state.json"
    assert f"Carry {place}.newest (" in said, said
    for name, why in (("old", "older"), ("future", "above the chain"), ("garbage", "not what")):
        assert re.search(rf"Not these: .*{re.escape(place)}\.{name} \([^)]*{why}", said), said
    refused = operator.plan("INC-001", "--limit", "val4")
    assert refused.code == REFUSED, refused.document
    assert f"Carry {place}.newest" in json.dumps(refused.document)
    assert not state.exists()
    assert newest.read_text() == held
    command = re.search(r"`(echo [^`]*)`", said)
    assert command is not None, said
    user = lab.node("val4").user
    lab.hosts["val4"].sh(command[1].replace(f"sudo -u {user} ", f"runuser -u {user} -- "))
    put, was = json.loads(state.read_text()), json.loads(held)
    assert [int(put[k]) for k in HRS] == [int(was[k]) for k in HRS]
    assert (state.stat().st_uid, state.stat().st_mode & 0o777) == (SERVICE_UID, 0o600)
    with rescued(lab, "val4"):
        done = operator.rescue("INC-001", "--limit", "val4")
        assert done.code == 0, done.document
