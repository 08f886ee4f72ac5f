"""Fractions as PromQL writes them: the exact decimal, or a division where there is none."""

from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Final

_EXACT: Final = Context(prec=60, traps=[Inexact])


def number(value: Fraction | int) -> str:
    """144/1000 is 0.144; 7/750, which no decimal is, is (7 / 750).

    Prometheus rounds either to the nearest double, and so it does with the quotient of two counts:
    they compare as the fractions do.
    """
    value = Fraction(value)
    try:
        exact = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    except Inexact:
        return f"({value.numerator} / {value.denominator})"
    return format(exact.normalize(_EXACT), "f")
