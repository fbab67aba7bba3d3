# The small image, and pyinit before its start script.
FROM pyinit-example/small
COPY --from=pyinit /pyinit /pyinit
ENTRYPOINT ["/pyinit", "--"]
CMD ["/start.sh"]
