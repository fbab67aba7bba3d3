"""pyinit-rehearse: what a rollout of an image loses today, and what it loses with pyinit.

A tool that runs outside containers, beside a Docker engine, with the libraries of the extra `pyinit[rehearse]`. PID 1 never
imports it, and the static binary does not have it.
"""
