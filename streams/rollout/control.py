"""The concurrent control: windows in which a release and its parent were driven side by side."""

from typing import NamedTuple

import numpy as np

from schemas.topics import INFERENCE_EVENTS
from streams.rollout.calendar_windows import Calendar
from streams.rollout.partials import MILLIMETRES
from streams.rollout.rates import Windows
from streams.rollout.window_tally import WindowTally


class Sides(NamedTuple):
    """Two releases in one stratum."""

    candidate: str
    control: str
    stratum: str


def rate_windows(
    tally: WindowTally,
    calendar: Calendar,
    topic: str,
    sides: Sides,
    since_us: int,
    now_us: int,
    after_us: int | None = None,
) -> Windows:
    """Closed windows since the candidate was proposed, in which both drove; metres and events.

    They are the first of it. When the candidate is older than what is kept there is none: a test
    must not begin anew with what is left.

    Args:
        tally: Counts by window.
        calendar: When a window is closed.
        topic: Topic of the events.
        sides: Which releases, where.
        since_us: When the candidate was proposed.
        now_us: Ingest time up to which every source partition was read.
        after_us: Only windows that began after it; None: all.
    """
    mine, theirs = (sides.candidate, sides.stratum), (sides.control, sides.stratum)
    driven, control_driven = (tally.series(INFERENCE_EVENTS.name, key) for key in (mine, theirs))
    events, control_events = (tally.series(topic, key) for key in (mine, theirs))
    if calendar.start(since_us) < calendar.oldest_kept(now_us):
        driven = {}
    starts = [
        start
        for start in sorted(driven)
        if driven[start] > 0 and control_driven.get(start, 0) > 0 and calendar.closed(start, now_us)
        if after_us is None or start > after_us
    ]
    return Windows(
        exposure=np.array([driven[start] / MILLIMETRES for start in starts]),
        control_exposure=np.array([control_driven[start] / MILLIMETRES for start in starts]),
        events=np.array([events.get(start, 0) for start in starts], dtype=np.float64),
        control_events=np.array(
            [control_events.get(start, 0) for start in starts], dtype=np.float64
        ),
    )
