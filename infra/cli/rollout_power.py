"""What `fleetloop rollout power` shows: the cost of each metric of a policy."""

from collections.abc import Iterable
from typing import Any

from infra.cli.output import Exit, Format, fail, say, show
from streams.rollout.metrics import SHARES, Metric
from streams.rollout.policy import Policy
from streams.rollout.power import Chance, power
from streams.rollout.rate_power import RateChance, rate_power
from streams.rollout.rules import RateRule
from streams.rollout.shadow_power import CLASSES, shadow_power
from streams.rollout.shadow_rule import ShadowRule


def show_power(
    policy: Policy, metric: Metric, output: Format, *, devices: int, strata: int, share: float
) -> None:
    """Show the table of one metric; exits when it is not tested or cannot be proven."""
    rates = dict(policy.metrics.rates())
    if metric is Metric.SHADOW and policy.shadow is not None:
        _show_shadow(policy, policy.shadow, output, strata=strata)
    elif metric in rates:
        _show_rate(policy, rates[metric], output, strata=strata, share=share)
    elif SHARES.get(metric) in policy.ceilings:
        ceiling = policy.ceilings[SHARES[metric]]
        _show_share(policy, ceiling, output, devices=devices, strata=strata)
    else:
        shadow = [] if policy.shadow is None else [Metric.SHADOW]
        named = ", ".join([*(name for name, _ in policy.metrics.shares()), *rates, *shadow])
        fail(f"the policy does not test {metric}; its metrics are {named}")


def _show_share(
    policy: Policy, ceiling: float, output: Format, *, devices: int, strata: int
) -> None:
    tests = policy.metrics.tests(compared=True)
    judged = policy.model_copy(update={"ceiling": ceiling})
    found = power(judged, devices=devices, strata=strata, tests=tests)
    show([_share_row(chance) for chance in found.chances], output)
    say(
        f"{found.flawless} devices without a failure prove that at most {found.ceiling:.3g} of "
        "them fail"
    )
    first = policy.share(0, devices)
    say(f"the first wave has {first:.3g} of the stratum, some {round(first * devices)} devices")
    if found.provable is not None:
        fail(
            f"a stratum of {devices} devices is too small to prove ceiling={found.ceiling:.3g}: "
            f"each rollout will be held for a person; ceiling={found.provable:.3g} could be proven",
            Exit.CONDITION_NOT_MET,
        )


def _show_rate(
    policy: Policy, rule: RateRule, output: Format, *, strata: int, share: float
) -> None:
    tests = policy.metrics.tests(compared=True)
    found = rate_power(policy, rule, share=share, strata=strata, tests=tests)
    show(list(_rate_rows(found)), output)
    say(
        f"events that count, a device once a window, with {share:.3g} of the stratum on the "
        f"release and the rest on its parent; safe is below {rule.margin:.3g} times its rate"
    )


def _show_shadow(policy: Policy, rule: ShadowRule, output: Format, *, strata: int) -> None:
    chances = shadow_power(policy, rule, strata=strata)
    show([_shadow_row(chance) for chance in chances], output)
    say(
        f"encounters of one class or region, at most {rule.minimum_encounters}; with "
        f"{CLASSES} classes. A class met more rarely is opened before it is known"
    )


def _shadow_row(chance: Chance) -> dict[str, Any]:
    return {
        "differs_in": round(chance.rate, 6),
        "caught": round(chance.caught, 4),
        "encounters_until_caught": chance.caught_median,
    }


def _share_row(chance: Chance) -> dict[str, Any]:
    return {
        "failure_rate": round(chance.rate, 6),
        "caught": round(chance.caught, 4),
        "devices_until_caught": chance.caught_median,
        "failed_devices": round(chance.failed_mean, 1),
        "proven_safe": round(chance.proven, 4),
        "devices_until_proven": chance.proven_median,
    }


def _rate_rows(found: Iterable[RateChance]) -> Iterable[dict[str, Any]]:
    for one in found:
        numbers = {
            "events_until_harm": one.harm_events,
            "parents_until_harm": one.harm_control,
            "events_until_proven": one.proven_events,
            "parents_until_proven": one.proven_control,
        }
        whole = {name: None if n is None else round(n) for name, n in numbers.items()}
        yield {"times_the_parents": one.ratio, **whole}
