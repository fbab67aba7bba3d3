"""What runs inside of the namespaces."""
