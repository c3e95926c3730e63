"""The domain `service`, on made namespaces."""
