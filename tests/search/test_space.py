import itertools
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hptune.search.scale import Scale, mirror
from hptune.search.space import (
    Categorical,
    Discrete,
    Double,
    Integer,
    SearchSpace,
    format_number,
    format_values,
)

SCALES = st.sampled_from(Scale)
UNITS = st.floats(0, 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)


@st.composite
def doubles(draw, numbers=None):
    scale = draw(SCALES)
    if numbers is None:
        numbers = FINITE if scale is Scale.LINEAR else POSITIVE
    low, high = sorted(draw(numbers) for _ in range(2))
    return Double("x", low, high, scale)


@st.composite
def integers(draw, limit=2**31):
    scale = draw(SCALES)
    least = -limit if scale is Scale.LINEAR else 1
    low, high = sorted(draw(st.integers(least, limit)) for _ in range(2))
    return Integer("n", low, high, scale)


@st.composite
def discretes(draw):
    scale = draw(SCALES)
    least = -(10**9) if scale is Scale.LINEAR else 1
    thousandths = draw(st.sets(st.integers(least, 10**9), min_size=1, max_size=20))
    return Discrete("d", tuple(each / 1000 for each in sorted(thousandths)), scale)


@pytest.mark.parametrize("scale", Scale)
@pytest.mark.parametrize(
    ("low", "high"), [(0.001, 0.1), (1.0, 10.0), (1e-300, 1e300), (0.1, 0.3), (3.0, 3.0)]
)
def test_ends_of_the_unit_interval_are_exactly_the_bounds(scale, low, high):
    parameter = Double("x", low, high, scale)
    assert (parameter.from_unit(0.0), parameter.from_unit(1.0)) == (low, high)
    if low < high:
        assert (parameter.to_unit(low), parameter.to_unit(high)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("scale", "middle"),
    [(Scale.LINEAR, 5000.5), (Scale.LOG, 100.0), (Scale.REVERSE_LOG, 10001 - 100.0)],
)
def test_middle_of_each_scale(scale, middle):
    parameter = Double("x", 1.0, 10000.0, scale)
    assert parameter.from_unit(0.5) == pytest.approx(middle)
    assert parameter.to_unit(middle) == pytest.approx(0.5)


@given(low=st.floats(1e-6, 1e3), ratio=st.floats(1.5, 1e6), unit=UNITS)
def test_reverse_log_is_the_log_mirrored(low, ratio, unit):
    high = low * ratio
    reverse = Scale.REVERSE_LOG.from_unit(unit, low, high)
    assert reverse == pytest.approx(low + high - Scale.LOG.from_unit(1 - unit, low, high), abs=1e-12 * high)
    assert (
        Scale.REVERSE_LOG.from_unit(0.5, low, high) > (low + high) / 2 > Scale.LOG.from_unit(0.5, low, high)
    )


def test_reverse_log_takes_smaller_steps_towards_the_top():
    values = [Scale.REVERSE_LOG.from_unit(i / 10, 0.001, 1.0) for i in range(11)]
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert steps == sorted(steps, reverse=True)


@given(parameter=doubles(), unit=FINITE)
def test_doubles_never_leave_their_range(parameter, unit):
    assert parameter.contains(parameter.from_unit(unit))


@given(parameter=doubles(), share=UNITS)
def test_places_of_doubles_are_in_the_unit_interval(parameter, share):
    value = min(max(parameter.low * (1 - share) + parameter.high * share, parameter.low), parameter.high)
    assert 0.0 <= parameter.to_unit(value) <= 1.0


@given(parameter=doubles(st.floats(1e-9, 1e9)), share=UNITS)
def test_doubles_come_back_from_the_unit_interval(parameter, share):
    value = min(max(parameter.low * (1 - share) + parameter.high * share, parameter.low), parameter.high)
    again = parameter.from_unit(parameter.to_unit(value))
    assert again == pytest.approx(value, rel=1e-9, abs=1e-9 * (parameter.high - parameter.low))


@given(parameter=doubles(), a=UNITS, b=UNITS)
def test_doubles_rise_with_their_place(parameter, a, b):
    assume(abs(a - b) > 1e-9)
    low, high = (parameter.from_unit(unit) for unit in sorted((a, b)))
    # Neighbouring doubles may swap where the whole range is a few of them wide.
    assert low <= high or low == pytest.approx(high, rel=1e-14)


@given(parameter=integers(), data=st.data())
def test_integers_come_back_exactly(parameter, data):
    value = data.draw(st.integers(parameter.low, parameter.high))
    assert parameter.from_unit(parameter.to_unit(value)) == value


@given(parameter=integers(limit=2**53), unit=UNITS)
def test_integers_are_whole_and_in_range(parameter, unit):
    value = parameter.from_unit(unit)
    assert type(value) is int
    assert parameter.low <= value <= parameter.high


@given(parameter=integers(), a=UNITS, b=UNITS)
def test_integers_rise_with_their_place(parameter, a, b):
    low, high = (parameter.from_unit(unit) for unit in sorted((a, b)))
    assume(abs(a - b) > 1e-9)
    assert low <= high


@given(parameter=discretes(), unit=UNITS)
def test_discrete_values_are_members_and_come_back_exactly(parameter, unit):
    assert parameter.contains(parameter.from_unit(unit))
    assert [parameter.from_unit(parameter.to_unit(value)) for value in parameter.values] == list(
        parameter.values
    )


@given(values=st.lists(st.text(), min_size=1, max_size=50, unique=True), unit=UNITS)
def test_categories_are_members_and_come_back_exactly(values, unit):
    parameter = Categorical("c", tuple(values))
    assert parameter.contains(parameter.from_unit(unit))
    assert [parameter.from_unit(parameter.to_unit(value)) for value in values] == values


def test_categories_share_the_unit_interval_evenly():
    parameter = Categorical("c", ("a", "b", "c"))
    drawn = [parameter.from_unit((i + 0.5) / 300) for i in range(300)]
    assert [drawn.count(value) for value in "abc"] == [100, 100, 100]


@given(low=st.floats(0, 1e6), width=st.floats(0, 1e6), share=UNITS)
def test_mirroring_twice_changes_nothing(low, width, share):
    high = low + width
    value = min(low + width * share, high)
    assert mirror(mirror(value, low, high), low, high) == pytest.approx(value, abs=1e-9 * max(high, 1e-300))


def test_widest_and_narrowest_ranges_are_usable():
    widest = Double("x", -1.7e308, 1.7e308)
    assert (widest.to_unit(0.0), widest.from_unit(0.5)) == (0.5, 0.0)
    assert Double("x", 0.0, 5e-324).to_unit(5e-324) == 1.0
    adjacent = Double("x", 1.0, math.nextafter(1.0, 2.0), Scale.LOG)
    assert 0.0 <= adjacent.to_unit(adjacent.low) <= adjacent.to_unit(adjacent.high) <= 1.0
    assert Double("x", 1e-300, 1e300, Scale.LOG).from_unit(0.5) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.0721, "0.0721"),
        (1 / 3, "0.33333333333333331"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-05, "1e-05"),
        (1e22, "1e+22"),
        (64.0, "64"),
        (-0.5, "-0.5"),
        (10**20, "100000000000000000000"),
    ],
)
def test_numbers_print_with_fifteen_digits_or_seventeen(value, text):
    assert format_number(value) == text


@given(FINITE)
def test_printed_numbers_read_back_exactly(value):
    assert float(format_number(value)) == value


def test_values_print_as_strings_and_parse_back():
    space = SearchSpace(
        (
            Double("lr", 1e-3, 0.1),
            Integer("n", 1, 9),
            Discrete("d", (1, 2.5)),
            Categorical("c", ("64,16", "ON")),
        )
    )
    values = {"lr": 0.02, "n": 3, "d": 2.5, "c": "64,16"}
    texts = format_values(values)
    assert texts == {"lr": "0.02", "n": "3", "d": "2.5", "c": "64,16"}
    assert {name: space[name].parse(text) for name, text in texts.items()} == values


@pytest.mark.parametrize(
    "values",
    [
        {"lr": 0.2, "n": 3},
        {"lr": 0.01, "n": 3.5},
        {"lr": 0.01, "n": 10},
        {"lr": math.nan, "n": 3},
        {"lr": "0.01", "n": 3},
        {"lr": 0.01},
        {"lr": 0.01, "n": 3, "x": 1},
    ],
)
def test_space_tells_values_that_are_not_its_own(values):
    space = SearchSpace((Double("lr", 1e-3, 0.1), Integer("n", 1, 9)))
    assert space.contains({"lr": 0.01, "n": 3})
    assert not space.contains(values)


@settings(max_examples=20)
@given(names=st.lists(st.text(), unique=True, max_size=5))
def test_space_keeps_order_and_finds_by_name(names):
    space = SearchSpace(tuple(Double(name, 0, 1) for name in names))
    assert space.names == tuple(names)
    assert [space[name].name for name in names] == names
    with pytest.raises(KeyError):
        space["".join(names) + "?"]
