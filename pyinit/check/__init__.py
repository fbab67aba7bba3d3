"""pyinit-check: what will go wrong at the next rollout, read from the files.

Outside of containers only: PID 1 never imports this package, and the static binary does not hold it. Its libraries come with
the extra `pyinit[check]`. Nothing is executed, nothing is fetched, and what cannot be known is unknown, never a finding.

The way of a file: find.py names its kind, a parser (dockerfile.py, script.py, nodes.py) reads it, a model (compose.py,
kubernetes.py, ecs.py, nomad.py, quadlet.py, fly.py) makes workloads of it, chain.py follows each from the manifest to the
program, and the rules say what is wrong.
"""
