/* Loaded before the C library (LD_PRELOAD): lets the nth write below one folder fail, or that one and all after it.

   A write is whatever can fail for want of room: write, pwrite, writev, fwrite, fsync, fdatasync, ftruncate,
   fallocate, rename, link, mkdir, and the opening of a file that is made thereby. What is written through mapped
   memory is not seen; SQLite's shared index of its log is, which it can do without. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long fail_at;
static int error_number, from_there_on;
static atomic_long seen;

void fail_writes(const char *below, long at, int error, int all_after) {
    strncpy(folder, below, sizeof folder - 1);
    fail_at = at;
    error_number = error;
    from_there_on = all_after;
    atomic_store(&seen, 0);
}

long writes_seen(void) { return atomic_load(&seen); }

static int fails(const char *path) {
    if (!folder[0] || strncmp(path, folder, strlen(folder))) return 0;
    long n = atomic_fetch_add(&seen, 1) + 1;
    if (fail_at <= 0 || (from_there_on ? n < fail_at : n != fail_at)) return 0;
    errno = error_number;
    return 1;
}

static int fails_at(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define BY_FD(type, name, parameters, arguments, fd) \
    type name parameters { return fails_at(fd) ? (type)-1 : REAL(name) arguments; }

BY_FD(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), fd)
BY_FD(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), fd)
BY_FD(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at), fd)
BY_FD(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n), fd)
BY_FD(int, fsync, (int fd), (fd), fd)
BY_FD(int, fdatasync, (int fd), (fd), fd)
BY_FD(int, ftruncate, (int fd, off_t size), (fd, size), fd)
BY_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), fd)
BY_FD(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd)

int posix_fallocate(int fd, off_t at, off_t size) {
    return fails_at(fd) ? error_number : REAL(posix_fallocate)(fd, at, size);
}
size_t fwrite(const void *data, size_t size, size_t n, FILE *file) {
    return fails_at(fileno(file)) ? 0 : REAL(fwrite)(data, size, n, file);
}
int rename(const char *from, const char *to) { return fails(to) ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return fails(to) ? -1 : REAL(link)(from, to); }
int mkdir(const char *path, mode_t mode) { return fails(path) ? -1 : REAL(mkdir)(path, mode); }

static int fails_to_make(const char *path, int flags) {
    return (flags & O_CREAT) && access(path, F_OK) && fails(path);
}

#define OPENED(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        return fails_to_make(path, flags) ? -1 : REAL(name)(path, flags, mode); \
    }
OPENED(open)
OPENED(open64)
