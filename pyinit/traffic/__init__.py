"""The traffic at a stop: when it has gone quiet, and what was lost. Imported when a stop is requested, not before.

* quiet.py, loss.py: PURE, what the figures mean.
* watcher.py: looks, and draws the conclusions.
* diag.py, proc_net.py: two ways to see the sockets; arrivals.py: what comes and goes between two looks; counters.py: the
  kernel's counters; surroundings.py: what none of these tells.
"""
