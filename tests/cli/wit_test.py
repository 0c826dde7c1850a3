# SPDX-License-Identifier: Apache-2.0
"""`weft wit`: bindings from WIT, and components from core modules."""

import json
import shutil
import subprocess

from wasm_bytes import CORE_PREAMBLE
from weft import WeftTest, main, weft


class WitTest(WeftTest):
    def test_bindgen_writes_three_files(self):
        wit = self.folder / "world.wit"
        wit.write_text("package a:b;\nworld small { export add: func(a: u32, b: u32) -> u32; }\n")
        outcome = weft("wit", "bindgen", wit, "--out-dir", self.folder / "gen")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(sorted(path.name for path in (self.folder / "gen").iterdir()), ["small.c", "small.h", "small_component_type.o"])

    def test_bindgen_explains_bad_wit(self):
        wit = self.folder / "world.wit"
        wit.write_text("package a:b;\nworld small { export }\n")
        self.assert_error(weft("wit", "bindgen", wit), 4)
        self.assert_error(weft("wit", "bindgen", self.folder / "none.wit"), 3, "none.wit")
        self.assert_error(weft("wit", "new", wit, "--wit", self.folder / "none.wit"), 3, "none.wit")
        self.assert_error(weft("wit", "bindgen", wit, "--out-dir", "/proc/none"), 3, "/proc/none")

    def test_answers_programs(self):
        wit = self.folder / "world.wit"
        wit.write_text("package a:b;\nworld small { export add: func(a: u32, b: u32) -> u32; }\n")
        outcome = weft("wit", "bindgen", wit, "--out-dir", self.folder / "gen", "--output", "json")
        self.assertEqual((outcome.code, json.loads(outcome.out)), (0, {"out_dir": str(self.folder / "gen")}), outcome)
        core = self.folder / "core.wasm"
        core.write_bytes(CORE_PREAMBLE)
        wit.write_text("package a:b;\nworld nothing {}\n")
        outcome = weft("wit", "new", core, "--wit", wit, "--output", "json")
        file = self.folder / "core.component.wasm"
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(json.loads(outcome.out), {"file": str(file), "size_bytes": file.stat().st_size})

    def test_new_refuses_what_is_no_module(self):
        path = self.folder / "x.wasm"
        path.write_bytes(b"nonsense")
        self.assert_error(weft("wit", "new", path), 4)
        self.assert_error(weft("wit", "new", self.folder / "none.wasm"), 3, "none.wasm")
        self.assertFalse((self.folder / "x.component.wasm").exists())

    def test_a_guest_from_source_to_call(self):
        if shutil.which("clang-19") is None or shutil.which("wasm-ld-19") is None:
            self.skipTest("needs clang-19 and lld-19")
        wit = self.folder / "world.wit"
        wit.write_text("package a:b;\nworld small { export add: func(a: u32, b: u32) -> u32; }\n")
        self.assertEqual(weft("wit", "bindgen", wit, "--out-dir", self.folder).code, 0)
        (self.folder / "guest.c").write_text('#include "small.h"\nuint32_t exports_small_add(uint32_t a, uint32_t b) { return a + b; }\n')
        subprocess.run(["clang-19", "--target=wasm32-wasi", "-mexec-model=reactor", "-O1", "-o", "core.wasm", "guest.c", "small.c",
                        "small_component_type.o"], cwd=self.folder, check=True)
        outcome = weft("wit", "new", self.folder / "core.wasm", "--out", self.folder / "add.wasm")
        self.assertEqual(outcome.code, 0, outcome)
        outcome = weft("call", self.folder / "add.wasm", "add", "40", "2", "--no-cache")
        self.assertEqual((outcome.code, outcome.out), (0, "42\n"), outcome)
        outcome = weft("call", self.folder / "add.wasm", "add", "40", "2", "--no-cache", "--json", "-o", "json", "--stats")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn('"result":42', outcome.out)
        self.assert_error(weft("call", self.folder / "add.wasm", "add", "40", "--no-cache"), 2, "add")
        self.assert_error(weft("call", self.folder / "add.wasm", "add", "40", "x", "--no-cache"), 2, "x")


if __name__ == "__main__":
    main()
