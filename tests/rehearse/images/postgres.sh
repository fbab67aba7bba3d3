#!/bin/sh
# A database of its own, and postgres below this script.
set -e
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
cd /tmp
as_postgres /usr/lib/postgresql/15/bin/initdb -D /tmp/data --auth=trust >/dev/null
as_postgres /usr/lib/postgresql/15/bin/postgres -D /tmp/data -c listen_addresses='*' -c unix_socket_directories=/tmp
echo "postgres has ended"
