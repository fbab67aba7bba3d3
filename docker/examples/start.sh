#!/bin/sh
# A start script as most are: some preparation, then the application, without exec.
export PYTHONUNBUFFERED=1
python3 /app/app.py "$@"
status=$?
echo "start.sh cleans up after $status"
exit $status
