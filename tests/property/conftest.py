"""An owner whose things have known ids, on a real stack."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from phonoscope.contract import Scope
from phonoscope.states import Status
from phonoscope.tasks import Describe
from tests.property.documented import Owner
from tests.support import RunningStack, id_of, tone_wav


@pytest.fixture(scope="session")
def owner(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Owner:
    """A track that was described, an endpoint with a delivery, a default secret, a key; and another that may do all."""
    name = f"owner-{uuid4()}"
    path = tmp_path_factory.mktemp("recordings") / "tone.wav"
    path.write_bytes(tone_wav(2.0, seed=20))
    with stack.client(name) as client:
        job = client.wait(client.analyze(path, ["describe"]))
        assert job.status is Status.SUCCEEDED
        waveform = job.result(Describe).waveform
        assert waveform is not None
        endpoint = client.create_webhook("http://127.0.0.1:9/events")
        client.make_default_secret()
        ids = {
            "track_id": job.recording,
            "job_id": job.id,
            "artifact_id": waveform.id,
            "webhook_id": endpoint.id,
            "delivery_id": client.test_webhook(endpoint.id).id,
            "key_id": id_of(stack.new_key(name)),
            "name": "environment-50",
        }
        return Owner(stack.new_key(name, list(Scope)), urlsplit(waveform.url).query, ids)
