# A log that also goes to a file: tee would die of the signal at once, and the application of its next line.
FROM pyinit-example/pyinit
COPY tests/app.py /app/
CMD python3 /app/app.py | tee /tmp/app.log
