/* Preloaded into a process under test: it stands still where the test wants to look at its memory, and what it draws
 * from the system's random generator is written down, from which the test knows its keys.
 *
 *   WATCH_TERMINAL        standard input becomes the controlling terminal
 *   WATCH_RANDOM=FILE     every draw is appended: length (4 bytes of this machine's order), then the bytes
 *   WATCH_STOP_WRITE      the process stops after every write to standard output
 *   WATCH_STOP_RANDOM=N   the process stops before every draw of N bytes
 *   WATCH_STOP_EXIT       the process stops when it has run all its code
 *   WATCH_PLANT=TEXT      with 16 characters: they are in a vector register while the process stands still (x86-64)
 *   WATCH_DUMPABLE=FILE   what prctl(PR_GET_DUMPABLE) says is written there at the first stop, or while a server runs
 *
 * A process that forbids to be dumped can be read by root only. So that anybody can run the tests, it is allowed again
 * here, after it was seen to be forbidden.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t stop_random;
static int stop_write, stop_exit, random_log = -1, dumpable_log = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void allow_reading(void) {
    int dumpable = prctl(PR_GET_DUMPABLE);
    if (dumpable_log >= 0) {
        char digit = (char)('0' + dumpable);
        syscall(SYS_write, dumpable_log, &digit, 1);
        dumpable_log = -1;
    }
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
}

static void stop(void) {
    allow_reading();
#if defined(__x86_64__)
    const char *plant = getenv("WATCH_PLANT");
    if (plant && strlen(plant) == 16)
        __asm__ volatile("movdqu (%0), %%xmm13" : : "r"(plant) : "xmm13");
#endif
    raise(SIGSTOP);
}

/* A server is looked at while it does not stop by itself. */
static void *allow_reading_soon(void *nothing) {
    for (;;) {
        usleep(20000);
        if (prctl(PR_GET_DUMPABLE) == 0)
            allow_reading();
    }
    return nothing;
}

static int append(const char *name) {
    const char *path = getenv(name);
    return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *count = getenv("WATCH_STOP_RANDOM");
    stop_random = count ? strtoul(count, NULL, 10) : 0;
    stop_write = getenv("WATCH_STOP_WRITE") != NULL;
    stop_exit = getenv("WATCH_STOP_EXIT") != NULL;
    random_log = append("WATCH_RANDOM");
    dumpable_log = append("WATCH_DUMPABLE");
    if (getenv("WATCH_TERMINAL") && (setsid() < 0 || ioctl(0, TIOCSCTTY, 0) < 0))
        _exit(125);
    if (!stop_write && !stop_exit && !stop_random) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, allow_reading_soon, NULL) != 0)
            _exit(125);
    }
}

__attribute__((destructor)) static void end(void) {
    if (stop_exit)
        stop();
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t written = syscall(SYS_write, fd, bytes, count);
    if (fd == 1 && stop_write && written > 0)
        stop();
    return written;
}

ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
    if (stop_random && count == stop_random)
        stop();
    ssize_t drawn = syscall(SYS_getrandom, bytes, count, flags);
    if (random_log >= 0 && drawn > 0) {
        uint32_t length = (uint32_t)drawn;
        struct iovec parts[] = {{&length, sizeof length}, {bytes, (size_t)drawn}};
        pthread_mutex_lock(&lock);
        if (writev(random_log, parts, 2) != (ssize_t)(sizeof length + length))
            _exit(125);
        pthread_mutex_unlock(&lock);
    }
    return drawn;
}
