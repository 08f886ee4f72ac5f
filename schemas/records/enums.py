"""Enumerations shared by the records; UNKNOWN is what an old reader makes of a newer symbol."""

from enum import StrEnum


class DeviceClass(StrEnum):
    """What kind of machine a device is."""

    UNKNOWN = "UNKNOWN"
    VEHICLE = "VEHICLE"
    ROBOT = "ROBOT"


class Lifecycle(StrEnum):
    """Where a device is in its life."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    PARKED = "PARKED"
    RETIRED = "RETIRED"
    LOST = "LOST"


class Slot(StrEnum):
    """One of the two model slots of a device."""

    UNKNOWN = "UNKNOWN"
    A = "A"
    B = "B"


class ReleaseKind(StrEnum):
    """One step in the life of a release."""

    UNKNOWN = "UNKNOWN"
    PROPOSED = "PROPOSED"
    VERIFIED = "VERIFIED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SHADOW_OPENED = "SHADOW_OPENED"
    WAVE_OPENED = "WAVE_OPENED"
    WAVE_EXTENDED = "WAVE_EXTENDED"
    HELD = "HELD"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    ROLLBACK_ORDERED = "ROLLBACK_ORDERED"
    ROLLBACK_DONE = "ROLLBACK_DONE"
    ROLLBACK_STALLED = "ROLLBACK_STALLED"
    ABORTED = "ABORTED"
    SUPERSEDED = "SUPERSEDED"
    COMPLETED = "COMPLETED"


class CommandKind(StrEnum):
    """What a person may order of a rollout."""

    UNKNOWN = "UNKNOWN"
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    ABORT = "ABORT"
    ROLLBACK = "ROLLBACK"
    EXTEND = "EXTEND"
    KILL = "KILL"


class AckState(StrEnum):
    """How far a device is in one update attempt."""

    UNKNOWN = "UNKNOWN"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DOWNLOADED = "DOWNLOADED"
    VERIFIED = "VERIFIED"
    INSTALLED = "INSTALLED"
    TRIAL_BOOT = "TRIAL_BOOT"
    COMMITTED = "COMMITTED"
    REVERTED = "REVERTED"
    INSTALL_FAILED = "INSTALL_FAILED"
    DEFERRED = "DEFERRED"
    REJECTED = "REJECTED"


class Trigger(StrEnum):
    """Why a device kept a moment."""

    UNKNOWN = "UNKNOWN"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    MARGIN = "MARGIN"
    FLIP = "FLIP"
    NOVELTY = "NOVELTY"
    SHADOW_DISAGREEMENT = "SHADOW_DISAGREEMENT"
    DISENGAGEMENT = "DISENGAGEMENT"
    CAMPAIGN = "CAMPAIGN"
    RANDOM = "RANDOM"


class Precision(StrEnum):
    """How exactly an event time is known."""

    UNKNOWN = "UNKNOWN"
    SECOND = "SECOND"
    MINUTE = "MINUTE"
    DAY = "DAY"


class Initiator(StrEnum):
    """Who ended autonomy."""

    UNKNOWN = "UNKNOWN"
    AV_SYSTEM = "AV_SYSTEM"
    TEST_DRIVER = "TEST_DRIVER"
    REMOTE = "REMOTE"
    PASSENGER = "PASSENGER"


class ManifestKind(StrEnum):
    """A question, one about its disagreements, a person's order, a cut, or the dataset of it."""

    UNKNOWN = "UNKNOWN"
    ASK = "ASK"
    CUT = "CUT"
    ASSEMBLED = "ASSEMBLED"
    ADJUDICATE = "ADJUDICATE"
    CUT_ORDERED = "CUT_ORDERED"


class PartialKind(StrEnum):
    """A running count, or how far a source partition has been read."""

    UNKNOWN = "UNKNOWN"
    CELL = "CELL"
    PROGRESS = "PROGRESS"


class Arm(StrEnum):
    """Which side of a rollout a device is on."""

    UNKNOWN = "UNKNOWN"
    CANDIDATE = "CANDIDATE"
    CONTROL = "CONTROL"


class AlertKind(StrEnum):
    """What watches."""

    UNKNOWN = "UNKNOWN"
    BURN_RATE = "BURN_RATE"
    ABSENCE = "ABSENCE"
    PIPELINE = "PIPELINE"
    WATCHDOG = "WATCHDOG"
    ROLLOUT = "ROLLOUT"
    DRIFT = "DRIFT"


class Severity(StrEnum):
    """Who is disturbed, and when."""

    UNKNOWN = "UNKNOWN"
    PAGE = "PAGE"
    TICKET = "TICKET"
    INFO = "INFO"


class AlertState(StrEnum):
    """Where an alert is in its life."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"
    STALE = "STALE"
    NO_DATA = "NO_DATA"
    SUPPRESSED = "SUPPRESSED"


class ControlKind(StrEnum):
    """What an operator did to an alert."""

    UNKNOWN = "UNKNOWN"
    SILENCE = "SILENCE"
    ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"
