/* Writes the registers of every thread of a process to standard output, as they stand in a core: the general ones and
 * the whole of the floating-point and vector state.
 *
 * usage: registers PID
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

static unsigned char state[1 << 16];

static int show(pid_t thread, int set) {
    struct iovec part = {state, sizeof state};
    if (ptrace(PTRACE_GETREGSET, thread, set, &part) != 0)
        return -1;
    return fwrite(state, 1, part.iov_len, stdout) == part.iov_len ? 0 : -1;
}

static int show_all(pid_t thread) {
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0)
        /* It ended in the meantime. */
        return errno == ESRCH ? 0 : -1;
    int status, shown = 0;
    if (ptrace(PTRACE_INTERRUPT, thread, 0, 0) == 0 && waitpid(thread, &status, __WALL) == thread) {
        shown = show(thread, NT_PRSTATUS);
#if defined(__x86_64__)
        shown |= show(thread, NT_X86_XSTATE);
#else
        shown |= show(thread, NT_PRFPREG);
#endif
        ptrace(PTRACE_DETACH, thread, 0, 0);
    }
    return shown;
}

int main(int count, char **arguments) {
    char folder[64];
    if (count != 2)
        return 2;
    snprintf(folder, sizeof folder, "/proc/%ld/task", strtol(arguments[1], NULL, 10));
    DIR *threads = opendir(folder);
    if (!threads)
        return perror(folder), 1;
    int threads_shown = 0;
    for (struct dirent *entry; (entry = readdir(threads));) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0) {
            if (show_all(thread) != 0)
                return perror("ptrace"), 1;
            threads_shown++;
        }
    }
    closedir(threads);
    return threads_shown > 0 ? 0 : 1;
}
