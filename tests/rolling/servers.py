"""The servers of the laboratory: how each is started, and what it does of itself when it is asked to stop."""

from dataclasses import dataclass

#: Where every server listens, and where pyinit tells of its readiness.
PORT, HEALTH_PORT = 8000, 8001


@dataclass(frozen=True)
class Server:
    """A server and its application.

    `command`: a line that sh and shlex understand alike. `stop_signal`: what the orchestrator sends, as STOPSIGNAL of the
    server's own image has it. `graceful`: its own behaviour at that signal, for the reader of a table.
    """

    name: str
    command: str
    stop_signal: str
    graceful: str


SERVERS = {
    server.name: server
    for server in (
        Server(
            "gunicorn-sync",
            f"gunicorn --bind 0.0.0.0:{PORT} --workers 2 with_flask:app",
            "TERM",
            "closes its port at once, and finishes the requests that its workers have accepted; no connection is kept, "
            "so none can be lost in between; status 0",
        ),
        Server(
            "gunicorn-gthread",
            f"gunicorn --bind 0.0.0.0:{PORT} --workers 1 --threads 4 --keep-alive 5 with_flask:app",
            "TERM",
            "closes its port at once, finishes the requests that it has read, and closes kept connections without notice; "
            "status 0",
        ),
        Server(
            "gunicorn-loading",
            # One process, so that there is one answer to the question whether it is ready; no kept connections, as above.
            f"gunicorn --bind 0.0.0.0:{PORT} --workers 1 --threads 4 --keep-alive 0 loading:app",
            "TERM",
            "closes its port at once, and finishes the requests that it has read; no connection is kept; status 0. After its "
            "start it answers with 503 until its application has loaded, for 3 s",
        ),
        Server(
            "uvicorn",
            f"uvicorn --host 0.0.0.0 --port {PORT} --no-access-log with_starlette:app",
            "TERM",
            "closes its port at once, finishes the requests that it has read, and closes kept connections without notice; "
            "status 143",
        ),
        Server(
            "nginx",
            "nginx -c /app/nginx.conf",
            "QUIT",
            "closes its port at once, finishes the requests that it has read, and closes kept connections without notice; "
            "status 0",
        ),
    )
}
