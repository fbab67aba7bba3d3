#!/bin/sh
# A start script as most are: the application in the foreground, without exec, and one more line after it.
"$@"
status=$?
echo "start.sh: the application has ended with $status"
exit $status
