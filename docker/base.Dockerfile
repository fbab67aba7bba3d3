# A base image that mends the shell forms as well: every CMD of the images built on it, in either form, runs under pyinit.
FROM pyinit-example/pyinit
SHELL ["pyinit", "-c"]
ENTRYPOINT ["pyinit", "--"]
