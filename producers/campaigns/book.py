"""The one reader of `collection-campaigns`: which campaigns are open, and what each has got."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from producers.campaigns.predicate import Predicate, parse
from producers.campaigns.tokens import PredicateError
from schemas.cohorts import membership
from schemas.records import CollectionCampaign


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as last written, its predicate compiled."""

    record: CollectionCampaign
    predicate: Predicate

    def open_at(self, now_us: int) -> bool:
        """Whether it has not expired; stopping it is expiring at once."""
        return now_us < self.record.expires_ts

    def includes(self, device_id: str) -> bool:
        """Whether a device is in the campaign's share of the fleet."""
        return membership(self.record.salt, device_id) < self.record.share


class CampaignBook:
    """Folds the topic in log order; the newest record of a campaign counts.

    Attributes:
        version: Rises with each record.
        unreadable: Campaigns whose predicate this version does not understand: nothing is
            collected for them.
    """

    def __init__(self) -> None:
        self._campaigns: dict[str, Campaign] = {}
        self._taken: Counter[str] = Counter()
        self.version = 0
        self.unreadable: dict[str, str] = {}

    def observe(self, record: CollectionCampaign) -> None:
        """Take one record of the topic."""
        self.version += 1
        self._campaigns.pop(record.campaign_id, None)
        self.unreadable.pop(record.campaign_id, None)
        try:
            predicate = parse(record.predicate)
        except PredicateError as error:
            self.unreadable[record.campaign_id] = str(error)
            return
        self._campaigns[record.campaign_id] = Campaign(record, predicate)

    def of(self, device_id: str) -> tuple[Campaign, ...]:
        """Campaigns that include a device, by id."""
        return tuple(one for one in self.all() if one.includes(device_id))

    def all(self) -> Iterator[Campaign]:
        """Every readable campaign, by id."""
        return (self._campaigns[name] for name in sorted(self._campaigns))

    def wants_more(self, campaign: Campaign) -> bool:
        """Whether the quota is not used up by what readers of this book have taken."""
        return self._taken[campaign.record.campaign_id] < campaign.record.quota

    def take(self, campaign: Campaign) -> None:
        """Count an edge case against the quota."""
        self._taken[campaign.record.campaign_id] += 1
