"""What a device claims about a release: the honest pass, and each lie is told by its part."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from producers.device.evidence.chain import read
from producers.device.evidence.claim import Claim, Finding, Standing
from producers.device.evidence.entry import Entry, Kind
from producers.device.evidence.facts import of_refusal
from producers.device.evidence.judging import judge
from producers.device.evidence.log import EvidenceLog
from producers.device.evidence.published import Published
from producers.device.trust.limits import DIRECTOR, IMAGES
from producers.device.trust.refusal import Reason, RefusedError
from tests.evidence_story import OPENED_US, Story
from tests.tuf_site import predicate

PARTS: Final = (
    "opened to it",
    "evidence unbroken",
    "evidence as acknowledged",
    "image signed and ordered",
    "counter never lower",
    "outcome",
)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def judged(story: Story, claim: Claim | None = None) -> dict[str, Finding]:
    found = judge(claim or story.claim(), *story.published())
    assert tuple(one.part for one in found) == PARTS
    return {one.part: one for one in found}


def differing(found: dict[str, Finding]) -> Iterator[Finding]:
    """Parts that stand otherwise than for an honest device."""
    for part, one in found.items():
        if one.standing is not (Standing.CLAIMED if part == "outcome" else Standing.PROVED):
            yield one


def only(found: dict[str, Finding], part: str, standing: Standing) -> str:
    (one,) = differing(found)
    assert (one.part, one.standing) == (part, standing)
    return one.why


def test_an_honest_device_proves_all_but_what_runs(story: Story) -> None:
    found = judged(story)
    assert not list(differing(found))
    assert "COMMITTED in attempt 1, by its acks and its evidence" in found["outcome"].why
    assert "3 of 3 acks name a line of it" in found["evidence as acknowledged"].why


def test_it_still_does_after_newer_metadata_and_new_keys(story: Story) -> None:
    """The judge follows the Roots to the one of that time, and newer ones change nothing."""
    for site, _ in story.world.sites():
        site.versions["root"] += 1
    story.world.offer("r2", counter=3)
    story.world.renew()
    story.take("r2")
    assert not list(differing(judged(story)))


def test_without_evidence_what_the_log_proves_stays(story: Story) -> None:
    found = judged(story, story.claim(chain=None))
    assert [one.standing for one in found.values()] == [
        Standing.PROVED,
        *[Standing.NOT_SHOWN] * 4,
        Standing.CLAIMED,
    ]
    assert "by its acks alone" in found["outcome"].why


def test_without_the_repositories_the_image_is_not_shown(story: Story) -> None:
    found = {one.part: one for one in judge(story.claim(), None, None)}
    assert "not given" in only(found, "image signed and ordered", Standing.NOT_SHOWN)


def test_a_device_outside_the_wave_or_before_it(story: Story) -> None:
    claim = story.claim()
    assert claim.stratum is not None
    for stratum, words in (
        (None, "not for HW4"),
        (replace(claim.stratum, openings=((OPENED_US, 0.0),)), "opened below 0"),
        (replace(claim.stratum, openings=((OPENED_US + 11, 1.0),)), "before the release"),
    ):
        found = judged(story, replace(claim, stratum=stratum))
        assert words in only(found, "opened to it", Standing.CONTRADICTED)


def test_a_device_outside_the_wave_that_did_nothing_tells_the_truth(story: Story) -> None:
    claim = story.claim(acks=[])
    assert claim.stratum is not None
    closed = replace(claim, stratum=replace(claim.stratum, openings=()))
    assert judged(story, closed)["opened to it"].standing is Standing.PROVED


def test_evidence_written_anew_is_told_by_the_acks(story: Story) -> None:
    claim = story.rewritten(lambda _, entry: replace(entry, at_us=entry.at_us + 1))
    why = only(judged(story, claim), "evidence as acknowledged", Standing.CONTRADICTED)
    assert "which an ack names" in why


def test_evidence_that_was_cut_short_is_told_by_the_last_ack(story: Story) -> None:
    entries = read(story.log.data()).entries
    claim = story.claim(chain=read(b"".join(one.line() for one in entries[:-1])))
    found = judged(story, claim)
    assert found["evidence as acknowledged"].standing is Standing.CONTRADICTED
    assert "of which its evidence knows nothing" in found["outcome"].why


def test_acks_in_another_order_than_their_lines(story: Story) -> None:
    heads = [fact.record.evidence_head for fact in story.acks]
    swapped = [
        replace(fact, record=replace(fact.record, evidence_head=head))
        for fact, head in zip(story.acks, reversed(heads), strict=True)
    ]
    why = only(
        judged(story, story.claim(acks=swapped)), "evidence as acknowledged", Standing.CONTRADICTED
    )
    assert "in another order" in why


def test_acks_that_are_said_again_after_a_power_cut_contradict_nothing(story: Story) -> None:
    again = [replace(fact, offset=fact.offset + len(story.acks)) for fact in story.acks]
    found = judged(story, story.claim(acks=[*story.acks, *again[1:]]))
    assert not list(differing(found))
    assert "3 of 3 acks name a line of it" in found["evidence as acknowledged"].why


def test_lines_that_were_dropped_for_newer_ones_contradict_nothing(tmp_path: Path) -> None:
    story = Story(tmp_path, limit=1_500)
    for release in range(2, 6):
        story.world.offer(f"r{release}", counter=release + 1)
        story.world.renew()
        story.take(f"r{release}")
    found = judged(story)
    assert found["evidence unbroken"].standing is Standing.PROVED
    assert found["evidence as acknowledged"].standing is Standing.NOT_SHOWN
    assert "dropped" in found["evidence as acknowledged"].why


def _said(entry: Entry, **over: Any) -> Entry:
    if entry.kind is not Kind.VERIFIED:
        return entry
    return replace(entry, facts={**entry.facts, **over})


def _forged(entry: Entry, repo: str, role: str, **over: Any) -> Entry:
    if entry.kind is not Kind.VERIFIED:
        return entry
    metadata = entry.facts["metadata"]
    file = {**metadata[repo][role], **over}
    return _said(entry, metadata={**metadata, repo: {**metadata[repo], role: file}})


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda one: _said(one, length=5), "the device tells of another image"),
        (lambda one: _said(one, hashes={"sha256": "11" * 32}), "tells of another image"),
        (lambda one: _said(one, path="other"), "orders no 'other'"),
        (lambda one: _said(one, path=["x"]), "lacks what it must hold"),
        (lambda one: _said(one, metadata={}), "lacks what it must hold"),
        (lambda one: _forged(one, "director", "targets", version=9), "9.targets.json is not publ"),
        (lambda one: _forged(one, "director", "root", version=9), "2.root.json is not published"),
        (lambda one: _forged(one, "director", "root", version=0), "must be an integer from 1"),
        (lambda one: _forged(one, "director", "targets", sha256="11" * 32), "the device says 1111"),
        (lambda one: _forged(one, "image_repo", "root", sha256="11" * 32), "published with"),
        (lambda one: _forged(one, "image_repo", "targets", version="1/../x"), "must be an integer"),
        (lambda one: _forged(one, "image_repo", "root", version=True), "must be an integer"),
    ],
)
def test_every_lie_about_what_was_verified(
    story: Story, lie: Callable[[Entry], Entry], words: str
) -> None:
    found = judged(story, story.rewritten(lambda _, entry: lie(entry)))
    one = found["image signed and ordered"]
    assert one.standing is Standing.CONTRADICTED
    assert words in one.why


def test_a_root_before_the_one_that_is_trusted_here_proves_nothing(story: Story) -> None:
    director = story.world.director
    director.versions["root"] = 2
    director.publish()
    later = Published(director, DIRECTOR, director.files["2.root.json"])
    images = Published(story.world.images, IMAGES)
    found = {one.part: one for one in judge(story.claim(), later, images)}
    why = only(found, "image signed and ordered", Standing.CONTRADICTED)
    assert "version 1 is older than the Root that is trusted here" in why


def test_an_order_for_others_and_an_image_that_is_another_model(story: Story) -> None:
    found = judged(story, story.claim(digest="22" * 32))
    assert "is not the release's model" in found["image signed and ordered"].why
    assert "but runs" in found["outcome"].why

    custom = story.world.director.targets["model"]["custom"]
    custom["release"] = predicate("r1", share=0.0)
    story.world.director.publish()
    lied = hashlib.sha256(story.world.director.files["1.targets.json"]).hexdigest()
    forged = story.rewritten(lambda _, one: _forged(one, "director", "targets", sha256=lied))
    why = judged(story, forged)["image signed and ordered"].why
    assert "is for a share of 0" in why


def test_counters_that_went_back(story: Story) -> None:
    story.world.offer("r2", counter=9)
    story.world.renew()
    story.take("r2")
    assert "2 images, last counter 9" in judged(story)["counter never lower"].why
    first = iter([30, 9])
    claim = story.rewritten(
        lambda _, one: _said(one, counter=next(first)) if one.kind is Kind.VERIFIED else one
    )
    assert "went back: [30, 9]" in judged(story, claim)["counter never lower"].why


def test_a_log_that_was_changed_on_the_device_says_so_itself(story: Story) -> None:
    data = (story.disk.read(EvidenceLog.NAME) or b"").replace(b'"r1"', b'"r7"', 1)
    story.disk.write(EvidenceLog.NAME, data)
    log = EvidenceLog(story.disk)
    log.note(Kind.DID, {}, at_us=3)
    found = judged(story, story.claim(chain=read(log.data())))
    assert found["evidence unbroken"].standing is Standing.CONTRADICTED
    assert found["evidence as acknowledged"].standing is Standing.CONTRADICTED


def test_a_refusal_is_told_with_repository_role_rule_and_version() -> None:
    error = RefusedError("root", Reason.EXPIRED, "expired", version=3, repo="director")
    assert of_refusal(error, "r1") == {
        "release_id": "r1",
        "repo": "director",
        "role": "root",
        "version": 3,
        "reason": "expired",
        "rule": "expired",
    }
