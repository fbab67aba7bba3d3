# Of the shape that tini's own README has. Whoever wrote it need not know of pyinit.
FROM pyinit-example/tini-base
COPY tests/app.py docker/examples/start.sh /app/
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["/app/start.sh"]
