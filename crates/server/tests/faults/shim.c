/*
 * Stands between the real, unchanged binary and the kernel (LD_PRELOAD): counts what is made durable, kills the process
 * at a chosen point, lets the disk be full or its fsync fail, keeps what a power cut would leave, and shifts the
 * wall clock. Linux and glibc only; compiled by the tests.
 *
 * A SEGMENT is everything that is changed in watched files up to and including one successful fsync: in SQLite's WAL
 * mode with synchronous=FULL the frames of one commit and the sync that makes it one; for a file that is replaced as a
 * whole the new file's content, then the rename and the sync of the folder. Points are (segment, change within it), not
 * absolute numbers: which pages a commit touches depends on random identifiers, how many commits a request makes does not.
 *
 * Environment:
 *   SHIM_ROOT     folder whose files are watched; without it nothing is
 *   SHIM_CONTROL  file of `struct control`, shared with the test
 *   SHIM_CLOCK    file of one int64_t, nanoseconds that the wall clock is ahead, shared with the test
 *   SHIM_TRACE    file to which every operation is appended: segment, change, operation, file, bytes
 *   SHIM_DURABLE  folder that gets what a power cut would leave: only what was synced
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum phase { BEFORE, HALF, AFTER };
enum files { ALL, MAIN, ALL_BUT_MAIN }; /* the main file of the database is written by checkpoints only */

/* Written and read by the test at these offsets; all fields have eight bytes. */
struct control {
    volatile int64_t armed;        /* counts, kills and traces only while this is 1 */
    volatile int64_t segment;      /* successful syncs since it was armed */
    volatile int64_t change;       /* changes in the present segment */
    volatile int64_t kill_segment; /* -1: never */
    volatile int64_t kill_change;  /* -1: at the segment's sync; a change that does not come is caught at the sync */
    volatile int64_t kill_phase;   /* enum phase; HALF writes the first half of the bytes */
    volatile int64_t write_errno;  /* what writing fails with; 0: it works */
    volatile int64_t sync_errno;   /* what syncing fails with; 0: it works */
    volatile int64_t faults;       /* how often something was made to fail */
    volatile int64_t lying_disk;   /* 1: syncs succeed and make nothing durable */
    volatile int64_t killed;       /* 1: this shim killed the process */
    volatile int64_t fault_from;   /* faults begin in this segment */
    volatile int64_t fault_limit;  /* and end after so many; 0: they do not */
    volatile int64_t fault_files;  /* enum files: which ones fail */
    volatile int64_t count_main;   /* 1: only the main file counts; 0: only the others, which are independent of time */
};

static struct control *control;
static volatile int64_t *clock_offset;
static const char *root, *trace, *durable;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Changes of names that no sync of their folder has made durable yet. */
static struct { char from[NAME_MAX + 1], to[NAME_MAX + 1]; } names[64];
static int name_count;

static void *shared(const char *variable, size_t length)
{
    const char *path = getenv(variable);
    if (!path) return NULL;
    int file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return NULL;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    return memory == MAP_FAILED ? NULL : memory;
}

__attribute__((constructor)) static void start(void)
{
    root = getenv("SHIM_ROOT");
    trace = getenv("SHIM_TRACE");
    durable = getenv("SHIM_DURABLE");
    control = shared("SHIM_CONTROL", sizeof *control);
    clock_offset = shared("SHIM_CLOCK", sizeof *clock_offset);
}

/* ---- which files ---- */

static int ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static int is_watched(const char *path)
{
    size_t length;
    if (!root || !control) return 0;
    length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The index of the write-ahead log is rebuilt, lock files are empty: nothing in them has to last. */
static int must_last(const char *path)
{
    return !ends_with(path, "-shm") && !ends_with(path, ".lock");
}

/* The path of a watched file, or NULL. */
static const char *path_of(int file, char path[PATH_MAX])
{
    char link[64];
    if (!root || !control) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    return is_watched(path) ? path : NULL;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- what a power cut would leave ---- */

static void copy(const char *from, const char *to)
{
    char buffer[65536];
    int source = syscall(SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC, 0);
    int target = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t length;
    while ((length = syscall(SYS_read, source, buffer, sizeof buffer)) > 0)
        if (syscall(SYS_write, target, buffer, length) != length) abort();
    if (source < 0 || target < 0 || length < 0) abort();
    syscall(SYS_close, source);
    syscall(SYS_close, target);
}

static void in_durable(const char *name, char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s", durable, name) >= PATH_MAX) abort();
}

static void became_durable(const char *path)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat status;
    if (!durable || control->lying_disk || !must_last(path)) return;
    if (syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0) != 0) return; /* unlinked while open */
    if (!S_ISDIR(status.st_mode)) {
        in_durable(name_of(path), to);
        copy(path, to);
        return;
    }
    for (int i = 0; i < name_count; i++) {
        in_durable(names[i].from, from);
        if (names[i].to[0]) {
            in_durable(names[i].to, to);
            syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
        } else {
            syscall(SYS_unlinkat, AT_FDCWD, from, 0);
        }
    }
    name_count = 0;
}

static void name_changed(const char *from, const char *to)
{
    if (!durable) return;
    if (name_count == sizeof names / sizeof *names) abort();
    strncpy(names[name_count].from, name_of(from), NAME_MAX);
    strncpy(names[name_count].to, to ? name_of(to) : "", NAME_MAX);
    name_count++;
}

/* ---- counting and killing ---- */

static void die(void)
{
    control->killed = 1;
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static void note(const char *operation, const char *path, size_t bytes)
{
    char line[PATH_MAX + 64];
    if (!trace) return;
    int length = snprintf(line, sizeof line, "%lld %lld %s %s %zu\n", (long long)control->segment,
                          (long long)control->change, operation, name_of(path), bytes);
    int file = syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (syscall(SYS_write, file, line, length) != length) abort();
    syscall(SYS_close, file);
}

static int is_point(int is_sync, enum phase phase)
{
    if (control->kill_segment != control->segment || control->kill_phase != (int64_t)phase) return 0;
    return control->kill_change == (is_sync ? -1 : control->change);
}

static int counts(const char *path)
{
    return control->armed == 1 && must_last(path) && ends_with(path, ".db") == control->count_main;
}

/* The last change was the header of a log. */
static int only_log_header;

/* Before a change; says whether to do only half of it. */
static int begin_change(const char *operation, const char *path, size_t bytes)
{
    if (!counts(path)) return 0;
    note(operation, path, bytes);
    if (is_point(0, BEFORE)) die();
    return is_point(0, HALF);
}

static void end_change(const char *path)
{
    if (!counts(path)) return;
    if (is_point(0, AFTER)) die();
    control->change++;
}

/* Neither a sync with nothing new before it nor that of a log's fresh header makes anything last: when SQLite begins its
 * log anew, and when it syncs it once more, depends on time. */
static int sync_counts(const char *path)
{
    return counts(path) && control->change > 0 && !(control->change == 1 && only_log_header);
}

static void begin_sync(const char *path)
{
    if (!sync_counts(path)) return;
    note("sync", path, 0);
    /* A segment with fewer changes than the recorded one: here at the latest. */
    if (is_point(1, BEFORE) || (control->kill_segment == control->segment && control->kill_change >= 0)) die();
}

static void end_sync(const char *path)
{
    became_durable(path);
    if (!sync_counts(path)) return;
    if (is_point(1, AFTER)) die();
    control->segment++;
    control->change = 0;
}

static int fails(int64_t number, const char *path)
{
    if (control->fault_files != ALL && ends_with(path, ".db") != (control->fault_files == MAIN)) return 0;
    if (number == 0 || control->segment < control->fault_from) return 0;
    if (control->fault_limit && control->faults >= control->fault_limit) return 0;
    control->faults++;
    errno = (int)number;
    return 1;
}

/* Whether something was written since the last sync; known of the database only. */
static int *dirty_flag(const char *path)
{
    static int log_dirty, main_dirty;
    return ends_with(path, "-wal") ? &log_dirty : ends_with(path, ".db") ? &main_dirty : NULL;
}

/* ---- the calls ---- */

static ssize_t raw_write(int file, const void *bytes, size_t length, int64_t offset)
{
    return offset < 0 ? syscall(SYS_write, file, bytes, length) : syscall(SYS_pwrite64, file, bytes, length, offset);
}

static ssize_t changing_write(int file, const void *bytes, size_t length, int64_t offset)
{
    char path[PATH_MAX];
    ssize_t result;
    if (!path_of(file, path)) return raw_write(file, bytes, length, offset);
    pthread_mutex_lock(&lock);
    int *dirty = dirty_flag(path);
    if (dirty) *dirty = 1;
    if (counts(path)) only_log_header = ends_with(path, "-wal") && offset == 0;
    if (fails(control->write_errno, path)) {
        result = -1;
        /* A disk that becomes full takes the beginning of what does not fit. */
        if (control->write_errno == ENOSPC && length > 512) result = raw_write(file, bytes, length / 2, offset);
    } else {
        if (begin_change("write", path, length)) {
            raw_write(file, bytes, length / 2, offset);
            die();
        }
        result = raw_write(file, bytes, length, offset);
        end_change(path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int file, const void *bytes, size_t length) { return changing_write(file, bytes, length, -1); }
ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return changing_write(file, bytes, length, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset)
{
    return changing_write(file, bytes, length, offset);
}

static int changing_sync(int file, long number)
{
    char path[PATH_MAX];
    int result;
    if (!path_of(file, path)) return syscall(number, file);
    pthread_mutex_lock(&lock);
    /* As Linux has it: only what is dirty can fail to be written back, and is taken for clean afterwards. */
    int *dirty = dirty_flag(path), was_dirty = !dirty || *dirty;
    if (dirty) *dirty = 0;
    if (was_dirty && fails(control->sync_errno, path)) {
        result = -1;
    } else {
        begin_sync(path);
        /* The files are thrown away; what counts is the order. Nobody waits for this machine's disk. */
        result = 0;
        end_sync(path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int file) { return changing_sync(file, SYS_fsync); }
int fdatasync(int file) { return changing_sync(file, SYS_fdatasync); }

static int changing_truncate(int file, off64_t length)
{
    char path[PATH_MAX];
    if (!path_of(file, path)) return syscall(SYS_ftruncate, file, length);
    pthread_mutex_lock(&lock);
    int result;
    if (fails(control->write_errno, path)) {
        result = -1;
    } else {
        begin_change("truncate", path, (size_t)length);
        result = syscall(SYS_ftruncate, file, length);
        end_change(path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int file, off_t length) { return changing_truncate(file, length); }
int ftruncate64(int file, off64_t length) { return changing_truncate(file, length); }

int rename(const char *from, const char *to)
{
    if (!is_watched(to)) return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    pthread_mutex_lock(&lock);
    begin_change("rename", to, 0);
    int result = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (result == 0) name_changed(from, to);
    end_change(to);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    if (!is_watched(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    begin_change("unlink", path, 0);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result == 0) name_changed(path, NULL);
    end_change(path);
    pthread_mutex_unlock(&lock);
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock_offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t total = time->tv_nsec + *clock_offset % 1000000000;
        time->tv_sec += *clock_offset / 1000000000 + total / 1000000000;
        time->tv_nsec = total % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *seconds)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}
