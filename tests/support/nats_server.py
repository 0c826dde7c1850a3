# SPDX-License-Identifier: Apache-2.0
"""A NATS server for one test, and a wire to it that can be cut without either side noticing, or be slow."""

import collections
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from weft import wait_for


def find_server():
    # Debian has it in sbin, which is not on everybody's PATH.
    named = os.environ.get("WEFT_NATS_SERVER") or "nats-server"
    found = shutil.which(named, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise unittest.SkipTest("there is no nats-server here; install it, or name one with WEFT_NATS_SERVER")
    return found


class NatsServer:
    """With JetStream, its data in `folder`. `settings` is more of its configuration file, `jetstream` more of that block."""

    def __init__(self, folder, port, settings="", jetstream=""):
        self.port = port
        self.program = find_server()
        file = folder.with_suffix(".conf")
        file.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{\n  store_dir: "{folder}"\n  {jetstream}\n}}\n{settings}\n')
        self._words = [self.program, "-c", str(file)]
        self.start()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, "nats-server")

    def _listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Wire:
    """Carries connections to a port. While it is cut it takes bytes and new connections and gives nothing on, as a network does that drops packets. While it
    is slow every byte comes `delay` seconds later, and no more than `rate` bytes a second."""

    CHUNK = 65536

    def __init__(self, to_port):
        self._to = to_port
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._delay, self._rate = 0.0, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def cut(self):
        self._cut.set()

    def heal(self):
        self._delay, self._rate = 0.0, None
        self._cut.clear()

    def slow(self, delay, rate):
        self._delay, self._rate = delay, rate

    def _wait_until_whole(self):
        while self._cut.is_set() and not self._ended.is_set():
            self._ended.wait(0.01)

    def _accept(self):
        while not self._ended.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                thread = threading.Thread(target=self._carry, args=(self._listener.accept()[0],), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, client):
        self._wait_until_whole()
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to)) as server:
            ways = {client: Way(server), server: Way(client)}
            while not self._ended.is_set():
                pause = min((way.wait() for way in ways.values()), default=0.05)
                for ready in select.select([end for end, way in ways.items() if way.has_room()], [], [], min(pause, 0.05))[0]:
                    self._wait_until_whole()
                    data = ready.recv(self.CHUNK)
                    if not data:
                        return
                    ways[ready].put(data, self._delay, self._rate)
                self._wait_until_whole()
                for way in ways.values():
                    way.give()

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()


class Way:
    """One direction of a connection: bytes on their way, each piece with the time at which it arrives."""

    MOST = 1 << 20

    def __init__(self, to):
        self._to = to
        self._pieces = collections.deque()
        self._length = 0
        self._free_at = 0.0

    def has_room(self):
        return self._length < self.MOST

    def put(self, data, delay, rate):
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + (len(data) / rate if rate else 0.0)
        self._pieces.append((self._free_at + delay, data))
        self._length += len(data)

    def wait(self):
        return max(0.0, self._pieces[0][0] - time.monotonic()) if self._pieces else 0.05

    def give(self):
        while self._pieces and self._pieces[0][0] <= time.monotonic():
            _, data = self._pieces.popleft()
            self._length -= len(data)
            self._to.sendall(data)
