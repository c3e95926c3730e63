"""A host's validator key, by its address, and the sign state that guards it. Pure."""

from __future__ import annotations

from remediations.engine.doctor.line import DoctorLine, lack_line, ok_line, warn_line
from remediations.playbooks.chain.diagnose.equivocation import runs
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.render.formats import percent
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Unknown, Why

TOPIC = "validator key"


def key_line(reading: HostReading, power: Power) -> DoctorLine:
    """Whether the key is the one that the host's role and the validator set say."""
    host, view = reading.host, NodeView(reading)
    if view.config is not None and view.config.remote_signer:
        found = f"signed for by {view.config.remote_signer}"
        mend = "the signer's own state cannot be seen from here: check it before any start"
        return warn_line(host, TOPIC, found, mend)
    if isinstance(reading.key, Unknown):
        return lack_line(host, TOPIC, reading.key.reason, f"see the home and sudo of {host}")
    address = reading.key.value.address
    share = power.of(address)
    if reading.role is Role.STANDBY and share and runs(view) and power.holders[address] == (host,):
        mend = f"{host} is the validator: say so in the inventory, role: validator; leave its key"
        return lack_line(host, TOPIC, f"{address}: the only host with it, and it runs", mend)
    if reading.role is Role.STANDBY and share:
        mend = f"never start it while another host may have this key; move it off {host}"
        return lack_line(host, TOPIC, f"{address}: the key of an active validator", mend)
    if reading.role is not Role.VALIDATOR:
        if share:
            mend = f"is {host} a validator? then say so in the inventory: role: validator"
            return lack_line(host, TOPIC, f"{address} is in the validator set", mend)
        return ok_line(host, TOPIC, "none in the validator set")
    if not address:
        mend = "do not start it (it would make a new key): find where its key went"
        return lack_line(host, TOPIC, "there is no key file", mend)
    if not power.known:
        mend = "`remediate diagnose`: no node tells the validator set"
        return warn_line(host, TOPIC, f"{address}; no validator set to compare with", mend)
    if not share:
        mend = "jailed, not bonded yet, or not its own key: ask its operator"
        return warn_line(host, TOPIC, f"{address} is not in the validator set", mend)
    return ok_line(host, TOPIC, f"{address}, power {share} ({percent(share, power.total)})")


def sign_state_line(reading: HostReading, power: Power) -> DoctorLine:
    """Whether what keeps the key from signing twice can be read."""
    host, topic, view = reading.host, "sign state", NodeView(reading)
    signs = reading.role is Role.VALIDATOR or power.of(view.address) > 0
    if isinstance(reading.sign_state, Unknown):
        remote = view.config is not None and bool(view.config.remote_signer)
        if reading.sign_state.why is Why.ABSENT and (remote or not signs):
            return ok_line(host, topic, "none, and none is needed here")
        mend = f"see docs/safety.md: without it {host} must not be started"
        return lack_line(host, topic, reading.sign_state.reason, mend)
    state = reading.sign_state.value
    signed = f"last signed {state.height}/{state.round}/{state.step}"
    return ok_line(host, topic, f"readable, {signed if state.height else 'it never signed'}")
