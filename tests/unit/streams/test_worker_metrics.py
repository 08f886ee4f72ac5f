"""What a processor counts itself stands beside the worker's own metrics."""

from prometheus_client import generate_latest

from schemas.decisions import ReleaseBook
from schemas.signing import Keyring
from schemas.topics import INFERENCE_EVENTS
from streams.metrics import WorkerMetrics
from streams.slo.agent import SloProcessor
from tests.slo_log import START_US, batch, slo, window


def test_counts_of_stage_one_are_metrics_by_reason_and_partition() -> None:
    processor = SloProcessor([slo()], ReleaseBook(Keyring({})))
    fold = processor.fold(INFERENCE_EVENTS.name, 2, None)
    events = [window("d", 1, START_US), window("d", 1, START_US)]
    fold.apply(batch(INFERENCE_EVENTS.name, 2, events, [START_US] * 2))
    metrics = WorkerMetrics()
    metrics.include(processor)
    text = generate_latest(metrics.registry).decode()
    assert 'fleetloop_slo_windows_total{partition="2",reason="duplicate"} 1.0' in text
    assert 'fleetloop_slo_windows_total{partition="2",reason="late"} 0.0' in text
    assert 'fleetloop_slo_overflow_events_total{partition="2"} 0.0' in text
