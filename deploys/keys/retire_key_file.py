"""Remove the key that `install_key_file.py` replaced, once nothing is sealed to it any more:
`pyinfra INVENTORY deploys/keys/retire_key_file.py --limit HOST [--dry]`.
"""

from remediations.systems.keyfile import operations
from remediations.systems.keyfile.preflight import planned_key_file

operations.retire(planned=planned_key_file("retire"), name="retire the key file", _sudo=True)
