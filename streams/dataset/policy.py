"""The policy of one dataset line, read from a YAML file."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class DatasetPolicy(BaseModel):
    """What a line may spend and when it acts.

    Attributes:
        line: Name of the line.
        budget: Answers that may be paid in the whole life of the line.
        labels_per_ask: Encounters asked about at once.
        reviews: People asked about each encounter.
        second_review_share: Share of the encounters of a question that one person more is asked
            about, so that it is known how far people agree.
        classes: Labels an answer may give beside the classes of the dataset that is continued.
        min_candidates: Edge cases that must wait before a question is worth asking.
        max_candidates: Encounters chosen from for one question; of more, the least certain.
        kept_embeddings: Embeddings that near duplicates are looked for among; of more, the newest.
        patience_s: After this time a question is cut with the answers there are.
        validation_share: Share of devices whose encounters validate instead of train.
        near_duplicate_cosine: Two candidates more alike than this count as one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str = "perception"
    budget: int = Field(default=1000, ge=1)
    labels_per_ask: int = Field(default=100, ge=1)
    reviews: int = Field(default=1, ge=1, le=9)
    second_review_share: float = Field(default=0.1, ge=0, le=1)
    classes: tuple[str, ...] = ()
    min_candidates: int = Field(default=1000, ge=1)
    max_candidates: int = Field(default=20_000, ge=1)
    kept_embeddings: int = Field(default=1_000_000, ge=1)
    patience_s: float = Field(default=86_400.0, gt=0)
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    near_duplicate_cosine: float = Field(default=0.995, gt=0, le=1)


def load_policy(path: Path | None) -> DatasetPolicy:
    """Read a policy file; None gives the defaults.

    Raises:
        ValueError: The file is missing, no mapping, or breaks a rule; file, key, value and rule
            are named.
    """
    if path is None:
        return DatasetPolicy()
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"dataset policy {path}: {error}") from error
    try:
        return DatasetPolicy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(
            f"dataset policy {path}: {key} = {first['input']!r}: {first['msg']}"
        ) from error
