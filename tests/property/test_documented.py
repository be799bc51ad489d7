"""Whatever is asked, the answer is one that the OpenAPI document promises, and never the service's own fault."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.documented import Call, Owner, calls
from tests.property.hostile import requests
from tests.support import RunningStack

EXAMPLES = 25
"""For each call."""
CALLS = calls()


@pytest.mark.long
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_every_answer_is_documented(stack: RunningStack, owner: Owner, call: Call) -> None:
    """Status, media type and body, whatever nasty values a request has wherever."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        request = data.draw(requests(call, owner))
        kind = request.pop("_type", None)
        headers = request.pop("headers") | ({"Content-Type": kind} if kind else {})
        answer = http.request(**request, headers=headers)
        assert answer.status_code < 500, answer.text
        assert call.why_undocumented(answer) is None, f"{answer.status_code} {answer.text[:2_000]}"

    with httpx.Client(base_url=stack.url, timeout=30) as http:
        check()
