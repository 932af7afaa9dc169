/*
 * A clock that a test can set: loaded into a node's programs (LD_PRELOAD), it moves what they take for the time of day
 * by the nanoseconds that stand in the file named by TEST_CLOCK. The file is mapped, so a new number counts at once, in
 * every process. Timers and the monotonic clock stay as they are, as on a machine whose time of day is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const long second = 1000000000L;
static int (*real)(clockid_t, struct timespec *);
static const volatile long long *ahead;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("TEST_CLOCK");
    if (real)
        return;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    if (!path)
        return;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *found = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (found == MAP_FAILED) {
        /* A node with another clock than its test believes would prove nothing. */
        perror(path);
        abort();
    }
    close(file);
    ahead = found;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    begin();
    int failed = real(id, now);
    if (failed || !ahead || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return failed;
    long long nanoseconds = now->tv_nsec + *ahead % second;
    now->tv_sec += *ahead / second + (nanoseconds >= second) - (nanoseconds < 0);
    now->tv_nsec = (nanoseconds + second) % second;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);
    if (!failed) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *place)
{
    struct timespec precise = {0};
    clock_gettime(CLOCK_REALTIME, &precise);
    if (place)
        *place = precise.tv_sec;
    return precise.tv_sec;
}
