# SPDX-License-Identifier: Apache-2.0
"""A state file that cannot be read, and a disk that takes no more, as those meet them who run the daemon."""

import hashlib
import resource
import signal

from control import link
from daemon import CACHE, DaemonTest, main
from weft import weft

MORE = 3000  # the number of what is written once there is room again


def contents(folder):
    """Name and content of every file that has some (SQLite may leave an empty log); sockets and folders by name alone."""
    files = [file for file in sorted(folder.rglob("*")) if not file.is_file() or file.stat().st_size > 0]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "" for file in files}


class DamagedStateTest(DaemonTest):
    APPS = ("hello-c",)

    def setUp(self):
        super().setUp()
        self.up()
        self.start_hello()
        for number in range(100):
            self.control.do(f"config.put.c{number}", {"text": "x" * 500})
        self.down()
        self.state = self.daemon.data_dir / "state.db"
        self.whole = self.state.read_bytes()

    def is_refused(self, *words):
        before = contents(self.daemon.data_dir)
        outcome = weft("up", "--data-dir", self.daemon.data_dir, "--cache-dir", CACHE)
        self.assertEqual(outcome.code, 4, outcome)
        self.assert_error(outcome, outcome.code, str(self.state), *words)
        self.assertEqual(contents(self.daemon.data_dir), before, "a refused start has changed something")

    def test_what_is_no_database_is_refused(self):
        self.state.write_bytes(b"this was a state file once\n" * 500)
        self.is_refused("--data-dir")

    def test_damaged_pages_are_refused(self):
        self.state.write_bytes(self.whole[:8192] + b"\x5a" * (len(self.whole) - 8192))
        self.is_refused("--data-dir")

    def test_a_cut_file_is_refused(self):
        self.state.write_bytes(self.whole[:len(self.whole) // 2])
        self.is_refused("--data-dir")

    def test_the_file_of_a_newer_weft_is_refused(self):
        self.state.write_bytes(self.whole[:60] + b"\0\0\0\x09" + self.whole[64:])
        self.is_refused("newer weft")

    def test_a_folder_that_another_daemon_has_is_refused(self):
        self.up()
        outcome = weft("up", "--data-dir", self.daemon.data_dir, "--cache-dir", CACHE)
        self.assert_error(outcome, 1, str(self.state))
        self.assertTrue(self.serves("/", "hello from C\n"))
        self.assertTrue(self.control.command("host.ping").success)
        self.down()

    def test_the_way_out_leads_out(self):
        self.state.write_bytes(b"\0" * len(self.whole))
        self.is_refused("--data-dir")
        self.state.rename(self.state.with_suffix(".broken"))
        self.up()
        self.assertEqual(self.control.inventory()["components"], [])
        self.down()
        self.state.write_bytes(self.whole)
        self.up()
        self.assertTrue(self.serves("/", "hello from C\n"), "what was repaired serves again")
        self.down()


class FullDiskTest(DaemonTest):
    """No file of the daemon may grow past a limit, which is what a full disk is to it; raising the limit makes room."""

    APPS = ("hello-c", "hello-cpp")
    KINDS = ("config", "link", "component", "provider")

    def setUp(self):
        super().setUp()
        self.up(preexec_fn=self.ignore_signal)
        self.start_hello()
        self.start("k0", "hello-c")
        self.control.do(*self.control.start_provider("p0", "keyvalue"))
        self.stored = {kind: [] for kind in self.KINDS}
        self.undone = {kind: [] for kind in self.KINDS}

    @staticmethod
    def ignore_signal():
        # Without that a process dies of its first byte too many; with it the write fails, as on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(self, size):
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def command(self, kind, number):
        long = "x" * 3000
        return {"config": lambda: (f"config.put.c{number}", {"text": long}),
                "link": lambda: link(f"s{number}", "target", "wasi:keyvalue", ["store"], source_config=["web"], target_config=["web"]),
                "component": lambda: self.control.scale(f"n{number}", "hello-c", 1, annotations={"text": long}),
                "provider": lambda: self.control.start_provider(f"q{number}", "keyvalue")}[kind]()

    def fill(self):
        """Commands of all kinds until each has been refused; the refusals."""
        refused = {}
        number = 0
        while len(refused) < len(self.KINDS):
            number += 1
            self.assertLess(number, 100, "the disk does not get full")
            for kind in self.KINDS:
                answer = self.control.command(*self.command(kind, number))
                ended = self.control.outcome(answer) if answer.success and answer.operation else {"state": "done"}
                if answer.success and ended["state"] == "done":
                    self.stored[kind].append(number)
                elif answer.success:
                    # Accepted with the last bytes; it ended as a failure that says so, and may be tried again when there is room.
                    self.assertIn("the disk is full", ended["message"])
                    self.undone[kind].append(number)
                else:
                    refused.setdefault(kind, answer.message)
        return refused

    def assert_all_is_there(self, more=()):
        found = self.found()
        for kind in self.KINDS:
            self.assertEqual([number for number in found[kind] if number not in self.undone[kind]], [*self.stored[kind], *more], kind)

    def found(self):
        inventory = self.control.inventory()

        def of(names, letter):
            return sorted(int(name[1:]) for name in names if name[0] == letter and name[1:].isdigit() and name[1:] != "0")

        # Configurations are asked for one by one: there is no message that lists them.
        return {"config": [number for number in [*range(1, 100), MORE] if self.control.command(f"config.get.c{number}").response is not None],
                "link": of((one["source_id"] for one in self.control.command("link.get").response), "s"),
                "component": of((one["id"] for one in inventory["components"]), "n"),
                "provider": of((one["id"] for one in inventory["providers"]), "q")}

    def test_commands_fail_with_the_reason_and_everything_else_goes_on(self):
        state = self.daemon.data_dir / "state.db"
        self.limit(max(state.stat().st_size, (self.daemon.data_dir / "state.db-wal").stat().st_size) + 300_000)
        refused = self.fill()
        for kind, message in refused.items():
            self.assertRegex(message, r"the disk is full.*state\.db", kind)
        # What changes or stops what runs is refused as well, and it runs on as it did.
        self.assertIn("state.db", self.control.command("component.update.HOST", {
            "component_id": "k0", "new_component_ref": self.control.scale("k0", "hello-cpp", 1)[1]["component_ref"], "host_id": self.daemon.id}).message)
        self.assertIn("state.db", self.control.command(*self.control.scale("k0", "hello-c", 5)).message)
        self.assertIn("state.db", self.control.command("provider.stop.HOST", {"provider_id": "p0", "host_id": self.daemon.id}).message)
        self.assertTrue(self.serves("/", "hello from C\n"))
        self.assert_all_is_there()
        k0 = [one for one in self.control.inventory()["components"] if one["id"] == "k0"][0]
        self.assertEqual((k0["image_ref"].rpartition("/")[2], k0["max_instances"]), ("hello-c.wasm", 100))
        outcome = weft("config", "put", "more", "text=" + "x" * 3000, "--data-dir", self.daemon.data_dir)
        self.assert_error(outcome, outcome.code, "state.db")
        # There is room again.
        self.limit(resource.RLIM_INFINITY)
        for kind in self.KINDS:
            self.control.do(*self.command(kind, MORE))
        self.control.do("provider.stop.HOST", {"provider_id": "p0", "host_id": self.daemon.id})
        self.control.do(*self.control.scale("k0", "hello-c", 5))
        self.assertTrue(self.serves("/", "hello from C\n"))
        self.daemon.kill()
        self.up()
        self.assertTrue(self.serves("/", "hello from C\n"))
        self.assert_all_is_there([MORE])
        self.down()

    def test_a_daemon_that_is_killed_with_a_full_disk_has_lost_nothing(self):
        self.limit((self.daemon.data_dir / "state.db").stat().st_size + 200_000)
        self.fill()
        self.daemon.kill()
        self.up()
        self.assert_all_is_there()
        self.assertTrue(self.serves("/", "hello from C\n"))
        self.down()


if __name__ == "__main__":
    main()
