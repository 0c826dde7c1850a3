#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps one weft saturated with short requests, with guests that trap and clients that leave mixed in, and watches its memory.

usage: soak.py [SECONDS]      600 unless told; needs the bench build (scripts/bench) and build/apps/misbehave.wasm

Fails if weft dies, stops answering, or its resident memory in the last quarter of the time is above that of the second
quarter by more than 5 %. The first quarter is for caches, pools and the allocator to reach their size."""

import json
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/bench/bin"


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def ask_and_leave(port, path, stop, pause):
    """Sends a request and goes away without reading, again and again."""
    while not stop.wait(pause):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    command = [BIN / "weft", "run", ROOT / "build/apps/misbehave.wasm", "--listen", "127.0.0.1:0", "--output", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        port = int(json.loads(server.stdout.readline())["address"].rpartition(":")[2])
        stop = threading.Event()
        leavers = [threading.Thread(target=ask_and_leave, args=(port, path, stop, pause)) for path, pause in (("/trap", 0.01), ("/spin", 0.2))]
        for leaver in leavers:
            leaver.start()
        load = subprocess.Popen(
            [BIN / "load", "--port", str(port), "--seconds", str(seconds), "--connections", "64", "--path", "/status?code=200"],
            stdout=subprocess.PIPE, text=True)
        begin, samples = time.monotonic(), []
        while load.poll() is None and server.poll() is None:
            samples.append(resident_kib(server.pid))
            if len(samples) % 30 == 1:
                print(f"{time.monotonic() - begin:7.0f} s {samples[-1] / 1024:8.1f} MiB", flush=True)
            time.sleep(1)
        stop.set()
        for leaver in leavers:
            leaver.join()
        alive = server.poll() is None
        result = json.loads(load.communicate()[0])
        server.terminate()
        code = server.wait(60)
    quarter = len(samples) // 4
    early, late = statistics.median(samples[quarter:2 * quarter]), statistics.median(samples[3 * quarter:])
    print(f"{result['requests']} requests, {result['errors']} errors, {result['rps']:,.0f} requests/s; resident {early / 1024:.1f} MiB in the second "
          f"quarter, {late / 1024:.1f} MiB in the last; exit code {code}")
    if not alive or code != 0 or result["errors"] or late > early * 1.05:
        sys.exit("the soak failed: weft ended, failed requests, or grew")


if __name__ == "__main__":
    main()
