"""A real Kubernetes cluster on this machine: control plane, two nodes, a registry on loopback."""
