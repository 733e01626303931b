"""The cache that is bounded in bytes."""

from hypothesis import given
from hypothesis import strategies as st

from ftte_lab._common import SizedCache


@given(
    most=st.integers(1, 60),
    asked=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 40)), max_size=40),
)
def test_cache_stays_within_its_bytes_and_keeps_what_was_used_last(
    most: int, asked: list[tuple[int, int]]
) -> None:
    sizes: dict[int, int] = {}
    cache: SizedCache[bytes] = SizedCache(most, len)
    used: list[int] = []
    for key, size in asked:
        size = sizes.setdefault(key, size)
        value = cache.get(key, lambda size=size: bytes(size))  # type: ignore[misc]
        assert len(value) == size
        used = [one for one in used if one != key] + [key]
        kept = [one for one in cache._values if isinstance(one, int)]
        assert kept == used[-len(kept) :]  # the ones used last, in this order
        total = sum(sizes[one] for one in kept)
        assert total <= most or kept == [key]


def test_cache_makes_a_value_once() -> None:
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"x"

    cache: SizedCache[bytes] = SizedCache(10, len)
    assert cache.get("a", make) is cache.get("a", make)
    assert made == [1]
    cache.clear()
    cache.get("a", make)
    assert made == [1, 1]
