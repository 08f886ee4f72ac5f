"""Why a device refuses: the repository, the role, the rule and the version, in one error."""

from enum import StrEnum


class Reason(StrEnum):
    """What was wrong, in one word for programs."""

    BAD_ECU_ID = "bad_ecu_id"
    BAD_HARDWARE_ID = "bad_hardware_id"
    BAD_KEY_ID = "bad_key_id"
    BAD_TYPE = "bad_type"
    BAD_VERSION = "bad_version"
    COUNTER_ROLLBACK = "counter_rollback"
    DIRECTOR_DELEGATION = "director_delegation"
    DUPLICATE_SIGNATURES = "duplicate_signatures"
    EXPIRED = "expired"
    HASH_MISMATCH = "hash_mismatch"
    ILLEGAL_THRESHOLD = "illegal_threshold"
    INCONSISTENT = "inconsistent"
    MALFORMED = "malformed"
    MISSING_FILE = "missing_file"
    NOT_IN_SNAPSHOT = "not_in_snapshot"
    OVERSIZED = "oversized"
    REPEATED_ECU = "repeated_ecu"
    TARGET_MISMATCH = "target_mismatch"
    TARGET_NOT_FOUND = "target_not_found"
    TOO_LARGE = "too_large"
    TOO_NESTED = "too_nested"
    TOO_SLOW = "too_slow"
    UNMET_THRESHOLD = "unmet_threshold"
    UNREACHABLE = "unreachable"
    VERSION_MISMATCH = "version_mismatch"


class RefusedError(Exception):
    """Nothing may be installed: a rule of verification is broken.

    Attributes:
        repo: "director" or "image_repo"; empty while the repository is not known yet.
        role: The role at fault; "delegation" for a list of delegations, "target" for a file.
        reason: The rule that is broken, in one word.
        rule: The rule and what was found instead, for people.
        version: Version of the metadata at fault, where one could be read.
    """

    def __init__(
        self, role: str, reason: Reason, rule: str, *, version: int | None = None, repo: str = ""
    ) -> None:
        super().__init__(role, reason, rule)
        self.repo, self.role, self.reason = repo, role, reason
        self.rule, self.version = rule, version

    def __str__(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"{self.repo or 'metadata'}: {self.role}{version}: {self.reason}: {self.rule}"
