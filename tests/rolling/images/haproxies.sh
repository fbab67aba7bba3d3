#!/bin/sh
# haproxies.sh CONFIGURATION PORT...: one HAProxy for each control port. They share the clients' port, and the kernel gives each
# its part of the connections (SO_REUSEPORT).
configuration=$1
shift
for port in "$@"; do
    CONTROL=$port haproxy -db -f "$configuration" &
done
wait
