"""The published scenarios as Markdown, every verdict computed: docs/rollout-published.md."""

from collections.abc import Iterator, Sequence

from streams.rollout.published.device_trace import counted, device_traces, judged
from streams.rollout.published.judgement import judgements, ours, theirs
from streams.rollout.published.story import stories


def tables() -> str:
    """All of them, one after another."""
    return "\n".join([*_judgements(), *_devices(), _stories()])


def _judgements() -> Iterator[str]:
    for tool in judgements():
        rows = [
            (row.test, row.what, theirs(tool.tool, row), ours(row.targets, row.counts), row.why)
            for row in tool.rows
        ]
        yield f"### {tool.tool}\nSource: {tool.source}.\n"
        yield table(("test", "what happens", "theirs", "ours", "why"), rows)


def _devices() -> Iterator[str]:
    for tool in device_traces():
        rows = [
            (
                ", ".join(row.cases.split()) if "_" in row.cases else row.cases,
                row.what,
                tool.kept(row),
                counted(row.reports),
                judged(row.reports),
                marked(row.why, worse=row.worse),
            )
            for row in tool.rows
        ]
        yield f"### {tool.title}\nSource: {tool.source}.\n"
        yield table(("cases", "what happens", "theirs", "counted", "ours", "why"), rows)


def _stories() -> str:
    rows = [
        (
            row.source,
            row.what,
            row.theirs,
            row.ours,
            marked(row.why, worse=row.worse),
            f"`{row.shown_by.split()[1]}`",
        )
        for row in stories()
    ]
    head = ("source", "what happens", "theirs", "ours", "why", "shown by")
    return f"### Over time\n\n{table(head, rows)}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def marked(why: str, *, worse: bool) -> str:
    """Why, and where theirs is better that it is."""
    return f"**theirs is better**: {why}" if worse else why
