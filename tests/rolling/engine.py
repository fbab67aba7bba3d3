"""What the laboratory borrows from a Docker engine, by the ways of pyinit.rehearse."""

from pyinit.rehearse.engine import Owner

#: On everything, with the PID of the process that has made it.
LABEL = "pyinit.rolling"

_owner = Owner(LABEL, "pyinit-rolling")

labels, unique, remove_stale = _owner.labels, _owner.unique, _owner.remove_stale
network, started = _owner.network, _owner.started
