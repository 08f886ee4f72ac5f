"""What a model made of one encounter: its answers frame by frame, and their summary."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from producers.camera.camera import Encounter
from schemas.media import Frames


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Summary of one encounter by one model.

    Attributes:
        top1, confidence, margin, entropy: Of the frame with the smallest margin.
        last_top1: Best class of the last, nearest frame.
        flips: How often the best class changed. late: judged results over the deadline.
        far_near: How sure it was of two different classes in the first, farthest and the last,
            nearest frame: the smaller of the two confidences; 0 when they agree.
        embedding: float32 [d], L2-normalised mean over the frames.
    """

    top1: int
    confidence: float
    margin: float
    entropy: float
    last_top1: int
    flips: int
    far_near: float
    late: int
    embedding: npt.NDArray[np.float32]


@dataclass(slots=True)
class Meeting:
    """An encounter under way, and the answers so far. `whole`: one model answered every frame."""

    encounter: Encounter
    position: int = 0
    whole: bool = True
    late: int = 0
    top1: list[int] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    margin: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    embeddings: list[npt.NDArray[np.float32]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether every frame was looked at."""
        return self.position >= len(self.encounter.frames)

    @property
    def left(self) -> int:
        """Frames still to come."""
        return len(self.encounter.frames) - self.position

    def look(self) -> Frames:
        """The next frame."""
        frame: Frames = self.encounter.frames[self.position]
        self.position += 1
        return frame

    def answer(
        self,
        top1: int,
        confidence: float,
        margin: float,
        entropy: float,
        embedding: npt.NDArray[np.float32],
    ) -> bool:
        """Note an answer; True when the best class changed."""
        flipped = bool(self.top1) and self.top1[-1] != top1
        self.top1.append(top1)
        self.confidence.append(confidence)
        self.margin.append(margin)
        self.entropy.append(entropy)
        self.embeddings.append(embedding)
        return flipped

    def glimpse(self) -> Glimpse | None:
        """The summary; None when no single model saw the whole encounter."""
        if not self.whole or len(self.top1) != len(self.encounter.frames):
            return None
        worst = min(range(len(self.margin)), key=self.margin.__getitem__)
        agree = self.top1[0] == self.top1[-1]
        # The plain operations: np.mean and np.linalg.norm do the same, at three times the cost.
        mean = np.add.reduce(self.embeddings, axis=0) / np.float32(len(self.embeddings))
        length = float(np.sqrt(mean @ mean))
        return Glimpse(
            top1=self.top1[worst],
            confidence=self.confidence[worst],
            margin=self.margin[worst],
            entropy=self.entropy[worst],
            last_top1=self.top1[-1],
            flips=sum(a != b for a, b in zip(self.top1, self.top1[1:], strict=False)),
            far_near=0.0 if agree else min(self.confidence[0], self.confidence[-1]),
            late=self.late,
            embedding=mean / length if length > 0 else mean,
        )
