// SPDX-License-Identifier: Apache-2.0
// Preloaded (LD_PRELOAD), it makes one process see a wall clock that is WEFT_TEST_CLOCK_SKEW seconds ahead of the
// machine's, or behind it. The monotonic clock is as it is, and waits until a moment of the wall clock are moved with
// it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew(void) {
  const char* text = getenv("WEFT_TEST_CLOCK_SKEW");
  return text == NULL ? 0 : atol(text);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int outcome = (int)syscall(SYS_clock_gettime, clock, now);
  if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += skew();
  }
  return outcome;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec precise;
  const int outcome = clock_gettime(CLOCK_REALTIME, &precise);
  if (outcome == 0) {
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
  }
  return outcome;
}

time_t time(time_t* now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now != NULL) {
    *now = precise.tv_sec;
  }
  return precise.tv_sec;
}

typedef int (*TimedWait)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);

int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           const struct timespec* restrict until) {
  static TimedWait wait;
  if (wait == NULL) {
    // Without a version the oldest would be found, which is another.
    TimedWait found = (TimedWait)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    wait = found != NULL ? found : (TimedWait)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  }
  struct timespec moved = *until;
  // No monotonic clock has run for thirty years.
  if (moved.tv_sec > 1000000000) {
    moved.tv_sec -= skew();
  }
  return wait(condition, mutex, &moved);
}
