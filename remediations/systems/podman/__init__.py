"""Containers of root's podman under systemd units: what runs of which image, and who keeps it."""
