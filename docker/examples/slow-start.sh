#!/bin/sh
# An application that is started long before it can serve; it says when, by a file.
sleep 2
touch /tmp/ready
exec python3 /app/app.py
