"""The scales that numeric parameters are searched on: maps between values and the unit interval.

Notation, used wherever values meet the unit cube:

    v   a value in natural units, lo <= v <= hi
    u   its place in the unit interval, 0 at lo and 1 at hi

    UNIT_LINEAR_SCALE       u = (v - lo) / (hi - lo)
    UNIT_LOG_SCALE          u = log(v / lo) / log(hi / lo)
    UNIT_REVERSE_LOG_SCALE  u = 1 - log((hi + lo - v) / lo) / log(hi / lo)

The reverse log is the log of the mirrored value, so equal steps of u come closer together in v near hi.
ML Engine's NONE leaves the scale to the service; we take it as linear, which is what its documents show.
"""

from __future__ import annotations

import math
from enum import StrEnum


class Scale(StrEnum):
    """How a numeric parameter is spread over the unit interval."""

    LINEAR = "UNIT_LINEAR_SCALE"
    LOG = "UNIT_LOG_SCALE"
    REVERSE_LOG = "UNIT_REVERSE_LOG_SCALE"

    def to_unit(self, value: float, low: float, high: float) -> float:
        """Returns the place of ``value``, clipped: 0 at ``low``, 1 at ``high``, 0.5 where they are equal."""
        if low == high:
            return 0.5
        if value <= low or value >= high:
            return 0.0 if value <= low else 1.0
        if self is Scale.LINEAR:
            # Halved where high - low overflows; halving always would lose the smallest of numbers.
            share = 1.0 if math.isfinite(high - low) else 0.5
            return (value * share - low * share) / (high * share - low * share)
        if self is Scale.LOG:
            return _log_ratio(value, low) / _log_ratio(high, low)
        return 1.0 - Scale.LOG.to_unit(mirror(value, low, high), low, high)

    def from_unit(self, unit: float, low: float, high: float) -> float:
        """Returns the value at ``unit``, which is clipped to 0..1, in natural units."""
        if unit <= 0.0 or unit >= 1.0:
            return low if unit <= 0.0 else high
        if self is Scale.LINEAR:
            value = low * (1.0 - unit) + high * unit
        elif self is Scale.LOG:
            value = low ** (1.0 - unit) * high**unit
        else:
            value = mirror(Scale.LOG.from_unit(1.0 - unit, low, high), low, high)
        return min(max(value, low), high)


def _log_ratio(a: float, b: float) -> float:
    """Computes ``log(a / b)``, also where a / b overflows."""
    return math.log(a / b) if a / b < math.inf else math.log(a) - math.log(b)


def mirror(value: float, low: float, high: float) -> float:
    """Reflects ``value`` in the middle of ``low``..``high``; its own inverse."""
    return min(max(high - (value - low), low), high)
