"""Receivers that write: lines to the terminal, notifications to a file."""

import json
import os
import sys
from pathlib import Path
from typing import TextIO

from consumers.oncall.delivery import ReceiverBusyError
from consumers.oncall.notification import Notification, is_firing
from consumers.oncall.webhook import body


class StdoutReceiver:
    """Prints a line of JSON for each alert of a notification."""

    def __init__(self, name: str, out: TextIO | None = None) -> None:
        self.name = name
        self._out = out or sys.stdout

    def send(self, notification: Notification) -> str:
        """Print: status, severity, alert, summary, reason."""
        for alert in notification.alerts:
            told = {
                "status": "firing" if is_firing(alert) else "resolved",
                "severity": alert.labels.get("severity", ""),
                "alertname": alert.labels.get("alertname", ""),
                "summary": alert.annotations.get("summary", ""),
                "reason": notification.reason.value,
            }
            self._out.write(json.dumps(told) + "\n")
        self._out.flush()
        return "printed"

    def close(self) -> None:
        """Nothing to give back."""


class FileReceiver:
    """Appends the webhook's body as one line of JSON; opened each time, so it may be rotated."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def send(self, notification: Notification) -> str:
        """Append and wait until the disk has it.

        Raises:
            ReceiverBusyError: It cannot be written; a full disk may be mended.
        """
        line = json.dumps(body(notification, self.name)) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as out:
                out.write(line)
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise ReceiverBusyError(f"{self._path}: {error.strerror}") from error
        return "written"

    def close(self) -> None:
        """Nothing to give back."""
