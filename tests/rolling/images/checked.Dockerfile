# The servers with a HEALTHCHECK: it asks pyinit, which asks the application. On Swarm a task gets traffic once it is healthy, and the
# one that it replaces is stopped then.
FROM pyinit-rolling/servers
HEALTHCHECK --interval=1s --timeout=5s --start-period=30s --retries=3 CMD ["pyinit", "--probe", "pyinit"]
