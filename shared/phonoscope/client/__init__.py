"""A small typed client of the HTTP API.

    with Client("http://127.0.0.1:8000", "psk_…") as client:
        job = client.wait(client.analyze("song.flac"))

Every call may raise one of two errors, both of them ``phonoscope.errors.PhonoscopeError``:

- ``ApiError``: the service answered with a problem. ``status_code`` is the answer's, ``code`` the stable name of the
  problem (``unknown_model``), ``problem`` the whole of it as a dict, ``detail`` the sentence for a person,
  ``retry_in_s`` the seconds that the service asks to wait, 0 when it does not ask.
- ``Unreachable``: there was no answer, or one that no gateway gives.

Uploads and new jobs are sent again after ``Unreachable`` and after an answer of 500 or above, with the pauses of
``Retry`` and under one idempotency key, so that they are made once; the error of the last attempt is raised. Other
calls are sent once. A file that cannot be read raises ``OSError``. A job that fails raises nothing: read ``job.status``
and each task's ``error``.
"""

from phonoscope.client.client import Client
from phonoscope.client.connection import ApiError, Retry, Unreachable

__all__ = ["ApiError", "Client", "Retry", "Unreachable"]
