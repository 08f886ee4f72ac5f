"""The pager keeps every notification and refuses what is none."""

import httpx

from infra.demo.pager import MAX_BODY, Pager


def body(fingerprint: str, status: str) -> dict[str, object]:
    return {"status": status, "alerts": [{"fingerprint": fingerprint, "status": status}]}


def test_deliveries_are_counted_by_alert_and_status() -> None:
    with Pager() as pager:
        for status in ("firing", "firing", "resolved"):
            assert httpx.post(pager.url, json=body("f1", status)).status_code == 200
        assert pager.deliveries("f1") == 3
        assert pager.deliveries("f1", "resolved") == 1
        assert pager.deliveries("f2") == 0


def test_what_is_no_notification_is_refused() -> None:
    with Pager() as pager:
        assert httpx.post(pager.url, content=b"{").status_code == 400
        assert httpx.post(pager.url, content=b"x" * (MAX_BODY + 1)).status_code == 413
        assert pager.notifications == []
