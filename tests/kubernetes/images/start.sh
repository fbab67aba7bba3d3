#!/bin/sh
# A start script as most are: something before, the application without exec, something after.
echo "start.sh: begins"
"$@"
status=$?
echo "start.sh: cleans up after $status"
exit $status
