"""The traffic at a stop: when it has gone quiet, and what was lost. Imported when a stop is requested, not before.

* watcher.py: who watches what, and when: delay.py, then queues.py, then ledger.py.
* quiet.py, loss.py: PURE, what the figures mean.
* view.py: the sockets, by diag.py or proc_net.py; arrivals.py: what comes and goes between two looks; counters.py: the kernel's
  counters; surroundings.py: what none of these tells.
"""
