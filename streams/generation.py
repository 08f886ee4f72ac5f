"""Names the build of a processor's state: same log, same stage, same configuration, same code."""

import hashlib
import json

_DIGITS = 16


def generation(topic_id: str, stage: str, config_digest: str, code_version: str) -> str:
    """16 hexadecimal digits that change when state made before must not be used any more.

    Args:
        topic_id: Identity of the source topic's log.
        stage: Which stage of which processor, for example `slo.cells`.
        config_digest: Digest of everything the fold reads of its configuration; the number of
            partitions belongs to it where state depends on how keys are spread.
        code_version: Version of the fold's code and of its snapshot format.

    Raises:
        ValueError: An argument is empty: two builds could not be told apart.
    """
    parts = {
        "topic_id": topic_id,
        "stage": stage,
        "config_digest": config_digest,
        "code_version": code_version,
    }
    for name, value in parts.items():
        if not value:
            raise ValueError(
                f"generation of stage {stage!r}: {name} is empty; state needs all four"
            )
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
