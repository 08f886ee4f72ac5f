"""The on-call file: what is refused, and that the words name file, field and rule."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.oncall import oncall_file, receivers
from consumers.oncall.grouping import Groups, Told
from consumers.oncall.oncall_file import DEFAULT_FILE, OncallFileError, load
from consumers.oncall.pushing import Pushes
from infra.settings import SettingsError
from schemas.records import AlertKind
from tests.alert_steps import HW3, MINUTE_US, SECOND_US, step

STDOUT = {"name": "a", "kind": "stdout"}
HOOK = {"name": "a", "kind": "webhook", "url": "http://hook.example/hush"}


def written(tmp_path: Path, told: Any) -> Path:
    path = tmp_path / "oncall.yaml"
    path.write_text(told if isinstance(told, str) else yaml.safe_dump(told))
    return path


def test_what_a_file_leaves_out_is_as_in_the_shipped_one(tmp_path: Path) -> None:
    shipped = yaml.safe_load(DEFAULT_FILE.read_text())
    bare = load(written(tmp_path, {"receivers": shipped["receivers"]}))
    assert load(None) == bare
    routing = bare.routing()
    assert (routing.page.wait_us, routing.ticket.wait_us) == (10 * SECOND_US, 30 * SECOND_US)
    assert (routing.page.repeat_us, routing.ticket.repeat_us) == (240 * MINUTE_US, 1440 * MINUTE_US)
    assert routing.page.interval_us == 5 * MINUTE_US


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("receivers: [", "no YAML"),
        ("", "is no mapping"),
        ({}, "receivers"),
        ({"receivers": []}, "receivers"),
        ({"receivers": [STDOUT, STDOUT]}, "a is there twice"),
        ({"receivers": [{"name": "a"}]}, "kind"),
        ({"receivers": [{"name": "a", "kind": "fax"}]}, "fax"),
        ({"receivers": [STDOUT | {"name": "../a"}]}, "receivers.0.stdout.name='../a'"),
        ({"receivers": [STDOUT | {"colour": "red"}]}, "receivers.0.stdout.colour"),
        ({"receivers": [STDOUT | {"hears": ["all"]}]}, "hears.0='all'"),
        ({"receivers": [{"name": "a", "kind": "webhook"}]}, "either url or"),
        ({"receivers": [HOOK | {"url_file": "x"}]}, "either url or"),
        ({"receivers": [HOOK | {"url": "ftp://pager/hush"}]}, "scheme 'ftp'"),
        ({"receivers": [HOOK | {"url": "http://a b:x/hush"}]}, "is no address"),
        ({"receivers": [HOOK | {"url": "http:///hush"}]}, "and a host"),
        ({"receivers": [{"name": "a", "kind": "pagerduty"}]}, "routing_key_file"),
        ({"receivers": [{"name": "a", "kind": "pagerduty", "routing_key": "hush"}]}, "routing_key"),
        ({"receivers": [STDOUT], "group_by": ["a b"]}, "group_by.0='a b'"),
        ({"receivers": [STDOUT], "page": {"group_wait": "10s"}}, "page.group_interval"),
        (
            {
                "receivers": [STDOUT],
                "page": {"group_wait": 10, "group_interval": "5m", "repeat_interval": "4h"},
            },
            "page.group_wait=10: 10 is no duration",
        ),
        ({"receivers": [STDOUT], "give_up_after": "soon"}, "'soon' is no duration"),
        (
            {
                "receivers": [STDOUT],
                "inhibit": [{"source": ["a=b"], "target": ["c=~("], "equal": []}],
            },
            "inhibit.0.target",
        ),
        (
            {"receivers": [STDOUT], "inhibit": [{"source": "a=b", "target": ["c=d"], "equal": []}]},
            "inhibit.0.source='a=b': is no list",
        ),
        ({"receivers": [STDOUT], "inhibit": [{"source": ["a=b"], "target": ["c=d"]}]}, "equal"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_by_name(
    tmp_path: Path, told: Any, words: str
) -> None:
    path = written(tmp_path, told)
    with pytest.raises(OncallFileError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OncallFileError, match=r"none\.yaml: No such file.*make it readable"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "part",
    [
        {"name": "a", "kind": "webhook", "url_file": "secret"},
        {"name": "a", "kind": "webhook", "url": "http://h", "bearer_token_file": "secret"},
        {"name": "a", "kind": "alertmanager", "url": "http://h", "bearer_token_file": "secret"},
        {"name": "a", "kind": "pagerduty", "routing_key_file": "secret"},
    ],
)
def test_a_secret_is_read_from_its_file(tmp_path: Path, part: dict[str, str]) -> None:
    path = tmp_path / "secret"
    told = {name: str(path) if value == "secret" else value for name, value in part.items()}
    file = load(written(tmp_path, {"receivers": [told]}))
    with pytest.raises(SettingsError, match="make it readable"):
        receivers.receiver(file.receivers[0], file)
    path.write_text("\n")
    with pytest.raises(OncallFileError, match="empty"):
        receivers.receiver(file.receivers[0], file)
    path.write_text("http://pager.example/hush\n")
    made = receivers.receiver(file.receivers[0], file)
    made.close()
    assert "hush" not in repr(vars(made))


def test_an_address_from_a_file_must_be_one_and_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "address"
    path.write_text("pager.example/hush")
    told = {"name": "a", "kind": "webhook", "url_file": str(path)}
    file = load(written(tmp_path, {"receivers": [told]}))
    with pytest.raises(OncallFileError, match="and a host") as caught:
        receivers.receiver(file.receivers[0], file)
    assert "hush" not in str(caught.value)


def test_each_kind_hears_and_is_owed_what_it_is_for(tmp_path: Path) -> None:
    kinds: dict[str, dict[str, str]] = {
        "stdout": {},
        "file": {"path": "p"},
        "webhook": {"url": "http://h"},
        "alertmanager": {"url": "http://h"},
        "pagerduty": {"routing_key_file": "k"},
    }
    told = [{"name": kind, "kind": kind, **more} for kind, more in kinds.items()]
    file = load(written(tmp_path, {"receivers": told}))
    alerts = {
        "page": step(HW3 | {"severity": "page"}).alert,
        "ticket": step(HW3 | {"severity": "ticket"}).alert,
        "info": step(HW3 | {"severity": "info"}).alert,
        "watchdog": step(HW3 | {"severity": "page"}, kind=AlertKind.WATCHDOG).alert,
    }
    heard = {
        part.name: [name for name, alert in alerts.items() if receivers.hears(part, alert)]
        for part in file.receivers
    }
    assert heard == {
        "stdout": ["page", "ticket"],
        "file": ["page", "ticket"],
        "webhook": ["page", "ticket"],
        "alertmanager": ["page", "ticket", "info", "watchdog"],
        "pagerduty": ["page"],
    }
    plans = {part.name: type(receivers.plan(part, file, Told({}, {}))) for part in file.receivers}
    assert plans == dict.fromkeys(kinds, Groups) | {"alertmanager": Pushes}
    assert oncall_file.load(None).receivers[0].name == "stdout"
