# SPDX-License-Identifier: Apache-2.0
"""Provider processes that fail in every way there is, and a host that is killed under them: the host serves on, restarts what ended, and leaves nothing
behind."""

import os
import pathlib
import signal
import time

from daemon import CACHE, main, wait_for
from provider_test_case import ProviderProcessTest, is_alive
from weft import weft


class FaultsTest(ProviderProcessTest):
    def log_has(self, *words):
        return all(word in self.daemon.err for word in words)

    def assert_serves(self):
        """The host itself is well."""
        began = time.monotonic()
        self.assertEqual(self.control.question("status")["id"], self.daemon.id)
        self.assertLess(time.monotonic() - began, 5)

    # ---- it ends ----

    def test_one_that_is_killed_is_started_again_with_the_same_key(self):
        self.up()
        self.run_provider(self.program())
        self.put_link("cart", "kv")
        first = self.note("start")
        os.kill(first["pid"], signal.SIGKILL)
        second = self.note("start", 2)
        self.assertEqual(second["key"], first["key"])
        self.assertNotEqual(second["data"]["instance_id"], first["data"]["instance_id"])
        self.assertEqual([link["source_id"] for link in second["data"]["link_definitions"]], ["cart"], "what has come meanwhile")
        wait_for(lambda: self.tree_of()["state"] == "ready", "it answers again")
        self.assertEqual(self.tree_of()["restarts"], 1)
        self.assertEqual([one["id"] for one in self.control.inventory()["providers"]], ["kv"])
        # At once the first time, then after a second, then after two: each a tenth more or less.
        os.kill(second["pid"], signal.SIGKILL)
        wait_for(lambda: self.tree_of()["state"] == "backing-off", "the pause")
        self.assertEqual([one["id"] for one in self.control.inventory()["providers"]], ["kv"], "it is still the host's")
        third = self.note("start", 3)
        os.kill(third["pid"], signal.SIGKILL)
        killed = time.monotonic()
        self.note("start", 4)
        self.assertGreater(time.monotonic() - killed, 1.7)
        self.assertTrue(self.log_has("was killed by signal SIGKILL; it is started again"), self.daemon.err[-3000:])
        self.down()

    def test_one_that_exits_at_once_says_why_and_is_tried_again(self):
        self.up()
        ended = self.control.outcome(self.begin(self.program(mode="exits")))
        self.assertEqual(ended["state"], "failed")
        self.assertIn("exited with status 3 before it answered", ended["message"])
        self.assertTrue(self.log_has("there is no such database"), self.daemon.err[-3000:])
        self.note("start", 3)
        self.assert_serves()
        self.stop_provider()
        self.assertEqual((self.running(), self.control.inventory()["providers"]), ([], []))
        self.run_provider(self.program("good"))  # the id is free
        self.down()

    def test_one_that_is_stopped_while_it_waits_for_its_next_turn(self):
        self.up()
        self.begin(self.program(mode="exits"))
        wait_for(lambda: self.tree_of()["state"] == "backing-off", "the pause")
        self.stop_provider()
        self.assertIsNone(self.tree_of())
        self.down()

    # ---- it does not do what it should ----

    def test_one_that_reads_nothing_holds_nobody_up(self):
        self.up()
        for number in range(4):
            self.control.do(f"config.put.big{number}", {f"k{number}": "x" * 500_000})
        accepted = self.begin(self.program(mode="deaf"), config=[f"big{number}" for number in range(4)])
        pid = self.note("deaf")["pid"]
        self.assert_serves()
        self.run_provider(self.program("good"), "good", config=[f"big{number}" for number in range(4)])
        self.assertEqual(sum(map(len, self.note("start", name="good")["data"]["config"].values())), 2_000_000)
        self.stop_provider()
        self.assertEqual(self.control.outcome(accepted)["state"], "failed", "whoever waited for it is told")
        self.assert_gone(pid)
        self.down()

    def test_one_that_never_answers_is_started_but_not_ready(self):
        self.up()
        accepted = self.begin(self.program(mode="mute"))
        self.note("start")
        self.assertEqual(self.tree_of()["state"], "started")
        self.assertEqual([one["id"] for one in self.control.inventory()["providers"]], ["kv"])
        running = next(one for one in self.control.question("ops") if one["id"] == accepted.operation)
        self.assertEqual(running["state"], "running")
        self.down()
        self.assertEqual(self.running(), [])

    def test_one_that_does_not_stop_is_killed(self):
        self.up()
        self.run_provider(self.program(mode="stubborn"))
        began = time.monotonic()
        self.stop_provider()
        self.assertLess(time.monotonic() - began, 5)
        self.note("shutdown")
        self.assertEqual(self.running(), [])
        self.down()

    def test_one_that_answers_twice_is_heard_once(self):
        self.up()
        nats = self.listen("wasmbus.evt.default.>")
        self.run_provider(self.program(mode="twice"))
        self.put_link("cart", "kv")
        self.note("put")
        wait_for(lambda: self.tree_of()["state"] == "ready", "it is well")
        self.assert_serves()
        self.assertEqual(self.tree_of()["restarts"], 0)
        self.stop_provider()
        told = []
        while not told or not told[-1].endswith("provider_stopped"):
            told.append(nats.next(20)[0])
        self.assertEqual([sum(subject.endswith(name) for subject in told) for name in ("provider_started", "provider_stopped")], [1, 1], told)
        self.assertEqual(len(self.notes("shutdown")), 1)
        self.assertEqual(self.running(), [])
        self.run_provider(self.program("good"))
        self.down()

    def test_one_that_floods_its_output_harms_nobody(self):
        self.up()
        self.run_provider(self.program("good"), "good")
        self.begin(self.program(lines=100_000_000))
        wait_for(lambda: self.log_has("lines of its output were dropped"), "the flood is told of")
        for _ in range(20):
            self.assert_serves()
        lines = sum(1 for line in self.daemon.log() if line.get("component") == "kv")
        self.assertLess(lines, 20_000)
        self.stop_provider()
        self.assertEqual(self.running(), [])
        self.assertTrue(is_alive(self.note("start", name="good")["pid"]))
        self.down()

    # ---- what it leaves behind ----

    def test_its_children_end_with_it(self):
        self.up()
        self.run_provider(self.program(forks=("group", "session")))
        first = [note["child"] for note in self.notes("child")]
        self.assertEqual(len(first), 2)
        os.kill(self.note("start")["pid"], signal.SIGKILL)
        self.note("start", 2)
        self.assertEqual([pid for pid in first if is_alive(pid)], [], "they ended before the next one began")
        wait_for(lambda: len(self.notes("child")) == 4, "its children")
        second = [note["child"] for note in self.notes("child")[2:]]
        self.stop_provider()
        self.assertEqual([pid for pid in second if is_alive(pid)], [], "they ended before the stop was done")
        self.down()

    def test_a_host_that_is_killed_leaves_no_process_to_the_next(self):
        self.up()
        self.run_provider(self.program(forks=("group", "session")))
        self.run_provider(self.program("other", forks=("session",)), "other")
        pid = self.note("start")["pid"]
        children = [note["child"] for name in ("provider", "other") for note in self.notes("child", name)]
        self.assertEqual(len(children), 3)
        self.daemon.kill()
        self.assert_gone(pid, self.note("start", name="other")["pid"])  # the kernel sees to it
        (self.folder / "other").unlink()  # this one cannot come back, and its child goes all the same
        self.up()
        second = self.note("start", 2)
        self.assertEqual([child for child in children if is_alive(child)], [])
        self.assertEqual(self.running(), [second["pid"]])
        self.assertEqual(second["data"]["instance_id"] == self.note("start")["data"]["instance_id"], False)
        self.down()

    def test_a_host_that_is_killed_again_and_again_has_one_of_each(self):
        self.up()
        self.run_provider(self.program(forks=("session",)))
        for round_ in range(5):
            self.daemon.kill()
            self.up()
            latest = self.note("start", round_ + 2)
            wait_for(lambda pid=latest["pid"]: self.running() == [pid], "one process")
        wait_for(lambda: len(self.notes("child")) == 6, "its children")
        children = [note["child"] for note in self.notes("child") if is_alive(note["child"])]
        self.assertEqual(len(children), 1)
        self.down()
        self.assert_gone(*children)


class LimitsTest(ProviderProcessTest):
    def cgroup(self):
        """A group of our own below this process's, with the controllers that limits need; skips the test, visibly, where there is none."""
        mount = pathlib.Path("/sys/fs/cgroup")
        controllers = mount / "cgroup.subtree_control"
        if not controllers.exists() or not {"memory", "pids"} <= set(controllers.read_text().split()):
            self.skipTest("there is no cgroup v2 here with the controllers memory and pids")
        group = mount / f"weft-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError as error:
            self.skipTest(f"no cgroup can be made here: {error}")
        self.addCleanup(group.rmdir)
        return "/" + group.name

    def test_one_that_eats_memory_ends_and_nobody_else(self):
        group = self.cgroup()
        self.up("--provider-cgroup", group, "--provider-memory", "64MiB")
        self.run_provider(self.program())
        self.begin(self.program("eater", eats=256 << 20), "eater")
        self.note("start", 2, name="eater")
        self.assertEqual(self.note("start")["pid"], self.running()[0])
        self.down()

    def test_one_that_forks_without_end_reaches_its_limit(self):
        group = self.cgroup()
        self.up("--provider-cgroup", group, "--provider-processes", "20")
        self.run_provider(self.program(forks=("session",) * 50))
        self.assertLess(len(self.notes("child")), 20)
        self.down()

    def test_a_limit_that_cannot_be_set_is_refused(self):
        shown = weft("up", "--data-dir", self.folder / "data", "--cache-dir", CACHE, "--nats", self.server.url, "--provider-memory", "64MiB",
                     "--provider-cgroup", "/weft/there/is/no/such/group")
        self.assertNotEqual(shown.code, 0, shown)
        self.assertRegex(shown.err, "no controller 'memory'")
        self.assertRegex(shown.err, "cgroup v2")

    def test_limits_that_are_none_are_refused(self):
        for words in (("--provider-memory", "0"), ("--provider-cpus", "0"), ("--provider-processes", "many"), ("--provider-cpus", "half")):
            shown = weft("up", "--data-dir", self.folder / "data", "--cache-dir", CACHE, "--nats", self.server.url, *words)
            self.assertNotEqual(shown.code, 0, words)
            self.assertIn("error:", shown.err, words)


if __name__ == "__main__":
    main()
