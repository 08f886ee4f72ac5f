"""What of a data set a log holds already, so that a second replay adds nothing."""

from typing import Any

from schemas.records import Incident


class Known:
    """Records of one data set that were seen on the log.

    An incident is known when the log holds its version or a later one: compaction forgets what
    was replaced, and an old version written again would stand behind the newest.

    Args:
        source: Of the data set's records; others are of no interest.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._ids: set[tuple[type[Any], str]] = set()
        self._versions: dict[str, int] = {}

    def observe(self, record: Any) -> None:
        """Take note of a record of the log."""
        if record.source != self._source:
            return
        if isinstance(record, Incident):
            newest = self._versions.get(record.report_id, 0)
            self._versions[record.report_id] = max(newest, record.report_version)
        else:
            self._ids.add((type(record), record.event_id))

    def holds(self, record: Any) -> bool:
        """Whether the log need not be given this record."""
        if isinstance(record, Incident):
            return record.report_version <= self._versions.get(record.report_id, -1)
        return (type(record), record.event_id) in self._ids
