"""`pyinit --status`: a look inside, for people and (--json) for programs. Nothing of this is in PID 1."""
