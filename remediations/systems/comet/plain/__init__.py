"""The reader and the guards of the plain path: pyinfra without a plan."""
