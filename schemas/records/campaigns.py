"""Collection campaigns and erasures. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCampaign:
    """What to collect. Topic: collection-campaigns."""

    event_id: str
    source: str
    campaign_id: str
    predicate: str
    share: float
    salt: str
    quota: int
    expires_ts: int
    uplink_bytes_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A device to forget. Topic: erasures."""

    event_id: str
    source: str
    device_id: str
    requested_ts: int
    by: str
    reason: str
