"""The compatibility gate: every stored version of every topic against every other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.defaults import wrong_defaults
from schemas.resolution import Broken, Incompatibility, incompatibilities
from schemas.shapes import UnsupportedSchemaError, parse_record
from schemas.topics import TOPICS, Compatibility, TopicSpec
from schemas.versions import PACKAGED, StoredSchema, stored_topics, stored_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An incompatibility between two stored versions of a topic; equal versions: within one."""

    topic: str
    reader_version: int
    writer_version: int
    problem: Incompatibility


def check_topic(spec: TopicSpec, versions: Sequence[StoredSchema]) -> list[Finding]:
    """Hold all versions of a topic to its compatibility rule, each against every other."""
    findings = []
    for stored in versions:
        problems = [*wrong_defaults(stored.text), *_unsupported(stored.text)]
        findings += [_finding(spec, stored, stored, problem) for problem in problems]
    for place, older in enumerate(versions):
        for newer in versions[place + 1 :]:
            pairs = [(newer, older)]
            if spec.compatibility is Compatibility.FULL:
                pairs.append((older, newer))
            for reader, writer in pairs:
                problems = incompatibilities(reader.text, writer.text)
                findings += [_finding(spec, reader, writer, problem) for problem in problems]
    return findings


def check_stored(root: Path = PACKAGED, specs: Mapping[str, TopicSpec] = TOPICS) -> list[Finding]:
    """The gate: all topics, all versions.

    Raises:
        UnknownSchemaError: A topic has no schema, or its versions have a gap.
        ValueError: A schema belongs to no topic.
    """
    strays = sorted(set(stored_topics(root)) - set(specs))
    if strays:
        raise ValueError(f"schemas of no topic: {', '.join(strays)}; name them in schemas.topics")
    return [
        finding
        for name, spec in specs.items()
        for finding in check_topic(spec, stored_versions(name, root))
    ]


def _finding(
    spec: TopicSpec, reader: StoredSchema, writer: StoredSchema, problem: Incompatibility
) -> Finding:
    return Finding(
        topic=spec.name,
        reader_version=reader.version,
        writer_version=writer.version,
        problem=problem,
    )


def _unsupported(schema: str) -> list[Incompatibility]:
    try:
        parse_record(schema)
    except UnsupportedSchemaError as error:
        return [Incompatibility(path="", rule=Broken.UNREADABLE, found=str(error))]
    return []
