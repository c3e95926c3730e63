"""Put another program in the place of a held node's below cosmovisor: by
`remediate plan INC-001 --program SHA256` where app hashes differ."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_exchange_below

program_operations.exchange_below_cosmovisor(
    planned=planned_exchange_below(), name="exchange the program of the held node", _sudo=True
)
