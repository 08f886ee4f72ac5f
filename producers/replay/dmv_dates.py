"""Dates as Californian permit holders write them: one day or moment, local time to UTC."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from schemas.moments import micros
from schemas.records import Precision

CALIFORNIA: Final = ZoneInfo("America/Los_Angeles")
_NOON: Final = 12
_DAYS: Final = ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y", "%m/%d/%y", "%d/%b/%y")
_SHORT_YEAR: Final = re.compile(r".*/\d\d")
_TIME: Final = re.compile(r"(.*?)[\s./]+(\d\d:\d\d:\d\d)")


def moment(text: str) -> tuple[int, Precision]:
    """UTC microseconds and how exactly they are known; a day alone stands for its noon.

    Raises:
        ValueError: None of the forms that occur: 2021-03-04, 2021.03.04., 2022/03/02, 20230308,
            3/4/2021, 3/4/21, 04/Mar/21, each maybe with a time behind it.
    """
    told = text.strip()
    timed = _TIME.fullmatch(told)
    date = _day(timed[1] if timed else told.rstrip("."), text)
    if timed is None:
        local = date.replace(hour=_NOON)
    else:
        at = datetime.strptime(timed[2], "%H:%M:%S")  # noqa: DTZ007 - the zone is added below
        local = date.replace(hour=at.hour, minute=at.minute, second=at.second)
    precision = Precision.DAY if timed is None else Precision.SECOND
    return micros(local.replace(tzinfo=CALIFORNIA)), precision


def _day(told: str, text: str) -> datetime:
    for form in _DAYS:
        # %Y would take "21" for the year 21.
        if form.endswith("/%Y") and _SHORT_YEAR.fullmatch(told):
            continue
        try:
            return datetime.strptime(told, form)  # noqa: DTZ007 - as above
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no date")
