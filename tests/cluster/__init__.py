"""A real Kubernetes API server with a node of our own, for tests."""
