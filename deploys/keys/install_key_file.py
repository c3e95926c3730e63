"""Put the new key, which was brought to the host, in the place of a reader's (docs/key-files.md):
`pyinfra INVENTORY deploys/keys/install_key_file.py --limit HOST [--dry]`.
"""

from remediations.systems.keyfile import operations
from remediations.systems.keyfile.preflight import planned_key_file

operations.install(planned=planned_key_file(), name="install the key file", _sudo=True)
