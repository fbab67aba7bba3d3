# Docker makes /bin/sh -c "..." of this CMD, and Debian's dash stays between PID 1 and the application.
FROM pyinit-example/pyinit
COPY tests/app.py /app/
CMD python3 /app/app.py
