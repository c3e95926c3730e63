"""Put another program in the place of a held node's: by `remediate plan INC-001 --program SHA256`
where app hashes differ."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_exchange

program_operations.exchange(
    planned=planned_exchange(), name="exchange the program of the held node", _sudo=True
)
