#!/bin/sh
# A plain start script, without exec and without a trap.
app
status=$?
echo "start.sh cleans up after $status"
exit $status
