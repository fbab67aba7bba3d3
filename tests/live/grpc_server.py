"""A server of gRPC with its health check, by grpcio.

    python grpc_server.py [health|none|hang [PORT]]

It prints its port. A line "SERVICE STATUS" on stdin sets the status of a service; the service "-" is the server as a
whole. With `none` the server has no health check, and with `hang` that never answers.
"""

import sys
import threading
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Hanging(health_pb2_grpc.HealthServicer):
    """Never answers."""

    def Check(self, request: object, context: grpc.ServicerContext) -> health_pb2.HealthCheckResponse:  # noqa: ARG002, D102, N802
        gone = threading.Event()
        context.add_callback(gone.set)
        gone.wait()
        return health_pb2.HealthCheckResponse()


def main() -> None:
    """Serve until stdin ends."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "health"
    port = sys.argv[2] if len(sys.argv) > 2 else 0
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    if kind == "hang":
        health_pb2_grpc.add_HealthServicer_to_server(Hanging(), server)
    elif kind != "none":
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(bound, flush=True)
    for line in sys.stdin:
        service, status = line.split()
        servicer.set("" if service == "-" else service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
        print("done", flush=True)
    server.stop(None)


if __name__ == "__main__":
    main()
