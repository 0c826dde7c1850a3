# SPDX-License-Identifier: Apache-2.0
"""One example component, named on the command line, does through weft what its kind says: answers HTTP, runs to its end, or can be inspected."""

import json
import sys

from http_client import fetch
from weft import Server, WeftTest, app, main, weft

APP = sys.argv.pop() if len(sys.argv) == 2 else "hello-c"
STATUS = {"proxy": 400}  # where it is not 200
# What is sent to those that serve, and what their answers begin with.
ANSWERS = {
    "proxy": (None, "say ?url="),
    "hello-c": (None, "hello from C\n"),
    "hello-cpp": (None, "hello from C++\n"),
    "hello-rust": (None, "hello from Rust\n"),
    "hello-python": (None, "hello from Python\n"),
    "hello-js": (None, "hello from JavaScript\n"),
    "echo": (b"sent and given back", "sent and given back"),
    "misbehave": (None, "/spin\n"),
}
# A function of those that are libraries, with arguments and answer.
CALLS = {"values-callee": ("weft:values/echo#echo-list-string", '["a", "b"]', '["a", "b"]\n')}
# Arguments of those that are commands, with exit code and how their output begins and ends.
RUNS = {"cli-hello": (["3"], 3, "hello from a command\n", "typed\n"), "probe": (["env"], 0, "A=b\n", "A=b\n")}
# Those that answer only where their imports are linked, which other tests do; here they are refused by name.
REFUSED = {"values-caller": "weft:values/echo", "relay": "weft:relay/relay", "relay-http": "weft:relay/relay", "hits": "wasi:keyvalue/atomics",
           "kv-pump": "wasi:keyvalue/store", "objects": "wasi:blobstore/", "messages": "wasmcloud:messaging/consumer", "topics": "wasmcloud:messaging/", "streams-caller": "weft:streams/", "config-probe": "wasi:config/", "secret-probe": "wasmcloud:secrets/"}

# A function that only a component can call.
STREAMED = {"streams-callee": "weft:streams/pipes#echo"}


class AppTest(WeftTest):
    def test_it_does_its_work(self):
        path = app(APP)
        inspected = weft("inspect", path, "--output", "json")
        self.assertEqual(inspected.code, 0, inspected)
        kind = json.loads(inspected.out)["kind"]
        if APP in REFUSED:
            self.assert_error(weft("run" if kind == "http" else "call", path, *([] if kind == "http" else ["f"])), 5, REFUSED[APP])
            return
        if APP in STREAMED:
            self.assert_error(weft("call", path, STREAMED[APP], "none"), 2, "has streams or futures")
            return
        {"http": self.answers, "command": self.runs, "library": self.is_called}[kind](path)

    def answers(self, path):
        # The interpreters of Python and JavaScript need more memory than a C program.
        with Server(path, "--max-memory", "512MiB") as server:
            body, beginning = ANSWERS[APP]
            for _ in range(3):
                answer = fetch(server, "/", "GET" if body is None else "POST", body=body)
                self.assertTrue(answer is not None and answer.complete, f"{answer}\n{server.err}")
                self.assertEqual(answer.status, STATUS.get(APP, 200), f"{answer}\n{server.err}")
                self.assertTrue(answer.text.startswith(beginning), answer)
            self.assertEqual(server.stop(), 0, server.err)

    def runs(self, path):
        arguments, code, beginning, end = RUNS[APP]
        outcome = weft("run", "--env", "A=b", path, *arguments, stdin="typed\n")
        self.assertEqual(outcome.code, code, outcome)
        self.assertTrue(outcome.out.startswith(beginning) and outcome.out.endswith(end), outcome)

    def is_called(self, path):
        function, argument, answer = CALLS[APP]
        outcome = weft("call", path, function, argument)
        self.assertEqual((outcome.code, outcome.out), (0, answer), outcome)


if __name__ == "__main__":
    main()
