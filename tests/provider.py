"""An identity provider: a real HTTP server that signs real tokens, and lies when a test tells it to."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import time
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "phonoscope at home", "a secret: with marks/ü"
Key = RSAKey | ECKey
Sign = Callable[[dict[str, Any], Key], str]


def rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": uuid4().hex, "use": "sig"})


def signed(claims: dict[str, Any], key: Key) -> str:
    """A token as it should be."""
    algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
    return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


@dataclass
class IdentityProvider:
    """What the provider knows, and how it lies.

    Attributes:
        user: the claims of whoever signs in next.
        lies: claims that are put over those of the next tokens; ``None`` leaves a claim out.
        sign: makes tokens.
        about: what it says of itself beside what is true.
        codes: what each code that was given stands for.
        forgets: whether a code can be used once only, as it should.
        answers: in place of its own answers by path: a status and a body.
        hold: while it is not set no answer is given.
        asked: the paths that were asked for.
        forms: what was sent to redeem codes.
    """

    url: str = ""
    key: Key = field(default_factory=rsa_key)
    user: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    sign: Sign = signed
    about: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    forgets: bool = True
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    hold: Event = field(default_factory=Event)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hold.set()

    @property
    def settings(self) -> dict[str, str]:
        """Those of a gateway that signs in with it."""
        return {
            "oidc_issuer": self.url,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_name": "Example ID",
        }

    def well_known(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "/authorize?realm=a", "token_endpoint": "/token", "jwks_uri": "/keys"}
        more = {"end_session_endpoint": "/logout"}
        return {"issuer": self.url} | {name: self.url + path for name, path in (paths | more).items()} | self.about

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser of a user who agrees goes."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = uuid4().hex
        self.codes[code] = dict(query)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.forms.append(form)
        who, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote_plus(who), unquote_plus(secret)) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        asked = (self.codes.pop if self.forgets else self.codes.get)(form.get("code", ""), None)
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if not asked or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "<script>"}
        return 200, {"token_type": "Bearer", "access_token": "opaque", "id_token": self.token(asked["nonce"])}

    def token(self, nonce: str) -> str:
        now = int(time())
        true = {"iss": self.url, "aud": CLIENT_ID, "nonce": nonce, "iat": now, "exp": now + 300}
        claims = true | self.user | self.lies
        return self.sign({name: value for name, value in claims.items() if value is not None}, self.key)


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A provider that listens on loopback."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = self._asked()
            if path == "/authorize":
                self.send_response(303)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
                return
            known: dict[str, Callable[[], dict[str, Any]]] = {
                "/.well-known/openid-configuration": provider.well_known,
                "/keys": lambda: {"keys": [provider.key.as_dict(private=False)]},
                "/logout": lambda: {"signed": "out"},
            }
            self._answer(path, 200 if path in known else 404, known[path]() if path in known else {})

        def do_POST(self) -> None:
            path, _ = self._asked()
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, content = provider.redeem(_flat(form), self.headers.get("Authorization", ""))
            self._answer(path, status, content)

        def _asked(self) -> tuple[str, dict[str, str]]:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            provider.hold.wait(120)
            return parts.path, _flat(parts.query)

        def _answer(self, path: str, status: int, content: Mapping[str, Any]) -> None:
            status, body = provider.answers.get(path, (status, json.dumps(content).encode()))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for tests."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
