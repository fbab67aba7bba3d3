#!/bin/sh
# A start script as most are: something before, the application without exec, something after.
echo "start.sh: begins"
# pyinit: ignore=PI201 # what such an image loses is measured
"$@"
status=$?
echo "start.sh: cleans up after $status"
exit $status
