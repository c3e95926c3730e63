"""Can a plan be made from this observation? Pure.

`apply` reads again what decides, and not what describes: what was left out when the plan was made
is never missed afterwards. So a plan is made from a full reading of every host.
"""

from __future__ import annotations

from remediations.engine.observe.observation import OBSERVATION_FORMAT, Observation, Scope


def missing_readings(observation: Observation) -> str:
    """What it lacks to be planned from; "" where that is nothing."""
    if observation.format != OBSERVATION_FORMAT:
        return f"format {observation.format}, not {OBSERVATION_FORMAT}"
    if observation.scope is not Scope.FULL:
        return f"a {observation.scope} reading: versions of programs were not read"
    names = [login.host for login in observation.logins]
    if len(set(names)) < len(names):
        return "a host that was read twice"
    if observation.ended < observation.began:
        return "an end before its beginning"
    return ""
