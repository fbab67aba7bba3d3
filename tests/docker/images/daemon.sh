#!/bin/sh
# Starts a daemon (its parent exits, so it becomes PID 1's; setsid takes it out of the process group), then the application.
(setsid python3 /app/app.py --name daemon &)
exec python3 /app/app.py "$@"
