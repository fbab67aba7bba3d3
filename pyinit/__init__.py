"""pyinit: a PID 1 for containers that loses no signal, no process and no exit status."""

__version__ = "0.1.0"
