"""`pyinit-runtime`: an OCI runtime that puts pyinit in front of what a container runs, and leaves the rest to the real one.

`command.py` is the program: it looks, writes and executes. `install.py` brings it to where it is run. The others are PURE:
`calls.py` reads the command line of a runtime, `settings.py` the file of the node and the annotations, `document.py` JSON, and
`edit.py` says what is to be changed.
"""
