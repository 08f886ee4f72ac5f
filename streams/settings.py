"""Faust's settings of every worker: each that differs from Faust's own, with its reason."""

import ssl
from typing import Any, Final

import faust
from faust.types.auth import CredentialsT

from infra.kafka.config import heartbeat_s, session_s
from infra.settings import KafkaSettings, secret_from

MAX_BATCH_RECORDS: Final = 20_000
MAX_FETCH_BYTES: Final = 2 * 1024 * 1024
BUFFERED_BATCHES: Final = 4
REQUEST_TIMEOUT_S: Final = 30.0


def faust_settings(kafka: KafkaSettings, group_id: str, datadir: str) -> dict[str, Any]:
    """Arguments of `faust.App`; `datadir` is an empty folder, state lives in checkpoints."""
    session = session_s(kafka)
    return {
        "id": group_id,
        "broker": [f"kafka://{address}" for address in kafka.bootstrap.split(",")],
        "broker_credentials": credentials(kafka),
        "datadir": datadir,
        "autodiscover": False,  # a worker runs the one agent it is given
        "web_enabled": False,  # health and metrics are served by infra.health
        "worker_redirect_stdouts": False,  # data goes to stdout, and stays there
        "topic_allow_declare": False,  # topics are made by `fleetloop topics apply`
        "topic_disable_leader": True,  # no topic of Faust's own
        "processing_guarantee": "at_least_once",  # exactly_once of Faust crashes and leaks
        "consumer_auto_offset_reset": "earliest",  # a gap then shows as a gap, never as silence
        "broker_session_timeout": session,
        "broker_heartbeat_interval": heartbeat_s(kafka),
        # A member that does not come back from a rebalance holds up the others for this long.
        "broker_rebalance_timeout": max(session, 6.0),
        "broker_request_timeout": max(REQUEST_TIMEOUT_S, session),  # Faust wants it >= session
        "broker_max_poll_interval": 300.0,
        "broker_max_poll_records": MAX_BATCH_RECORDS,  # of all partitions; bounds a batch
        "consumer_max_fetch_size": MAX_FETCH_BYTES,  # of a partition; bounds memory
        "broker_commit_interval": 1.0,  # what lag displays show is at most this old
        "broker_commit_every": None,  # counting batches says nothing
        "broker_check_crcs": False,  # TCP and the broker checked them; 5 % of the worker's time
        "stream_buffer_maxsize": BUFFERED_BATCHES,  # batches; a full queue holds up the fetcher
        "stream_wait_empty": True,  # a rebalance waits for the batch in work
        "stream_processing_timeout": 300.0,  # it only logs; a rebuild folds long batches
        "producer_linger": 0.0,  # Faust's own producer is not used: infra.kafka.publisher is
    }


def credentials(kafka: KafkaSettings) -> CredentialsT | None:
    """What Faust's clients need to be let in; None on a plain connection."""
    protocol = kafka.security_protocol
    context = tls_context(kafka) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=kafka.sasl_username or "",
            password=secret_from(kafka.sasl_password_file).get_secret_value(),
            mechanism=kafka.sasl_mechanism or "PLAIN",
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None


def tls_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """TLS context that trusts `ca_file` and shows the client's certificate when it has one."""
    context = ssl.create_default_context(
        ssl.Purpose.SERVER_AUTH, cafile=str(kafka.ca_file) if kafka.ca_file else None
    )
    if kafka.certificate_file is not None:
        context.load_cert_chain(str(kafka.certificate_file), keyfile=kafka.key_file)
    return context
