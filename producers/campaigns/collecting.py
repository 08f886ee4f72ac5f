"""What one device does for campaigns: who wants this encounter, and may it still be sent?"""

from collections import Counter

from producers.campaigns.book import Campaign, CampaignBook
from producers.campaigns.signals import Signals


class Collecting:
    """Campaigns as one device honours them: share, expiry, quota, bytes.

    Args:
        book: Shared by the devices of a process.
    """

    def __init__(self, device_id: str, book: CampaignBook) -> None:
        self._device_id, self._book = device_id, book
        self._version = -1
        self._mine: tuple[Campaign, ...] = ()
        self._spent: Counter[str] = Counter()

    def wanting(self, signals: Signals, now_us: int) -> Campaign | None:
        """The first open campaign whose predicate holds and that may have more of this device."""
        if self._version != self._book.version:
            self._version, self._mine = self._book.version, self._book.of(self._device_id)
        for campaign in self._mine:
            if self._may(campaign, now_us) and campaign.predicate.holds(signals):
                return campaign
        return None

    def sent(self, campaign: Campaign, uplink_bytes: int) -> None:
        """Count an edge case and its bytes."""
        self._book.take(campaign)
        self._spent[campaign.record.campaign_id] += uplink_bytes

    def _may(self, campaign: Campaign, now_us: int) -> bool:
        record = campaign.record
        within = self._spent[record.campaign_id] < record.uplink_bytes_limit
        return within and campaign.open_at(now_us) and self._book.wants_more(campaign)
