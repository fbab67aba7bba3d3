# The application is the command itself.
FROM pyinit-example/pyinit
COPY tests/app.py /app/
CMD ["python3", "/app/app.py"]
