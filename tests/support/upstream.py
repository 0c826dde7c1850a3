# SPDX-License-Identifier: Apache-2.0
"""A server that a guest's requests reach: each connection is the test's to play."""

import contextlib
import socket
import ssl
import threading


class Upstream:
    """Calls `serve(connection)` in a thread for each connection, over TLS if it has a context. `received` is all that came, of all connections."""

    def __init__(self, serve, tls=None):
        self.serve, self.tls = serve, tls
        self.received = bytearray()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._run, args=(plain,))
            self._threads.append(thread)
            thread.start()

    def _run(self, plain):
        with contextlib.suppress(OSError, ssl.SSLError), plain:
            plain.settimeout(30)
            connection = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            with connection:
                self._open.add(connection)
                self.serve(Peer(self, connection))
                self._open.discard(connection)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Peer:
    def __init__(self, upstream, connection):
        self.upstream, self.connection = upstream, connection
        self.rest = b""

    def more(self):
        data = self.connection.recv(65536)
        self.upstream.received += data
        self.rest += data
        return bool(data)

    def head(self):
        """Until the end of a request's head; False: it never came."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return False
        _, _, self.rest = self.rest.partition(b"\r\n\r\n")
        return True

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))


def answering(text):
    """Serves this to every request."""

    def serve(peer):
        while peer.head():
            peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}")

    return serve
