# SPDX-License-Identifier: Apache-2.0
"""The layer check itself: it must see what it is there to see."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "scripts/check_layers.py"


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src").mkdir()
        (root / "include").mkdir()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout


class CheckLayersTest(unittest.TestCase):
    def test_allows_the_layer_below(self):
        status, _ = check({"src/web/server.cpp": '#include "async/shard.hpp"\n#include <boost/beast/http.hpp>\n'})
        self.assertEqual(status, 0)

    def test_refuses_the_layer_above_and_names_the_line(self):
        status, output = check({"src/base/clock.hpp": '#pragma once\n#include "async/shard.hpp"\n'})
        self.assertEqual(status, 1)
        self.assertIn("src/base/clock.hpp:2", output)

    def test_refuses_a_sibling(self):
        status, _ = check({"src/web/server.cpp": '#include "engine/engine.hpp"\n'})
        self.assertEqual(status, 1)

    def test_keeps_the_engine_header_in_engine(self):
        self.assertEqual(check({"src/engine/engine.cpp": '#include "weft_engine.h"\n'})[0], 0)
        self.assertEqual(check({"src/host/host.cpp": '#include "weft_engine.h"\n'})[0], 1)

    def test_keeps_beast_in_web(self):
        self.assertEqual(check({"src/host/host.cpp": "#include <boost/beast/core.hpp>\n"})[0], 1)

    def test_installed_headers_stand_on_the_standard_library(self):
        self.assertEqual(check({"include/weft/host.hpp": "#include <boost/asio.hpp>\n"})[0], 1)
        self.assertEqual(check({"include/weft/host.hpp": "#include <weft/error.hpp>\n#include <string>\n"})[0], 0)

    def test_refuses_a_folder_that_is_not_in_the_table(self):
        self.assertEqual(check({"src/misc/util.cpp": "\n"})[0], 1)


if __name__ == "__main__":
    unittest.main()
