"""What a schema's formats are here: a recording, and an address that tests may send to."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from tests.support import tone_wav

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
schemathesis.openapi.format("binary", st.just(tone_wav(0.5, seed=21)))
schemathesis.openapi.format("uri", st.just("http://127.0.0.1:9/events"))
