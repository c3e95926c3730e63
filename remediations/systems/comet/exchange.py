"""The shell programs that put another program of the daemon in place while its node is held. Pure.

Between the stop of a coordinated rollback and the execution of the block: the program that is in
place takes the execution back, and executes the block again. They rest on an install (`install.py`,
`install_below.py`), and start and stop nothing. The way back is the same text with the hashes
changed round: as long as the node is held, what the new program has done is taken back by the next
execution.
"""

from __future__ import annotations

from remediations.systems.comet.install import INSTALL_PARTS, PlannedInstall, install_variables
from remediations.systems.comet.install_below import BELOW_PARTS, PlannedBelow, below_variables
from remediations.systems.hosts.hold import HOLD
from remediations.systems.hosts.unit_program import compose

_MAIN = r"""
unit_as_planned
held_and_stopped
key_as_planned
sign_state_not_lower
program_as_planned
if [ "$present" = "$sha256" ]; then
  printf 'already so: %s is the planned program\n' "$path"
  exit 0
fi
data_found
staged_as_planned
for_this_platform
keep_former
copy_beside
answers_here
held_and_stopped
nobody_holds
acted=yes
mv "$copy" "$path"
sync "${directory:-/}"
printf 'in place: %s, %s\n' "$path" "$version"
"""

_BELOW_MAIN = r"""
root=$home/cosmovisor
unit_as_planned
wrapper_as_planned
held_and_stopped
key_as_planned
sign_state_not_lower
upgrade_info_as_planned
current_as_planned
place_as_planned
if [ "$present" = "$sha256" ]; then
  printf 'already so: %s is the planned program\n' "$place"
  exit 0
fi
[ -z "$upgrade" ] || refuse "an upgrade that waits: $upgrade" "none while states differ"
data_found
staged_as_planned
for_this_platform
place_writable
keep_former
copy_below
answers_here
held_and_stopped
nobody_holds
acted=yes
put
"""


def exchange_text(planned: PlannedInstall) -> str:
    """Puts the program in the place of the one that is there; a node that has it is left alone."""
    return compose(install_variables(planned), (*INSTALL_PARTS, HOLD, _MAIN))


def exchange_below_text(planned: PlannedBelow) -> str:
    """The same where cosmovisor starts the program: in the place of the one in use."""
    return compose(below_variables(planned), (*BELOW_PARTS, HOLD, _BELOW_MAIN))
