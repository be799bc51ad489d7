"""A connection to PostgreSQL on which the answer to a commit can be lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from sqlalchemy.engine import make_url

_COMMIT = b"COMMIT\x00"


class LossyServer:
    """Passes bytes on between clients and a PostgreSQL server.

    Args:
        loses: loses the answers to commits: the server gives each, and the client sees its connection end.
        refuses: refuses connections once one was lost.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self.loses = self.refuses = False
        self.lost = 0
        self._server = server
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Loses all connections."""
        self.lost += len(self._clients)
        for client in self._clients:
            client.shutdown(socket.SHUT_RDWR)
        self._clients.clear()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuses and self.lost:
                    client.close()
                else:
                    Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.append(client)
        with client, socket.create_connection(self._server) as server:
            Thread(target=_pass_on, args=(server, client), daemon=True).start()
            with suppress(OSError):
                while request := client.recv(65536):
                    if self.loses and request.endswith(_COMMIT):
                        self._lose(request, client, server)
                        return
                    server.sendall(request)
            # To close it is not enough while a thread reads from it: the server would keep the transaction open.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def _lose(self, request: bytes, client: socket.socket, server: socket.socket) -> None:
        client.shutdown(socket.SHUT_WR)
        self.lost += 1
        server.sendall(request)
        # The thread that reads answers finds nobody to pass them on to: the server has committed when it closes.
        server.shutdown(socket.SHUT_WR)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while answer := source.recv(65536):
            target.sendall(answer)


@contextmanager
def lossy(database_url: str) -> Iterator[tuple[LossyServer, str]]:
    """The server in the middle, and the URL that goes through it."""
    url = make_url(database_url)
    server = LossyServer((url.host or "127.0.0.1", url.port or 5432))
    try:
        through = url.set(host="127.0.0.1", port=server.port)
        yield server, through.render_as_string(hide_password=False)
    finally:
        server.close()
