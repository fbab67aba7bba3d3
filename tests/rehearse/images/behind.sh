#!/bin/sh
# gunicorn in the background, for a proxy in front of it, which takes the place of this script.
gunicorn --bind 127.0.0.1:9000 --workers 1 --threads 8 --log-level error web:app &
exec "$@"
