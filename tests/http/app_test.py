# SPDX-License-Identifier: Apache-2.0
"""One example component, named on the command line, does through weft what its kind says: answers HTTP, runs to its end, or can be inspected."""

import json
import sys

from http_client import fetch
from weft import Server, WeftTest, app, main, weft

APP = sys.argv.pop() if len(sys.argv) == 2 else "hello-c"
# What their answers must contain.
GREETINGS = {"hello-c": "hello", "hello-cpp": "hello", "hello-rust": "hello", "hello-python": "hello", "hello-js": "hello"}


class AppTest(WeftTest):
    def test_it_does_its_work(self):
        path = app(APP)
        inspected = weft("inspect", path, "--output", "json")
        self.assertEqual(inspected.code, 0, inspected)
        kind = json.loads(inspected.out)["kind"]
        {"http": self.answers, "command": self.runs, "library": self.compiles}[kind](path)

    def answers(self, path):
        # The interpreters of Python and JavaScript need more memory than a C program.
        with Server(path, "--max-memory", "512MiB") as server:
            for _ in range(3):
                answer = fetch(server, "/", "POST" if APP == "echo" else "GET", body=b"hello" if APP == "echo" else None)
                self.assertTrue(answer is not None and answer.complete, f"{answer}\n{server.err}")
                self.assertEqual(answer.status, 200, f"{answer}\n{server.err}")
                self.assertIn(GREETINGS.get(APP, ""), answer.text.lower())
            self.assertEqual(server.stop(), 0, server.err)

    def runs(self, path):
        outcome = weft("run", path, "--max-memory", "512MiB")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertTrue(outcome.out, outcome)

    def compiles(self, path):
        outcome = weft("compile", path)
        self.assertEqual(outcome.code, 0, outcome)


if __name__ == "__main__":
    main()
