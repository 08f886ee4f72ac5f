"""Every malformed specimen is refused for the reason it was made for, and no other."""

import pytest

from infra.demo.malformed import Malformed, specimens
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.errors import RecordError
from schemas.registry import FileRegistry
from schemas.validation import check

NOW_US = 1_763_769_660_000_000
REGISTRY = FileRegistry()


@pytest.mark.parametrize("specimen", specimens(Codec(REGISTRY), NOW_US), ids=lambda s: s.reason)
def test_it_is_refused_for_its_reason(specimen: Malformed) -> None:
    with pytest.raises(RecordError) as refused:
        check(
            specimen.topic.name,
            Codec(REGISTRY).decode(specimen.topic.name, specimen.value),
            NOW_US,
        )
    error = refused.value
    assert error.error_class == specimen.error_class
    assert specimen.field in (None, error.field)


def test_the_batch_decoder_says_the_same_of_those_it_cannot_read() -> None:
    for specimen in specimens(Codec(REGISTRY), NOW_US):
        if specimen.error_class != "INVALID":
            columns = ColumnDecoder(REGISTRY).decode(specimen.topic.name, [specimen.value])
            [refusal] = columns.refusals
            assert refusal.error.error_class == specimen.error_class
