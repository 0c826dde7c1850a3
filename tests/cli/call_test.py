# SPDX-License-Identifier: Apache-2.0
"""`weft call`: functions of a component with WAVE and JSON values."""

import json

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

    def test_needs_a_function(self):
        self.assert_error(weft("call", app("values-callee")), 2, "FUNCTION")

    def test_an_import_that_nobody_provides_is_named(self):
        self.assert_error(weft("call", app("values-caller"), "weft:values/drive#run"), 5, "weft:values/echo")


if __name__ == "__main__":
    main()
