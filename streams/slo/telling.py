"""What there is to say of one key: the numbers behind a change of state, as they stand."""

from fractions import Fraction

from schemas.durations import SECOND_US
from schemas.records import AlertState, AlertTier, Severity
from streams.slo.conditions import Conditions
from streams.slo.judging import slowest
from streams.slo.ledger import Ledger
from streams.slo.objectives import Slo, Tier
from streams.slo.phases import Episode
from streams.slo.suspects import Suspects
from streams.slo.transitions import MAX_EXEMPLARS, Transition, budget, latency


class Teller:
    """Reads the counts of a key for a transition; changes nothing."""

    def __init__(self, slo: Slo, ledger: Ledger, conditions: Conditions) -> None:
        self._slo = slo
        self._ledger = ledger
        self._conditions = conditions
        self._suspects = Suspects(ledger.keys, ledger.windows)

    def transition(
        self,
        row: int,
        severity: Severity,
        state: AlertState,
        why: str,
        episode: Episode | None,
        *,
        ingest_us: int,
        complete_us: int,
    ) -> Transition:
        """A change of state of one key; `episode` is the one that began, goes on or is over."""
        slo, ledger = self._slo, self._ledger
        tick = ledger.windows.tick or 0
        tiers = slo.tiers_of(severity)
        since = tick if episode is None else episode.since
        ended = tick if episode is None or episode.false_since is None else episode.false_since
        oldest_us = tick * slo.bucket_us - max(tier.long_us for tier in tiers)
        shown = ledger.evidence.summary(row, tick)
        burns = [self._burn(tier, tier.long_us, row) for tier in tiers]
        return Transition(
            labels=ledger.keys.labels(row),
            severity=severity,
            state=state,
            reason=why,
            at_us=tick * slo.bucket_us,
            starts_us=since * slo.bucket_us,
            ends_us=ended * slo.bucket_us if state is AlertState.RESOLVED else None,
            ingest_us=ingest_us,
            tiers=tuple(
                self._reading(tier, row, burn) for tier, burn in zip(tiers, burns, strict=True)
            ),
            budget=budget(slo, ledger.windows.spent(row), max(burns)),
            latency=latency(slo, shown.latency),
            suspects=self._suspects.of(row, tiers[0].long_us, shown.sides),
            exemplars=slowest(ledger.evidence.exemplars(row, tick), MAX_EXEMPLARS),
            late_events=ledger.late_events,
            flapping=episode is not None and episode.flapping,
            flap_count=0 if episode is None else episode.flaps,
            partial=0 < complete_us > oldest_us,
        )

    def _reading(self, tier: Tier, row: int, burn_long: Fraction) -> AlertTier:
        long = self._ledger.windows.sum(tier.long_us, row)
        short = self._ledger.windows.sum(tier.short_us, row)
        return AlertTier(
            long_s=tier.long_us // SECOND_US,
            short_s=tier.short_us // SECOND_US,
            factor=float(tier.factor),
            burn_long=float(burn_long),
            burn_short=float(self._burn(tier, tier.short_us, row)),
            n_long=long.total,
            bad_long=long.bad,
            n_short=short.total,
            bad_short=short.bad,
            active=self._conditions.holds(tier, row, self._since(row)),
        )

    def _burn(self, tier: Tier, length_us: int, row: int) -> Fraction:
        return self._conditions.burn(tier, length_us, row, self._since(row))

    def _since(self, row: int) -> int:
        return int(self._ledger.since[row])
