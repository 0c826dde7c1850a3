# SPDX-License-Identifier: Apache-2.0
"""`weft run` of command components: arguments, stdio, environment, folders, exit code."""

from weft import WeftTest, app, main, weft


class CommandTest(WeftTest):
    def test_prints_to_our_stdout_and_returns_its_code(self):
        outcome = weft("run", app("cli-hello"))
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("hello", outcome.out.lower())
        self.assertEqual(outcome.err, "")

    def test_passes_arguments_on(self):
        outcome = weft("run", app("cli-hello"), "one", "--", "--two", "-3", "[4]", "")
        self.assertEqual(outcome.code, 0, outcome)
        for word in ("one", "--two", "-3", "[4]"):
            self.assertIn(word, outcome.out)

    def test_options_of_a_server_are_refused(self):
        self.assert_error(weft("run", app("cli-hello"), "--listen", "8000"), 2, "--listen")

    def test_no_such_option_names_the_dashes(self):
        self.assert_error(weft("run", app("cli-hello"), "--frobnicate"), 2, "--frobnicate", "'--'")


if __name__ == "__main__":
    main()
