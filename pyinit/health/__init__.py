"""Readiness and liveness for those who send traffic here: a helper process that PID 1 starts, watches and restarts.

Imported only where --ready or --health-listen asks for it. In PID 1:

* keeper.py: holds the sockets and the pipes, starts the helper and starts it anew, hears its reports.
* doors.py: the system calls for that.
* reports.py: PURE, what the helper reports, as lines.
* readiness.py: PURE, what is ready.

And in the helper, which nobody needs in PID 1:

* helper.py: its loop, and how it becomes a process of its own.
* prober.py: the probes of the application.
* server.py: the HTTP server; request.py, answers.py: PURE, what is asked and what is answered.
* mail.py: what the command says of itself (sd_notify); notify.py: PURE, what its datagrams mean.
"""
