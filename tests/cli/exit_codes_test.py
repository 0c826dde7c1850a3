# SPDX-License-Identifier: Apache-2.0
"""Each exit code that the help lists: documented, and returned by a command of its kind."""

import json
import signal
import subprocess

from wasm_bytes import ANSWER_42, COMPONENT_PREAMBLE, SPIN, TRAP, component_exporting, component_importing
from weft import BINARY, DEADLINE, ROOT, WeftTest, app, main, weft

BYTES_ABOVE_THE_LIMIT = (1 << 30) + 1


class ExitCodesTest(WeftTest):
    def file(self, content):
        path = self.folder / "x.wasm"
        path.write_bytes(content)
        return path

    def huge_file(self):
        path = self.file(COMPONENT_PREAMBLE)
        with open(path, "r+b") as file:
            file.truncate(BYTES_ABOVE_THE_LIMIT)
        return path

    def returned(self, number):
        """What a command of this kind returned."""
        return {
            "0": lambda: weft("call", self.file(component_exporting(ANSWER_42)), "f", "--no-cache"),
            "1": lambda: weft("call", app("cli-hello"), "wasi:cli/run#run"),
            "2": lambda: weft("run", "--frobnicate"),
            "3": lambda: weft("inspect", self.folder / "none.wasm"),
            "4": lambda: weft("run", self.file(COMPONENT_PREAMBLE)),
            "5": lambda: weft("call", self.file(component_importing("acme:rockets/launch@1.0.0")), "f", "--no-cache"),
            "6": lambda: weft("inspect", self.huge_file()),
            "124": lambda: weft("call", self.file(component_exporting(SPIN)), "f", "--no-cache", "--timeout", "100ms"),
            "134": lambda: weft("call", self.file(component_exporting(TRAP)), "f", "--no-cache"),
        }[number]()

    def test_each_is_documented_and_returned(self):
        documentation = (ROOT / "docs/cli.md").read_text()
        lines = json.loads(weft("help", "--output", "json").out)["exit_codes"]
        self.assertGreater(len(lines), 8)
        for line in lines:
            with self.subTest(line=line):
                self.assertIn(f"| {line['code']} | {line['meaning']} |\n", documentation)
                if line["code"] == "128+N":
                    continue  # the test below
                outcome = self.returned(line["code"])
                self.assertEqual(outcome.code, int(line["code"]), outcome)
                if outcome.code != 0:
                    self.assert_error(outcome, outcome.code)

    def test_a_signal_gives_128_and_its_number(self):
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signum=signum), subprocess.Popen([BINARY, "run", app("cli-hello")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                               stderr=subprocess.PIPE, text=True) as process:
                try:
                    self.assertEqual(process.stdout.readline(), "hello from a command\n")
                    process.send_signal(signum)  # while it waits for what is typed
                    self.assertEqual(process.wait(DEADLINE), 128 + signum)
                finally:
                    process.kill()

    def test_a_command_returns_the_components_own(self):
        for code in (0, 1, 6, 124, 134, 255):
            self.assertEqual(weft("run", app("cli-hello"), str(code)).code, code)


if __name__ == "__main__":
    main()
