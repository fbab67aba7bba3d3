"""`pyinit --status`: a look inside, for people and (--json) for programs. Nothing of this is in PID 1.

* gather.py: what the state page, /proc, the sockets and psutil tell.
* report.py: PURE, what that means: one document, with stable keys.
* text.py: PURE, the document for people.
* command.py: the command.
"""
