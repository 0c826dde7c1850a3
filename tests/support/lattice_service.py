# SPDX-License-Identifier: Apache-2.0
"""A service of a lattice that answers on subjects of a NATS server, in a thread of its own."""

import threading

from wrpc import Nats


class Service:
    """`answer(message)` gives the body of the answer and its headers, or None to say nothing."""

    def __init__(self, test, port, subject):
        self.nats = Nats(port)
        self.asked = []
        self.nats.subscribe(subject)
        self.nats.flush()
        self._open = True
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        test.addCleanup(self.close)

    def answer(self, message):
        raise NotImplementedError

    def _serve(self):
        while self._open:
            try:
                message = self.nats.next(timeout=0.05)
            except OSError:
                return  # its server has gone
            if message is None:
                continue
            self.asked.append(message)
            answer = self.answer(message)
            if answer is not None:
                body, headers = answer
                self.nats.publish(message.reply, body, headers=headers)

    def close(self):
        if self._open:
            self._open = False
            self._thread.join()
            self.nats.close()
