# SPDX-License-Identifier: Apache-2.0
"""`weft run` of command components: arguments, stdio, environment, folders, exit code."""

from weft import WeftTest, app, main, weft


class CommandTest(WeftTest):
    def test_has_our_stdin_stdout_and_stderr(self):
        outcome = weft("run", app("cli-hello"), stdin="what was typed\n")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertTrue(outcome.out.startswith("hello from a command\n"), outcome)
        self.assertIn("what was typed\n", outcome.out)
        self.assertEqual(outcome.err, "goodbye\n")

    def test_returns_its_exit_code(self):
        for code in (0, 1, 7, 255):
            self.assertEqual(weft("run", app("cli-hello"), str(code)).code, code)

    def test_passes_arguments_on(self):
        outcome = weft("run", app("cli-hello"), "0", "one", "--", "--two", "-3", "[4]", "")
        self.assertEqual(outcome.code, 0, outcome)
        for line in ("argument 1: 0", "argument 2: one", "argument 3: --two", "argument 4: -3", "argument 5: [4]", "argument 6: "):
            self.assertIn(line + "\n", outcome.out)

    def test_its_environment_is_what_was_granted(self):
        outcome = weft("run", app("cli-hello"), "--env", "A=1", "-e", "B", env={"B": "two", "SECRET": "x"})
        self.assertEqual([line for line in outcome.out.splitlines() if line.startswith("environment")],
                         ["environment: A=1", "environment: B=two"], outcome)

    def test_its_output_can_be_logged_or_discarded(self):
        logged = weft("run", app("cli-hello"), "--stdio", "log", "--id", "me")
        self.assertEqual(logged.out, "")
        self.assertRegex(logged.err, r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info \[me\] hello from a command$")
        discarded = weft("run", app("cli-hello"), "--stdio", "discard")
        self.assertEqual((discarded.code, discarded.out, discarded.err), (0, "", ""))

    def test_options_of_a_server_are_refused(self):
        self.assert_error(weft("run", app("cli-hello"), "--listen", "8000"), 2, "--listen")

    def test_an_unknown_option_is_explained(self):
        self.assert_error(weft("run", app("cli-hello"), "--frobnicate"), 2, "--frobnicate", "'--'")


class FoldersTest(WeftTest):
    def setUp(self):
        super().setUp()
        (self.folder / "in.txt").write_text("from outside\n")

    def run_with(self, grants, *words):
        return weft("run", app("cli-hello"), *grants, "--", *words)

    def test_nothing_is_seen_without_a_grant(self):
        outcome = self.run_with([], "--read", str(self.folder / "in.txt"))
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertNotIn("from outside", outcome.out)

    def test_a_folder_is_read_under_its_own_path_or_another(self):
        outcome = self.run_with(["--dir", self.folder], "--read", str(self.folder / "in.txt"))
        self.assertEqual((outcome.code, outcome.out), (0, "from outside\n"), outcome)
        outcome = self.run_with(["--dir", f"{self.folder}::/data"], "--read", "/data/in.txt")
        self.assertEqual((outcome.code, outcome.out), (0, "from outside\n"), outcome)
        outcome = self.run_with(["--dir", f"{self.folder}::/data"], "--list", "/data")
        self.assertEqual((outcome.code, outcome.out), (0, "in.txt\n"), outcome)

    def test_writing_needs_rw(self):
        outcome = self.run_with(["--dir", f"{self.folder}::/data"], "--write", "/data/out.txt", "text")
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertFalse((self.folder / "out.txt").exists())
        outcome = self.run_with(["--dir", f"{self.folder}::/data:rw"], "--write", "/data/out.txt", "text")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual((self.folder / "out.txt").read_text(), "text")

    def test_there_is_no_way_out_of_a_folder(self):
        inner = self.folder / "inner"
        inner.mkdir()
        (inner / "link").symlink_to(self.folder / "in.txt")
        for path in ("/data/../in.txt", "/data/link"):
            outcome = self.run_with(["--dir", f"{inner}::/data"], "--read", path)
            self.assertNotEqual(outcome.code, 0, outcome)
            self.assertNotIn("from outside", outcome.out)

    def test_a_folder_that_is_not_there(self):
        self.assert_error(self.run_with(["--dir", self.folder / "none"], "--list", "/"), 3, "none")


if __name__ == "__main__":
    main()
