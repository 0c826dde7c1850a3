# SPDX-License-Identifier: Apache-2.0
"""Callers that ask one thing again and again while something is done to who answers, and keep what came of each call: how long it took, what failed, and
from when on all went well. Every call has to end by itself."""

import statistics
import threading
import time

PATIENCE = 45  # seconds after which a call counts as one that never ends


class Outcome:
    def __init__(self, began, ended, answer, ok):
        self.began, self.ended, self.answer, self.ok = began, ended, answer, ok

    def __repr__(self):
        return f"<{self.ended - self.began:.2f} s: {self.answer!r}>"


class Load:
    """`ask()` gives an http_client.Answer or raises OSError; an answer is right if it is a whole 200 with that text in it. Open as a context; what came of the
    calls may be looked at meanwhile."""

    def __init__(self, ask, text, callers=3, pause=0.01):
        self._ask, self._text, self._pause = ask, text, pause
        self._outcomes = []
        self._under_way = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(callers)]

    def _call(self, number):
        while not self._over.is_set():
            self._under_way[number] = began = time.monotonic()
            try:
                answer = self._ask()
            except OSError as error:
                answer = error
            ok = getattr(answer, "status", 0) == 200 and answer.complete and self._text in answer.text
            self._outcomes.append(Outcome(began, time.monotonic(), answer, ok))
            del self._under_way[number]
            self._over.wait(self._pause)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def outcomes(self, since=0.0):
        """Of the calls that ended after that moment."""
        return [one for one in list(self._outcomes) if one.ended >= since]

    def failures(self, since=0.0):
        return [one for one in self.outcomes(since) if not one.ok]

    def succeeds_for(self, seconds):
        """Nothing has failed for so long, there were some calls, and none has been waiting for longer."""
        since = time.monotonic() - seconds
        recent = self.outcomes(since)
        return len(recent) > 2 and self._outcomes[0].began < since and all(one.ok for one in recent) and min(list(self._under_way.values()), default=since) >= since

    def recovery(self, since):
        """Every call that began so many seconds after that moment, or later, went well. Not of those that were under way: see longest()."""
        return max([0.0, *(one.began - since for one in self.failures(since))])

    def longest(self, since=0.0):
        return max((one.ended - one.began for one in self.outcomes(since)), default=0.0)

    def percentile(self, share, since=0.0):
        """Seconds that so many of a hundred calls took at most."""
        times = sorted(one.ended - one.began for one in self.outcomes(since))
        return times[min(len(times) - 1, int(len(times) * share / 100))]

    def assert_told(self, test, *allowed, since=0.0):
        """Whoever failed was told so, and in time: by a status of the server's, one of the texts `allowed`, or an answer that is visibly cut."""
        for one in self.failures(since):
            whole = getattr(one.answer, "complete", None)
            test.assertIsNotNone(whole, one)
            test.assertTrue(not whole or one.answer.status >= 500 or any(words in one.answer.text for words in allowed), one)
        test.assertLess(self.longest(since), PATIENCE, "a call that does not end")


def figures(seconds):
    """Median and worst, for a line that is printed."""
    return f"median {statistics.median(seconds):.3f} s, worst {max(seconds):.3f} s of {len(seconds)}" if seconds else "none"
