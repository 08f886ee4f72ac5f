"""Alertmanager's own acceptance tests, restated so that any player can play them.

From test/with_api_v2/acceptance: send_test, inhibit_test, silence_test. Each step waits for what
the one before leads to, so that no script depends on how fast a machine is. What they do not
restate: TestMergeAlerts' merging of overlapping pushes and the resolve_timeout (our alerts come
from a log that says when they end), TestRetry (see test_oncall_delivery) and TestReload (see
test_oncall_notifier).
"""

from collections.abc import Sequence
from typing import Final

from consumers.oncall.holding import Inhibition
from schemas.alert_controls import matcher
from tests.alertmanager_peer import Labels, Player

LONG_S: Final = 3_600.0


class Script:
    """What happens, and the labels of its alerts: those of one scenario are told apart by it."""

    repeat_s = LONG_S
    send_resolved = True

    def alert(self, alertname: str, **labels: str) -> Labels:
        return {"alertname": alertname, "scenario": type(self).__name__, **labels}

    def play(self, player: Player) -> None:
        raise NotImplementedError


class Batching(Script):
    """TestBatching: alerts that come within the wait, then some more, are told together."""

    def play(self, player: Player) -> None:
        player.push(self.alert("test1"), self.alert("test5"))
        player.wait(1)
        player.push(self.alert("test2"), self.alert("test3"), self.alert("test4"))
        player.wait(2)
        player.pause(2.5)


class Repeat(Script):
    """TestRepeat: an alert is told again and again until it is resolved, and then no more."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.push(self.alert("test"))
        player.wait(1)
        player.pause(2.5)
        player.push(gone=[self.alert("test")])
        player.wait(2)
        player.pause(2.0)


class Resolved(Script):
    """TestResolved, with ends that are said: some are resolved, then the rest."""

    def play(self, player: Player) -> None:
        names = [self.alert("test", lbl=value) for value in ("v1", "v2", "v3")]
        player.push(*names)
        player.wait(1)
        player.push(gone=names[:1])
        player.wait(2)
        player.push(gone=names[1:])
        player.wait(3)
        player.pause(2.0)


class ResolvedFilter(Script):
    """TestResolvedFilter: a receiver that does not hear of ends hears of what still fires."""

    send_resolved = False

    def play(self, player: Player) -> None:
        names = [self.alert("test", lbl=value) for value in ("v1", "v2", "v3")]
        player.push(*names[:2])
        player.wait(1)
        player.push(names[2], gone=names[:1])
        player.wait(2)
        player.push(gone=names[1:2])
        player.pause(2.5)


class Again(Script):
    """The end of TestMergeAlerts: an alert that fires again after its end is told anew."""

    def play(self, player: Player) -> None:
        player.push(self.alert("test"))
        player.wait(1)
        player.push(gone=[self.alert("test")])
        player.wait(2)
        player.push(self.alert("test"))
        player.wait(3)


class Inhibiting(Script):
    """TestInhibiting: an inhibited alert is left out, and is told again once it is not."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        down = self.alert("JobDown", job="testjob", zone="aa")
        player.push(
            self.alert("test1", job="testjob", zone="aa"),
            self.alert("InstanceDown", job="testjob", zone="aa"),
            self.alert("InstanceDown", job="testjob", zone="ab"),
        )
        player.wait(1)
        player.push(down)
        player.wait(2)
        player.push(gone=[down])
        player.wait(4)


class AlwaysInhibiting(Script):
    """TestAlwaysInhibiting: source and target end together and are both in the last word."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        down = self.alert("JobDown", job="testjob", zone="aa")
        instance = self.alert("InstanceDown", job="testjob", zone="aa")
        player.push(down)
        player.wait(1)
        player.push(instance)
        player.pause(2.5)
        player.push(gone=[instance, down])
        player.wait(2)
        player.pause(2.0)


class Silencing(Script):
    """TestSilencing: what is silenced is left out until the silence is over."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.push(self.alert("test1"), self.alert("test2"))
        player.wait(1)
        player.silence(4.0, "alertname=test1", "scenario=Silencing")
        player.wait(3)


class SilenceDelete(Script):
    """TestSilenceDelete: while everything is silenced nothing is told, and then all of it."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.silence(100.0, "scenario=~SilenceD.+")
        player.push(self.alert("test1"), self.alert("test2"))
        player.pause(3.0)
        assert player.told == []
        player.unsilence()
        player.wait(1)


class SilencedForAll(Script):
    """Every operator: not equal and not like a pattern hold back as Alertmanager reads them."""

    def play(self, player: Player) -> None:
        player.silence(100.0, "zone!~b.*", "scenario!=", "scenario=SilencedForAll")
        player.push(self.alert("test1", zone="aa"), self.alert("test2", zone="bb"))
        player.wait(1)
        player.pause(2.0)


SCRIPTS: Final[Sequence[type[Script]]] = (
    Batching,
    Repeat,
    Resolved,
    ResolvedFilter,
    Again,
    Inhibiting,
    AlwaysInhibiting,
    Silencing,
    SilenceDelete,
    SilencedForAll,
)
JOB_DOWN: Final = Inhibition(
    source=(matcher("alertname=JobDown"),),
    target=(matcher("alertname=InstanceDown"),),
    equal=("job", "zone", "scenario"),
)
