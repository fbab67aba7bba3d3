"""Asking whether somebody is well: one probe at a time (`pyinit --probe`), or many in the loop of the health helper.

* target.py: PURE, what is probed and what is expected of it: parse(text) -> Target, expected(text, target) -> Expected.
* http.py: PURE, a request, and an answer that comes in pieces.
* run.py: Probe, which never blocks. It comes from config.OWN_SOURCE, by which traffic/ leaves it out.
* tls.py: https://, where Python has `ssl`.
* grpc.py, hpack.py: PURE, a call of gRPC's health check; the header fields of HTTP/2.
* state.py: reading the state page of PID 1 (page.py).
* command.py: `pyinit --probe`.

Nothing of this is in a PID 1 by itself. Whoever drives probes does it like this:

    probe = Probe(target, expect, timeout, now, given)   # given: environment and signal mask, for exec: alone
    poll probe.descriptor (None: nothing to poll) for probe.events, until probe.due_at at most, then
    outcome = probe.on_ready(now)                        # None: not yet; poll anew, for all three may have changed
    probe.close()                                        # to give up before there is an outcome
"""
