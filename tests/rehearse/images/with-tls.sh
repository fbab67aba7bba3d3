#!/bin/sh
# A certificate of its own, and the server in the place of this script.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=shop -keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null
exec "$@" --keyfile /tmp/key.pem --certfile /tmp/cert.pem
