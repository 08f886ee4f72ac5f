"""`fleetloop datasets`: compare, audit and export, with everything broken that can be."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.cli import dataset_building, dataset_log
from infra.cli.output import Exit
from schemas.examples import Example, Split
from schemas.manifests import from_parquet, to_parquet
from schemas.records import DatasetManifest, ManifestKind
from schemas.tasks import SPOKEN_DIGITS
from schemas.topics import DATASET_MANIFESTS, TopicSpec
from tests.command_line import fleetloop
from tests.unit.infra.datasets.kit import GONE, KEPT, Site, two_datasets

DATASET = "perception-1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = two_datasets(tmp_path)
    monkeypatch.setattr(dataset_log, "read_whole", lambda _, topic: made.facts[topic.name])
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", f"file://{tmp_path}/objects")
    return made


def run(*words: str, code: Exit = Exit.OK) -> Any:
    result = fleetloop("datasets", *words, "-o", "json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def record(site: Site, name: str = DATASET) -> DatasetManifest:
    found: DatasetManifest = next(
        fact.record
        for fact in reversed(site.facts[DATASET_MANIFESTS.name])
        if fact.record.dataset_id == name
    )
    return found


def path_of(uri: str | None) -> Path:
    return Path((uri or "").removeprefix("file://"))


def examples(site: Site) -> dict[str, Example]:
    body = path_of(record(site).manifest_uri).read_bytes()
    return {one.example_id: one for one in from_parquet(body).examples}


def test_what_was_added_removed_relabelled_and_moved_is_told(site: Site) -> None:
    whole = examples(site)
    site.erase(GONE)
    kept = [one for one in whole.values() if one.device_id != GONE]
    named = {one.example_id: one for one in kept}
    other = next(one.label for one in kept if one.label != named["drive-01"].label)
    named["drive-01"] = dataclasses.replace(named["drive-01"], label=other)
    named["drive-02"] = dataclasses.replace(named["drive-02"], split=Split.VALIDATION)
    del named["drive-03"]
    named["v-new-00"] = site.example("v-new", 0)
    site.assemble("perception-2", named.values(), seq=6)
    found = run("diff", DATASET, "perception-2")
    assert found["added"] == ["v-new-00"]
    assert found["removed"] == {
        "ERASED": [f"{GONE}-{n:02}" for n in range(3)],
        "LEFT_OUT": ["drive-03"],
    }
    assert found["relabelled"] == [
        {"example_id": "drive-01", "before": whole["drive-01"].label, "after": other}
    ]
    assert found["moved"] == [{"example_id": "drive-02", "before": "TRAIN", "after": "VALIDATION"}]
    assert found["slices"] == {
        "origin/fleet": {"before": 6, "after": 4},
        "origin/test-drive": {"before": 6, "after": 5},
    }
    assert sum(one["before"] for one in found["classes"].values()) == 12
    table = fleetloop("datasets", "diff", DATASET, "perception-2")
    assert "removed: ERASED" in table.stdout
    assert run("diff", DATASET, DATASET)["added"] == []


@pytest.mark.usefixtures("site")
def test_a_dataset_that_is_as_announced_passes() -> None:
    assert run("audit", DATASET) == []
    assert run("audit", "perception-0") == []
    result = fleetloop("datasets", "audit", DATASET)
    assert "12 examples" in result.stderr
    assert "0 examples are of devices erased" in result.stderr
    assert fleetloop("datasets", "audit", "none").exit_code == Exit.CONDITION_NOT_MET


def by_hand(change: Callable[[list[Example]], None]) -> Callable[[Site], None]:
    """Edit the manifest in the store, where it keeps its name."""

    def edit(site: Site) -> None:
        rows = list(examples(site).values())
        change(rows)
        metadata = from_parquet(path_of(record(site).manifest_uri).read_bytes()).metadata
        path_of(record(site).manifest_uri).write_bytes(to_parquet(rows, metadata))

    return edit


def relabel(rows: list[Example]) -> None:
    other = next(one.label for one in rows if one.label != rows[1].label)
    rows[1] = dataclasses.replace(rows[1], label=other)


def move(rows: list[Example]) -> None:
    rows[-1] = dataclasses.replace(rows[-1], split=Split.VALIDATION)


def drop(rows: list[Example]) -> None:
    rows.pop()


def brighten(rows: list[Example]) -> None:
    rows[0] = dataclasses.replace(rows[0], fingerprint=bytes(64))


def picture(body: bytes | None) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        path = path_of(examples(site)["drive-01"].frame_uri)
        path.unlink() if body is None else path.write_bytes(body)

    return spoil


def manifest(change: Callable[[bytes], bytes] | None) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        path = path_of(record(site).manifest_uri)
        path.unlink() if change is None else path.write_bytes(change(path.read_bytes()))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "kinds", "where"),
    [
        (manifest(None), {"MANIFEST_MISSING"}, "manifests/"),
        (
            manifest(lambda body: body[:-9]),
            {"MANIFEST_CHANGED", "MANIFEST_UNREADABLE"},
            "manifests/",
        ),
        (by_hand(relabel), {"MANIFEST_CHANGED", "COUNTS_DIFFER"}, "counts TRAIN/"),
        (by_hand(move), {"MANIFEST_CHANGED", "COUNTS_DIFFER", "LEAK"}, f"device {KEPT}"),
        (by_hand(brighten), {"MANIFEST_CHANGED", "FINGERPRINT_DIFFERS"}, "drive-00"),
        (
            by_hand(drop),
            {"MANIFEST_CHANGED", "COUNTS_DIFFER", "CERTIFICATE_DIFFERS"},
            "leakage_audit",
        ),
        (picture(None), {"PICTURE_MISSING"}, "drive-01"),
        (picture(b"junk"), {"PICTURE_CHANGED"}, "drive-01"),
    ],
)
def test_whatever_is_not_as_announced_is_found_by_name(
    site: Site, spoil: Callable[[Site], None], kinds: set[str], where: str
) -> None:
    spoil(site)
    found = run("audit", DATASET, code=Exit.CONDITION_NOT_MET)
    assert {one["kind"] for one in found} == kinds
    assert any(where in one["where"] for one in found)


def test_a_picture_that_never_was_one_is_found(site: Site) -> None:
    junk = site.objects.put(b"junk", kind="frames", suffix=".png")
    one = site.example("v-junk", 0)
    spoilt = dataclasses.replace(one, frame_uri=junk.uri, frame_digest=junk.digest)
    site.assemble("perception-2", [spoilt], seq=6)
    (found,) = run("audit", "perception-2", code=Exit.CONDITION_NOT_MET)
    assert found["kind"] == "PICTURE_CORRUPT"


def test_what_an_erasure_took_is_no_finding(site: Site) -> None:
    site.erase(GONE)
    for one in examples(site).values():
        if one.device_id == GONE:
            path_of(one.frame_uri).unlink()
    assert run("audit", DATASET) == []
    assert "3 examples are of devices erased" in fleetloop("datasets", "audit", DATASET).stderr


def exported(site: Site, to: Path, *words: str) -> dict[str, pa.Table]:
    result = fleetloop("datasets", "export", DATASET, "--to", str(to), *words)
    assert result.exit_code == Exit.OK, result.output
    assert site.folder
    return {path.name.split("-")[0]: pq.read_table(path) for path in (to / "data").iterdir()}


def test_an_export_links_its_pictures_or_holds_them(site: Site, tmp_path: Path) -> None:
    linked = exported(site, tmp_path / "linked")
    embedded = exported(site, tmp_path / "embedded", "--embed")
    whole = examples(site)
    assert {name: table.num_rows for name, table in linked.items()} == {
        "train": 11,
        "validation": 1,
    }
    for table, holds in ((linked["train"], False), (embedded["train"], True)):
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert set(features) == set(table.column_names)
        assert features["image"] == {"_type": "Image"}
        names = features["label"]["names"]
        for row in table.to_pylist():
            one = whole[row["example_id"]]
            assert names[row["label"]] == row["label_name"] == one.label
            body = path_of(one.frame_uri).read_bytes()
            assert row["image"] == (
                {"bytes": body, "path": Path(one.frame_uri).name}
                if holds
                else {"bytes": None, "path": str(path_of(one.frame_uri))}
            )


def test_an_export_leaves_out_what_was_erased_and_its_card_says_so(
    site: Site, tmp_path: Path
) -> None:
    site.erase(GONE)
    tables = exported(site, tmp_path / "out", "--licence", "cc-by-4.0")
    rows = [row for table in tables.values() for row in table.to_pylist()]
    assert len(rows) == 9
    assert GONE not in json.dumps(rows)
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\npretty_name: perception-1\nlicense: cc-by-4.0\n")
    for told in (
        "path: data/validation-*.parquet",
        "9 examples of 16 classes",
        f"erasure `erasure-of-{GONE[-1]}` of 1970-01-01T00:00:09Z: 3, assembled and not exported",
        "NO_CONSENT: 2",
        "Of 4 encounters that several people labelled, they agreed on 3",
        "alpha (nominal) is 0.500",
        "edge-cases/0: offsets 0 to 99",
        "fleet: 3",
        "Labels paid so far in the line: 50 of 60",
    ):
        assert told in card
    assert GONE not in card


def test_sound_is_exported_as_sound(site: Site, tmp_path: Path) -> None:
    one = site.heard("v-robot")
    site.assemble("digits-1", [one], seq=6, task=SPOKEN_DIGITS)
    assert run("audit", "digits-1") == []
    words = ("export", "digits-1", "--to", str(tmp_path / "out"), "--embed")
    assert fleetloop("datasets", *words).exit_code == Exit.OK
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"_type": "Audio"}
    assert table["audio"][0].as_py()["bytes"] == path_of(one.frame_uri).read_bytes()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "- audio-classification" in card
    assert "A WAV at 8000 Hz" in card


def test_an_export_is_whole_or_not_there(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path_of(examples(site)["drive-01"].frame_uri).unlink()
    result = fleetloop("datasets", "export", DATASET, "--to", str(out), "--embed")
    assert result.exit_code == Exit.CONDITION_NOT_MET
    assert "example drive-01: no object at" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]
    out.mkdir()
    (out / "mine.txt").touch()
    result = fleetloop("datasets", "export", DATASET, "--to", str(out))
    assert result.exit_code == Exit.CONDITION_NOT_MET
    assert "is there already" in result.stderr
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_manifest_edited_by_hand_is_neither_compared_nor_exported(
    site: Site, tmp_path: Path
) -> None:
    by_hand(relabel)(site)
    for words in (
        ("export", DATASET, "--to", str(tmp_path / "out")),
        ("diff", "perception-0", DATASET),
    ):
        result = fleetloop("datasets", *words)
        assert result.exit_code == Exit.ERROR
        assert f"announced {record(site).manifest_digest}" in result.stderr


@dataclasses.dataclass
class Worker:
    """Stands for Kafka and the dataset worker: what is published is read, and answered."""

    site: Site
    answers: bool = True

    def __call__(self, *_: object) -> "Worker":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def publish(self, topic: TopicSpec, record: DatasetManifest) -> None:
        self.site.write(topic, record)
        if self.answers:
            self.site.write(topic, dataclasses.replace(record, kind=ManifestKind.CUT, seq=5))
            made = dataclasses.replace(record, kind=ManifestKind.ASSEMBLED, seq=6, counts={"a": 7})
            self.site.write(topic, made)


@pytest.fixture
def asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A line whose third dataset has an open question."""
    ask = dataclasses.replace(record(site), kind=ManifestKind.ASK, seq=4, dataset_id="perception-2")
    site.write(DATASET_MANIFESTS, ask)
    worker = Worker(site)
    monkeypatch.setattr(dataset_building, "Publisher", worker)
    return worker


ORDER = ("build", "perception-2", "--by", "ann", "--reason", "the release is due")


def test_an_open_question_is_cut_by_order_and_the_dataset_told(site: Site, asked: Worker) -> None:
    assert asked.answers
    assert run(*ORDER)[0]["examples"] == 7
    ordered = [
        fact.record
        for fact in site.facts[DATASET_MANIFESTS.name]
        if fact.record.kind is ManifestKind.CUT_ORDERED
    ]
    assert [(one.ordered_by, one.reason, one.seq) for one in ordered] == [
        ("ann", "the release is due", 4)
    ]


def test_an_order_needs_who_and_why_and_a_worker(site: Site, asked: Worker) -> None:
    before = len(site.facts[DATASET_MANIFESTS.name])
    for words in (ORDER[:2], ORDER[:4], (*ORDER[:5], " ")):
        result = fleetloop("datasets", *words)
        assert result.exit_code == Exit.USAGE
    assert "to cut it say --reason" in result.stderr
    assert len(site.facts[DATASET_MANIFESTS.name]) == before
    asked.answers = False
    late = fleetloop("datasets", *ORDER, "--timeout-s", "1")
    assert late.exit_code == Exit.TIMED_OUT
    assert (
        "its last step is CUT_ORDERED: look whether `fleetloop worker run dataset`" in late.stderr
    )
