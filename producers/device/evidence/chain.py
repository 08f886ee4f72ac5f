"""Reading evidence: each line must hold to the one before; only the end may be torn."""

from dataclasses import dataclass

from producers.device.evidence.entry import Entry, EvidenceError, parse


@dataclass(frozen=True, slots=True)
class Chain:
    """What a device has written, oldest first.

    Attributes:
        entries: The lines; the first is number 0 unless older ones were dropped.
        torn: Bytes of an unfinished last line, which are not part of them.
    """

    entries: tuple[Entry, ...]
    torn: int = 0

    @property
    def head(self) -> str:
        """Hash of the last line; empty: there is none."""
        return self.entries[-1].hash if self.entries else ""

    @property
    def next_seq(self) -> int:
        """Number of the next line."""
        return self.entries[-1].seq + 1 if self.entries else 0

    @property
    def heads(self) -> dict[str, int]:
        """Position by hash of every line, which was the head when it was written."""
        return {entry.hash: index for index, entry in enumerate(self.entries)}


def read(data: bytes) -> Chain:
    """Read a device's evidence, of all its files in their order.

    Raises:
        EvidenceError: A line was changed, removed, put in or moved; the message names its number.
    """
    *lines, tail = data.split(b"\n")
    entries: list[Entry] = []
    for index, line in enumerate(lines):
        try:
            entry = parse(line)
        except EvidenceError as error:
            if any(_reads(later) for later in lines[index + 1 :]):
                raise EvidenceError(f"line {index + 1}: {error}") from error
            torn = sum(map(len, lines[index:])) + len(lines) - index + len(tail)
            return Chain(tuple(entries), torn)
        _follows(entry, entries[-1] if entries else None, index)
        entries.append(entry)
    return Chain(tuple(entries), len(tail))


def _follows(entry: Entry, before: Entry | None, index: int) -> None:
    if before is None:
        if (entry.seq == 0) != (entry.prev == "") or entry.seq < 0:
            raise EvidenceError(f"line {index + 1}: number {entry.seq} begins no log")
    elif entry.seq != before.seq + 1 or entry.prev != before.hash:
        rule = f"number {entry.seq} does not follow number {before.seq}"
        raise EvidenceError(f"line {index + 1}: {rule}: lines are missing, put in or moved")


def _reads(line: bytes) -> bool:
    try:
        parse(line)
    except EvidenceError:
        return False
    return True
