"""The process around the service: port, health, a calm end."""

from __future__ import annotations

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from hptune.backends.katib.suggestion.api_pb2_grpc import add_SuggestionServicer_to_server
from hptune.backends.katib.suggestion.service import MAX_QUESTIONS, SuggestionService
from hptune.errors import HptuneError

# What Katib's probes ask for, and what everybody else does.
SERVICES = ("manager.v1beta1.Suggestion", "")
# Probes have threads that no question can take.
_WORKERS = MAX_QUESTIONS + 2
# Thousands of trials with long parameters; gRPC's own limit is 4 MiB.
_MAX_REQUEST_BYTES = 64 * 2**20

_log = logging.getLogger(__name__)


def serve(port: int, grace_s: float) -> None:
    """Serves until SIGTERM or Ctrl-C; what is being computed then may still be finished.

    A thread may be computing when this returns: nothing is lost with it, for Katib asks again.

    Args:
        port: On all addresses; 0 takes a free one, which the log names.
        grace_s: How many seconds answers may take after SIGTERM.

    Raises:
        HptuneError: The port is taken.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = grpc.server(
        ThreadPoolExecutor(_WORKERS),
        options=[("grpc.max_receive_message_length", _MAX_REQUEST_BYTES), ("grpc.so_reuseport", 0)],
    )
    add_SuggestionServicer_to_server(SuggestionService(), server)
    states = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    bound = _bind(server, port)
    for service in SERVICES:
        states.set(service, health_pb2.HealthCheckResponse.SERVING)
    server.start()
    _log.info("listening on port %d", bound)
    stop.wait()
    _log.info("stopping")
    states.enter_graceful_shutdown()
    server.stop(grace_s).wait()


def _bind(server: grpc.Server, port: int) -> int:
    # Not every cluster has IPv6.
    for address in (f"[::]:{port}", f"0.0.0.0:{port}"):
        try:
            return server.add_insecure_port(address)
        except RuntimeError as error:
            reason = error
    raise HptuneError(f"port {port} cannot be listened on: {reason}")
