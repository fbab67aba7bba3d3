"""Start pyinit, by path (`python3 -IS .../pyinit/__main__.py`) or by name (`python3 -m pyinit`).

Nothing but the start lives here: this file is compiled anew at every start, so it stays short.
"""

import sys

if not __package__:
    # By path under -I, sys.path does not name our parent folder. It is named for this one import only: it may be a
    # site-packages, and nothing in there may stand before the standard library.
    sys.path.insert(0, __file__.rpartition("/")[0] + "/..")
    import pyinit  # noqa: F401 - for its __path__, by which every later import of ours is found

    del sys.path[0]

from pyinit.kernel import signals

if sys.flags.isolated:
    given_mask = signals.block_all()  # from here on the kernel keeps for us what it would drop for PID 1

    import gc

    gc.disable()  # nothing is garbage before cli.forget_the_start()

    from pyinit import cli

    cli.main(sys.argv[1:], given_mask, sys.argv[0])
else:
    # Without -I, PYTHONPATH and the folder we were started in can put files of the application before ours.
    import posix

    posix.execv(sys.executable, [sys.executable, "-IS", __file__, *sys.argv[1:]])
