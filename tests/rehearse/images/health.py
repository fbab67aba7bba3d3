"""A server of gRPC with a health check as grpc.health.v1 has it, without its library: both messages are a few bytes."""
# mypy: ignore-errors
# Only the image has what is imported here.

import signal
import sys
import time
from concurrent import futures

import grpc

SERVING = b"\x08\x01"


def check(_request, _context):
    """HealthCheckResponse{status: SERVING}."""
    time.sleep(0.03)
    return SERVING


server = grpc.server(futures.ThreadPoolExecutor(8))
handler = grpc.unary_unary_rpc_method_handler(check)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),))
server.add_insecure_port("0.0.0.0:8000")
server.start()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(server.stop(None).wait()))  # at once: what is in flight is cancelled
server.wait_for_termination()
