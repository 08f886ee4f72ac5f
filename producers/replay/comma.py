"""comma2k19: one minute of a real car, raw CAN frames and decoded signals at their own rates."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from producers.arrays import ArraysError, read_arrays
from producers.replay.events import Event, Item, Note, ReplayError, event_id, source_of
from producers.replay.tables import need

NAME: Final = "comma"
FILE: Final = "rav4_segment40.npz"
DEVICE: Final = "b0c9d2329ad1606b"
"""The route's own name of the car."""
_UTC_MS: Final = 3
"""Column of `gnss`; SOURCE.md says seconds, the values are milliseconds."""
_S: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Signal:
    """One stream: array of times, arrays of values by what each column is called ("" leaves out).

    Columns of an array of one dimension have one name.
    """

    kind: str
    times: str
    values: Mapping[str, tuple[str, ...]]


SIGNALS: Final = (
    Signal("can_speed", "can_speed_t", {"can_speed_mps": ("speed_mps",)}),
    Signal("can_steer", "can_steer_t", {"can_steer_deg": ("steer_deg",)}),
    Signal("can_wheel", "can_wheel_t", {"can_wheel_mps": ("fl_mps", "fr_mps", "rl_mps", "rr_mps")}),
    Signal(
        "radar",
        "radar_t",
        {"radar": ("forward_m", "left_m", "relative_mps", "", "", "address", "new_track")},
    ),
    Signal("accel", "accel_t", {"accel_mps2": ("forward_mps2", "right_mps2", "down_mps2")}),
    Signal("gyro", "gyro_t", {"gyro_rps": ("forward_rps", "right_rps", "down_rps")}),
    Signal(
        "gnss",
        "gnss_t",
        {"gnss": ("lat", "lon", "speed_mps", "", "altitude_m", "bearing_deg")},
    ),
    Signal(
        "pose",
        "pose_t",
        {
            "pose_pos_ecef_m": ("x_m", "y_m", "z_m"),
            "pose_vel_ecef_mps": ("vx_mps", "vy_mps", "vz_mps"),
            "pose_quat": ("qw", "qx", "qy", "qz"),
        },
    ),
)
_CAN: Final = ("raw_can_t", "raw_can_addr", "raw_can_src", "raw_can_data")


def read(folder: Path) -> Iterator[Item]:
    """Every frame and sample, by time.

    Raises:
        ReplayError: The file is missing or cut off, or an array is not as long as its times.
    """
    need(folder, (FILE,))
    path = folder / FILE
    names = [name for signal in SIGNALS for name in (signal.times, *signal.values)]
    try:
        arrays = read_arrays(path, (*names, *_CAN))
    except ArraysError as error:
        raise ReplayError(str(error)) from error
    streams = [
        (signal.kind, arrays[signal.times], _values(path, signal, arrays)) for signal in SIGNALS
    ]
    streams.append(("can_frame", arrays[_CAN[0]], _frames(path, arrays)))
    offset_us = _utc_offset_us(path, arrays)
    yield from _merged(streams, offset_us)
    yield Note("mean CAN speed, m/s", round(float(arrays["can_speed_mps"].mean(dtype=float)), 2))
    yield Note("mean GNSS speed, m/s", round(float(arrays["gnss"][:, 2].mean()), 2))


_Fields = Callable[[int], dict[str, Any]]


def _merged(streams: list[tuple[str, NDArray[Any], _Fields]], offset_us: int) -> Iterator[Event]:
    times = np.concatenate([stream[1] for stream in streams])
    which = np.repeat(np.arange(len(streams)), [len(stream[1]) for stream in streams])
    starts = np.cumsum([0, *(len(stream[1]) for stream in streams)])
    for number in np.argsort(times, kind="stable").tolist():
        stream = int(which[number])
        kind, _, fields = streams[stream]
        row = number - int(starts[stream])
        body = {
            "event_id": event_id(DEVICE, number),
            "source": source_of(NAME),
            "device_id": DEVICE,
        }
        yield Event(
            at_us=round(float(times[number]) * _S) + offset_us,
            kind=kind,
            file=FILE,
            row=row + 1,
            body=body | fields(row),
        )


def _values(path: Path, signal: Signal, arrays: Mapping[str, NDArray[Any]]) -> _Fields:
    count = len(arrays[signal.times])
    columns: dict[str, NDArray[Any]] = {}
    for name, labels in signal.values.items():
        found = arrays[name].reshape(len(arrays[name]), -1)
        if found.shape[0] != count or found.shape[1] < len(labels):
            raise ReplayError(
                f"{path}: {name}: {list(found.shape)}, must be [{count}, {len(labels)}]"
            )
        columns |= {label: found[:, place] for place, label in enumerate(labels) if label}

    def fields(row: int) -> dict[str, Any]:
        # Floats of 32 bits are told with the digits that they have.
        return {label: float(str(column[row])) for label, column in columns.items()}

    return fields


def _frames(path: Path, arrays: Mapping[str, NDArray[Any]]) -> _Fields:
    _, addresses, buses, data = (arrays[name] for name in _CAN)
    if len({len(arrays[name]) for name in _CAN}) != 1:
        raise ReplayError(f"{path}: {', '.join(_CAN)} must be of one length")

    def fields(row: int) -> dict[str, Any]:
        # numpy cut trailing zero bytes: how long the frame was is not known, so none are added.
        told = bytes(data[row]).hex()
        return {"bus": int(buses[row]), "address": int(addresses[row]), "data_hex": told}

    return fields


def _utc_offset_us(path: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    """From uptime to UTC: the median over all GNSS fixes, which differ by 60 ms."""
    offset_s = float(np.median(arrays["gnss"][:, _UTC_MS] / 1000 - arrays["gnss_t"]))
    if not np.isfinite(offset_s):
        raise ReplayError(f"{path}: gnss tells no UTC")
    return round(offset_s * _S)
