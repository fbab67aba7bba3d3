"""Asking whether somebody is well: one probe at a time, or many in one loop. Nothing of this is in a PID 1 by itself.

* state.py: reading the state page of PID 1 (page.py).
"""
