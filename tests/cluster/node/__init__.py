"""The node: our own kubelet, which runs one process a container."""
