# The application, scripts around it, and pyinit in both forms: /pyinit and, from the sources, /usr/local/bin/pyinit.
FROM pyinit-example/python3-minimal
COPY --from=pyinit /pyinit /pyinit
COPY tests/docker/images/daemon.sh tests/docker/images/trap.sh /app/
ENTRYPOINT ["/pyinit", "--"]
CMD ["/app/start.sh"]
