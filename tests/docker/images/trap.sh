#!/bin/sh
# A start script that was taught to pass on SIGTERM and to wait.
trap 'kill -TERM "$pid"; wait "$pid"; exit $?' TERM
python3 /app/app.py "$@" &
pid=$!
wait "$pid"
