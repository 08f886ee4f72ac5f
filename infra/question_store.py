"""Sheets of a line's questions in the object store, and how an erasure reaches them.

A sheet is addressed by its content, which stands on the log. One that names an erased device is
replaced by a redacted one under a name of its own: its content is no longer the announced one.
"""

from typing import Final

from infra.objects import ObjectMissingError, ObjectStore, content_name
from schemas.erasures import ErasureBook
from schemas.question_sheets import QuestionSheet

_KIND: Final = "questions"
_SUFFIX: Final = ".parquet"
_REDACTED: Final = ".redacted.parquet"


def put_questions(objects: ObjectStore, sheet: QuestionSheet) -> tuple[str, str]:
    """Keep a sheet; its address and digest."""
    stored = objects.put(sheet.to_parquet(), kind=_KIND, suffix=_SUFFIX)
    return stored.uri, stored.digest


def questions_at(objects: ObjectStore, digest: str) -> QuestionSheet:
    """The sheet that was announced with a digest, or what erasures left of it.

    Raises:
        ObjectMissingError, ObjectCorruptError, ManifestError: It cannot be had so.
    """
    try:
        body = objects.get(content_name(_KIND, digest, _SUFFIX), digest=digest)
    except ObjectMissingError:
        body = objects.get(content_name(_KIND, digest, _REDACTED))
    return QuestionSheet.from_parquet(body)


def redact_questions(objects: ObjectStore, digest: str, erasures: ErasureBook) -> bool:
    """Have a sheet forget erased devices; whether it named one. Doing it again changes nothing.

    Raises:
        ObjectMissingError, ObjectCorruptError, ManifestError: As `questions_at`.
    """
    sheet = questions_at(objects, digest)
    left = sheet.redacted(erasures)
    if len(left) == len(sheet):
        return False
    objects.put_named(content_name(_KIND, digest, _REDACTED), left.to_parquet())
    objects.delete(content_name(_KIND, digest, _SUFFIX))
    return True
