# SPDX-License-Identifier: Apache-2.0
"""The embedding example: a C++ program of a dozen lines that serves a component, or calls it."""

import os
import pathlib
import subprocess
import urllib.request

from weft import BUILD, DEADLINE, ROOT, WeftTest, app, main

EMBED = pathlib.Path(os.environ.get("WEFT_EMBED", BUILD / "bin/embed"))


class EmbedTest(WeftTest):
    def test_serves_until_its_input_ends(self):
        with subprocess.Popen([EMBED, app("hello-c")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                url = process.stdout.readline().strip()
                with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                    self.assertEqual(answer.read(), b"hello from C\n")
                _, err = process.communicate(timeout=DEADLINE)
            finally:
                process.kill()
        self.assertEqual((process.returncode, err), (0, ""))

    def test_calls_a_function(self):
        outcome = subprocess.run([EMBED, app("values-callee"), "weft:values/echo#echo-point", "{x: 1, y: -2}"], capture_output=True, text=True,
                                 timeout=DEADLINE, check=False)
        self.assertEqual((outcome.returncode, outcome.stdout, outcome.stderr), (0, "{x: 1, y: -2}\n", ""))

    def test_says_what_is_wrong(self):
        outcome = subprocess.run([EMBED, str(self.folder / "none.wasm")], capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("none.wasm", outcome.stderr)

    def test_main_is_short(self):
        """The promise of the public header: under 15 lines to create a host, load a component, and serve or call it."""
        source = (ROOT / "apps/embed/main.cpp").read_text()
        body = source[source.index("weft::Result<void> run("):source.index("int main(")].strip().splitlines()
        self.assertLess(len(body), 15)
        for word in ("Host::create", "load(", "->serve(", "->call("):
            self.assertIn(word, source)


if __name__ == "__main__":
    main()
