"""Put back the key that `install_key_file.py` replaced:
`pyinfra INVENTORY deploys/keys/put_back_key_file.py --limit HOST [--dry]`.
"""

from remediations.systems.keyfile import operations
from remediations.systems.keyfile.preflight import planned_key_file

operations.put_back(
    planned=planned_key_file("install.undo"), name="put the key file back", _sudo=True
)
