"""`call`: a function that does not return is stopped."""

from typing import Any

import pytest

from ftte_lab.course.sandbox import TroubleError, call


def test_call_stops_an_endless_loop() -> None:
    calls = []

    def loop(*_: Any) -> None:
        calls.append(1)
        while True:
            pass

    with pytest.raises(TroubleError, match=r"did not return within 0\.2 seconds"):
        call(loop, (1,), limit_s=0.2)
    assert calls == [1]
