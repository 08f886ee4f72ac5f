"""What a process of devices has done, as numbers for its end and as metrics on the way."""

from collections import Counter as Tally
from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge

from producers.device.engine import Answers

FRAMES = Counter("fleetloop_fleet_frames", "Frames answered by the devices of this process")
MISSED = Counter("fleetloop_fleet_frames_missed", "Frames due that no model answered")
SHIFTS = Counter("fleetloop_fleet_schedule_shifts", "Times this process fell behind its schedule")
LAG = Gauge("fleetloop_fleet_lag_seconds", "How far the next frame is overdue")
CPU = Counter("fleetloop_fleet_inference_cpu_seconds", "CPU time in inference sessions")
WALL = Counter("fleetloop_fleet_inference_wall_seconds", "Wall time in inference sessions")


@dataclass(slots=True)
class Figures:
    """Counts since the start; nanoseconds of the inference alone, warm-up runs left out."""

    frames: int = 0
    missed: int = 0
    shifts: int = 0
    shifted_us: int = 0
    cpu_ns: int = 0
    wall_ns: int = 0
    published: Tally[str] = field(default_factory=Tally)

    def answer(self, answers: Answers) -> None:
        """Count answered frames."""
        frames, cpu_ns, wall_ns = len(answers.top1), sum(answers.cpu_ns), sum(answers.wall_ns)
        self.frames += frames
        self.cpu_ns += cpu_ns
        self.wall_ns += wall_ns
        FRAMES.inc(frames)
        CPU.inc(cpu_ns / 1e9)
        WALL.inc(wall_ns / 1e9)

    def miss(self, frames: int) -> None:
        """Count frames that no model answered."""
        self.missed += frames
        MISSED.inc(frames)

    def behind(self, lag_us: int) -> None:
        """Note how far the next frame is overdue."""
        LAG.set(lag_us / 1e6)

    def shift(self, by_us: int) -> None:
        """Count a shift of the schedule."""
        self.shifts += 1
        self.shifted_us += by_us
        SHIFTS.inc()

    def publish(self, topic: str) -> None:
        """Count a record."""
        self.published[topic] += 1
