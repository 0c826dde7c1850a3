# SPDX-License-Identifier: Apache-2.0
"""`weft call`: functions of a component with WAVE and JSON values."""

import json

from wasm_bytes import ANSWER_42, SPIN, TRAP, component_exporting
from weft import WeftTest, app, main, weft

ECHO = "weft:values/echo"

# Function, argument in WAVE, the same in JSON.
VALUES = (
    ("echo-bool", "true", "true"),
    ("echo-u8", "255", "255"),
    ("echo-s8", "-128", "-128"),
    ("echo-s32", "-2147483648", "-2147483648"),
    ("echo-f64", "0.1", "0.1"),
    ("echo-char", "'\u00e4'", '"\u00e4"'),
    ("echo-string", '"a \\"quoted\\" \u20ac"', '"a \\"quoted\\" \u20ac"'),
    ("echo-list-u8", "[1, 2, 3]", "[1,2,3]"),
    ("echo-list-string", "[]", "[]"),
    ("echo-list-list-string", '[["a"], [], ["b", "c"]]', '[["a"],[],["b","c"]]'),
    ("echo-point", "{x: -1, y: 2}", '{"x":-1,"y":2}'),
    ("echo-tuple3", '(1, "b", 2.5)', '[1,"b",2.5]'),
    ("echo-color", "ultra-violet", '"ultra-violet"'),
    ("echo-rights", "{read, execute}", '["read","execute"]'),
    ("echo-option-u8", "none", "null"),
    ("echo-option-u8", "some(7)", "7"),
)


class CallTest(WeftTest):
    def call(self, function, *arguments, options=()):
        return weft("call", app("values-callee"), f"{ECHO}#{function}", *options, "--", *arguments)

    def test_gives_back_wave(self):
        for function, wave, _ in VALUES:
            with self.subTest(function=function):
                outcome = self.call(function, wave)
                self.assertEqual((outcome.code, outcome.out), (0, wave + "\n"), outcome)

    def test_gives_back_json(self):
        for function, _, value in VALUES:
            with self.subTest(function=function):
                outcome = self.call(function, value, options=["--json"])
                self.assertEqual(outcome.code, 0, outcome)
                self.assertEqual(json.loads(outcome.out), json.loads(value), outcome)

    def test_for_programs(self):
        outcome = self.call("echo-point", '{"x":1,"y":2}', options=["--json", "--output", "json", "--stats"])
        answer = json.loads(outcome.out)
        self.assertEqual(answer["result"], {"x": 1, "y": 2})
        self.assertGreater(answer["stats"]["peak_memory_bytes"], 0)

    def test_no_answer_prints_nothing(self):
        outcome = self.call("nothing")
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome)

    def test_many_parameters(self):
        # Each parameter has its own weight, 1, 2, 3 ..., so that none may take the place of another.
        self.assertEqual(self.call("sum16", *["1"] * 16).out, "136\n")
        self.assertEqual(self.call("sum17", *["1"] * 17).out, "153\n")

    def test_a_long_argument(self):
        text = '"' + "x" * 100_000 + '"'
        self.assertEqual(self.call("echo-string", text).out, text + "\n")

    def test_a_function_that_is_not_there(self):
        self.assert_error(self.call("no-such-function"), 3, "no-such-function")
        self.assert_error(weft("call", app("values-callee"), "no:such/interface#function"), 3, "no:such/interface#function")

    def test_wrong_arguments(self):
        for function, arguments in (("echo-u8", ["256"]), ("echo-u8", ["-1"]), ("echo-u8", ["x"]), ("echo-u8", []), ("echo-u8", ["1", "2"]),
                                    ("echo-color", ["beige"]), ("echo-point", ["{x: 1}"]), ("echo-string", ['"open']), ("echo-char", ["'ab'"])):
            with self.subTest(function=function, arguments=arguments):
                self.assert_error(self.call(function, *arguments), 2)
        for value in ("{", "300", "null", "[1]", "1 2"):
            with self.subTest(json=value):
                self.assert_error(self.call("echo-u8", value, options=["--json"]), 2)

    def file(self, *parts, **more):
        path = self.folder / "x.wasm"
        path.write_bytes(component_exporting(*parts, **more))
        return path

    def test_the_only_version_of_an_interface_need_not_be_named(self):
        path = self.file(ANSWER_42, ["demo:maths/sums@1.2.0", "demo:maths/other@1.0.0"])
        for function in ("demo:maths/sums#f", "demo:maths/sums@1.2.0#f"):
            outcome = weft("call", path, function, "--no-cache")
            self.assertEqual((outcome.code, outcome.out), (0, "42\n"), outcome)
        for function in ("demo:maths/sum#f", "demo:maths/sums@2.0.0#f", "sums#f"):
            self.assert_error(weft("call", path, function, "--no-cache"), 3, function)

    def test_one_of_several_versions_must_be_named(self):
        path = self.file(ANSWER_42, ["demo:maths/sums@1.2.0", "demo:maths/sums@2.0.0"])
        self.assert_error(weft("call", path, "demo:maths/sums#f", "--no-cache"), 2, "demo:maths/sums@1.2.0#f, demo:maths/sums@2.0.0#f")
        self.assertEqual(weft("call", path, "demo:maths/sums@2.0.0#f", "--no-cache").out, "42\n")

    def test_a_function_of_the_world_itself(self):
        self.assertEqual(weft("call", self.file(ANSWER_42), "f", "--no-cache").out, "42\n")

    def test_a_trap_is_told_with_its_own_exit_code(self):
        self.assert_error(weft("call", self.file(TRAP), "f", "--no-cache"), 134, "trap", "unreachable")
        outcome = weft("call", self.file(TRAP), "f", "--no-cache", "-o", "json")
        error = json.loads(outcome.err)["error"]
        self.assertEqual((outcome.code, error["code"], error["exit_code"]), (134, "trap", 134), outcome)

    def test_an_error_shows_the_guests_stack_and_never_wefts(self):
        outcome = weft("call", self.file(TRAP), "f", "--no-cache", env={"RUST_BACKTRACE": "1"})
        self.assertIn("wasm backtrace", outcome.err)
        for words in (["call", self.file(TRAP), "f"], ["call", self.file(TRAP), "g"], ["run", app("values-caller")], ["inspect", "/dev/null"]):
            self.assertNotIn("weft_", weft(*words, env={"RUST_BACKTRACE": "1"}).err)

    def test_a_spinning_function_meets_the_deadline(self):
        self.assert_error(weft("call", self.file(SPIN), "f", "--no-cache", "--timeout", "200ms"), 124, "200 ms")

    def test_a_function_that_needs_more_memory_than_allowed(self):
        path = self.file(ANSWER_42, memory_pages=160)
        self.assertEqual(weft("call", path, "f", "--no-cache").out, "42\n")
        self.assert_error(weft("call", path, "f", "--no-cache", "--max-memory", "8MiB"), 134, "memory", "--max-memory")

    def test_a_function_that_exits_instead_of_returning(self):
        outcome = weft("call", app("cli-hello"), "wasi:cli/run#run")
        self.assert_error(outcome, 1, "exited with code 0", "weft run")

    def test_needs_a_function(self):
        self.assert_error(weft("call", app("values-callee")), 2, "FUNCTION")

    def test_an_import_that_nobody_provides_is_named(self):
        self.assert_error(weft("call", app("values-caller"), "weft:values/drive#run"), 5, "weft:values/echo")


if __name__ == "__main__":
    main()
