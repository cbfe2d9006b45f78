from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standin.forms import parse_form


def test_nested_names() -> None:
    text = (
        "amount=5&items[0][price]=p1&items[0][quantity]=2&items[1][price]=p2&expand[]=a&expand[]=b"
        "&metadata[0]=zero&created[gte]=10&empty="
    )
    assert parse_form(text) == {
        "amount": "5",
        "items": [{"price": "p1", "quantity": "2"}, {"price": "p2"}],
        "expand": ["a", "b"],
        "metadata": {"0": "zero"},
        "created": {"gte": "10"},
        "empty": "",
    }


names = st.sampled_from(["amount", "items", "price_data", "expand", "a", "b"])
values = st.recursive(
    st.text("aé=&[]+% ", max_size=5),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(names, inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def flattened(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [p for key, child in value.items() for p in flattened(f"{name}[{key}]", child)]
    if isinstance(value, list):
        return [p for n, child in enumerate(value) for p in flattened(f"{name}[{n}]", child)]
    return [(name, str(value))]


quick = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@quick
@given(st.dictionaries(names, values))
def test_parsing_undoes_encoding(params: dict[str, object]) -> None:
    pairs = [pair for name, value in params.items() for pair in flattened(name, value)]
    assert parse_form(urlencode(pairs)) == params


@quick
@given(st.text("ab[]=&%0+é", max_size=60))
def test_any_body_is_parsed_to_something(text: str) -> None:
    assert isinstance(parse_form(text), dict)
