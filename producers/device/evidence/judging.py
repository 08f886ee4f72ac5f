"""What of a device's claim is proved, what is only said, and what cannot be so."""

from collections.abc import Mapping
from typing import Any, Final

from tuf.api.metadata import TargetFile

from producers.device.evidence.chain import Chain
from producers.device.evidence.claim import Claim, Finding, Standing
from producers.device.evidence.entry import Kind
from producers.device.evidence.facts import of_ack
from producers.device.evidence.published import Published
from producers.device.trust.agreement import check_agreement
from producers.device.trust.assignment import ordered
from producers.device.trust.cycle import DIRECTOR_NAME, IMAGES_NAME, at_repository
from producers.device.trust.refusal import Reason, RefusedError
from schemas.cohorts import membership
from schemas.records import AckState, OtaAck

_SHOWN: Final = 12


def judge(claim: Claim, director: Published | None, images: Published | None) -> list[Finding]:
    """Every part of a claim, in the order in which one rests on the other.

    Args:
        claim: What is known.
        director: The Director's repository; None: not given.
        images: The image repository; None: not given.
    """
    return [
        Finding("opened to it", *_opened(claim)),
        Finding("evidence unbroken", *_unbroken(claim.chain)),
        Finding("evidence as acknowledged", *_anchored(claim)),
        Finding("image signed and ordered", *_signed(claim, director, images)),
        Finding("counter never lower", *_counters(claim.chain)),
        Finding("outcome", *_outcome(claim)),
    ]


def _opened(claim: Claim) -> tuple[Standing, str]:
    """By the log: did a signed decision open the release to the device before it acted?"""
    if claim.stratum is None:
        return Standing.CONTRADICTED, f"the release is not for {claim.device.hardware}"
    at = membership(claim.salt, claim.device.ecu)
    opened_us = next((us for us, share in claim.stratum.openings if at < share), None)
    took = [fact.stamp_us for fact in claim.acks if fact.record.state is not AckState.OFFERED]
    if opened_us is None:
        share = max((share for _, share in claim.stratum.openings), default=0.0)
        why = f"its place is {at:.4f}, the release was opened below {share:g}"
        return (Standing.CONTRADICTED if took else Standing.PROVED), why
    if took and min(took) < opened_us:
        return Standing.CONTRADICTED, "it acted before the release was opened to it"
    return Standing.PROVED, f"its place {at:.4f} was opened by a signed decision"


def _unbroken(chain: Chain | None) -> tuple[Standing, str]:
    if chain is None:
        return Standing.NOT_SHOWN, "no evidence of the device was given"
    if not chain.entries:
        return Standing.CONTRADICTED, "the evidence has no line"
    first, last = chain.entries[0], chain.entries[-1]
    told = f"{len(chain.entries)} lines, numbers {first.seq} to {last.seq}"
    torn = f", {chain.torn} bytes of an unfinished one" if chain.torn else ""
    if first.kind is Kind.BROKEN:
        return Standing.CONTRADICTED, f"{told}; the log before was changed: {first.facts}"
    return Standing.PROVED, told + torn


def _anchored(claim: Claim) -> tuple[Standing, str]:
    """Acks carry the head of the evidence: what stood in it then cannot be written anew."""
    # After a power cut a device says again what the log may not have: each record counts once.
    acks = dict.fromkeys(fact.record for fact in claim.acks)
    heads = [ack.evidence_head for ack in acks if ack.evidence_head]
    if claim.chain is None or not claim.chain.entries or not heads:
        return Standing.NOT_SHOWN, f"{len(heads)} of {len(acks)} acks name their evidence"
    known = claim.chain.heads
    at = [known.get(head) for head in heads]
    if None in at and (claim.chain.entries[0].seq == 0 or None in at[_first(at) :]):
        lost = heads[len(at) - 1 - at[::-1].index(None)]
        return Standing.CONTRADICTED, f"no line of it is {lost[:_SHOWN]}..., which an ack names"
    found = [index for index in at if index is not None]
    if found != sorted(found):
        return Standing.CONTRADICTED, "acks name its lines in another order"
    if not found:
        return Standing.NOT_SHOWN, "the lines that the acks name were dropped for newer ones"
    return Standing.PROVED, f"{len(found)} of {len(heads)} acks name a line of it, in its order"


def _first(at: list[int | None]) -> int:
    """Where the lines begin that were not dropped yet."""
    return next((index for index, found in enumerate(at) if found is not None), len(at))


def _signed(
    claim: Claim, director: Published | None, images: Published | None
) -> tuple[Standing, str]:
    """Which image it verified, against the files that it says it was verified by."""
    if (entry := claim.verified) is None:
        return Standing.NOT_SHOWN, "the evidence has no line about the metadata of this release"
    if director is None or images is None:
        return Standing.NOT_SHOWN, "the repositories were not given"
    try:
        image = _image(entry.facts, claim, director, images)
    except RefusedError as error:
        return Standing.CONTRADICTED, str(error)
    except (KeyError, TypeError) as error:
        return Standing.CONTRADICTED, f"line {entry.seq} lacks what it must hold: {error!r}"
    return Standing.PROVED, f"{image.path}, {image.length} bytes, by both repositories"


def _image(
    facts: Mapping[str, Any], claim: Claim, director: Published, images: Published
) -> TargetFile:
    """The image that both repositories have signed for the device, if it is the one it tells of."""
    said, path = facts["metadata"], facts["path"]
    with at_repository(DIRECTOR_NAME):
        order = ordered(director.targets(said[DIRECTOR_NAME]), path, claim.device)
    with at_repository(IMAGES_NAME):
        named = images.targets(said[IMAGES_NAME])
        image = named.signed.targets.get(path)
        if image is None:
            raise named.refuse(Reason.TARGET_NOT_FOUND, f"names no {str(path)[:80]!r}")
        check_agreement(order, image, claim.device)
        if facts["hashes"] != dict(image.hashes) or facts["length"] != image.length:
            raise named.refuse(Reason.TARGET_MISMATCH, "the device tells of another image")
        if image.hashes.get("sha256") != claim.digest:
            raise named.refuse(Reason.TARGET_MISMATCH, "the image is not the release's model")
        return image


def _counters(chain: Chain | None) -> tuple[Standing, str]:
    entries = chain.entries if chain is not None else ()
    found = [
        number
        for one in entries
        if one.kind is Kind.VERIFIED and isinstance(number := one.facts.get("counter"), int)
    ]
    if not found:
        return Standing.NOT_SHOWN, "the evidence has no release counter"
    if found != sorted(found):
        return Standing.CONTRADICTED, f"its release counters went back: {found[-_SHOWN:]}"
    return Standing.PROVED, f"{len(found)} images, last counter {found[-1]}"


def _outcome(claim: Claim) -> tuple[Standing, str]:
    """What it says it runs; no hardware attests it, so it is never proved."""
    if not claim.acks:
        return Standing.NOT_SHOWN, "no acknowledgement of this release on the log"
    last: OtaAck = max((fact.record for fact in claim.acks), key=lambda ack: (ack.attempt, ack.seq))
    told = f"{last.state} in attempt {last.attempt}" + f", {last.reason_code}" * bool(
        last.reason_code
    )
    if last.state is AckState.COMMITTED and last.model_digest != claim.digest:
        return Standing.CONTRADICTED, f"{told}, but runs {str(last.model_digest)[:_SHOWN]}..."
    if (lines := _steps(claim)) is None:
        return Standing.CLAIMED, f"{told}, by its acks alone"
    if of_ack(last) not in lines:
        return Standing.CONTRADICTED, f"{told}, of which its evidence knows nothing"
    return Standing.CLAIMED, f"{told}, by its acks and its evidence"


def _steps(claim: Claim) -> list[Any] | None:
    if claim.chain is None:
        return None
    return [dict(one.facts) for one in claim.chain.entries if one.kind is Kind.DID] or None
