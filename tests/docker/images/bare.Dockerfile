# The binary and one static program: no shell, no library, no /etc, no /tmp.
FROM scratch
COPY --from=pyinit /pyinit /pyinit
COPY --from=pyinit-example/small /bin/app /app
ENTRYPOINT ["/pyinit", "--"]
CMD ["/app"]
