/* A disk that may lose its power: preloaded into the program under test, it keeps beside a folder what
 * of that folder would survive, and stops the process at a wanted moment.
 *
 * What survives is what was synced, and no more: of a file its bytes as they were at its last fsync or
 * fdatasync, of a folder the names that were in it at its own last fsync. That is the least that POSIX
 * promises; real filesystems keep more. Syncing itself is left out: no power is really cut.
 *
 *   DISK_FOLDER    the folder that is watched
 *   DISK_SURVIVES  where its surviving state is kept: f.ID a file's bytes, d.ID a folder's names
 *   DISK_POINT     stop at this moment: 2n-1 is before the n-th sync, 2n after it
 *
 * ID is the inode with its time of birth, since numbers of inodes are used again. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder, *survives;
static long wanted;
static atomic_long passed, made;

__attribute__((constructor)) static void begin(void) {
    folder = getenv("DISK_FOLDER");
    survives = getenv("DISK_SURVIVES");
    const char *point = getenv("DISK_POINT");
    wanted = point ? atol(point) : 0;
}

static void fail(const char *what) {
    dprintf(2, "disk: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void moment(const char *when, const char *path) {
    if (atomic_fetch_add(&passed, 1) + 1 != wanted) return;
    const char *name = strrchr(path, '/');
    dprintf(2, "power cut: %s sync of %s\n", when, name ? name + 1 : path);
    _exit(98);
}

static void identify(int at, const char *name, struct statx *found) {
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(at, name, flags, STATX_BASIC_STATS | STATX_BTIME, found)) fail(name);
}

static void id(const struct statx *found, char *text) {
    sprintf(text, "%llu.%lld.%09u", (unsigned long long)found->stx_ino,
            (long long)found->stx_btime.tv_sec, found->stx_btime.tv_nsec);
}

static int begin_keeping(char *temporary) {
    sprintf(temporary, "%s/new.%d.%ld", survives, getpid(), atomic_fetch_add(&made, 1));
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(temporary);
    return file;
}

static void keep(int file, const char *temporary, char kind, const struct statx *of) {
    char name[64], path[PATH_MAX];
    id(of, name);
    snprintf(path, sizeof path, "%s/%c.%s", survives, kind, name);
    if (close(file) || rename(temporary, path)) fail(path);
}

static void keep_bytes(int of, const struct statx *found) {
    char self[64], temporary[PATH_MAX], bytes[65536];
    sprintf(self, "/proc/self/fd/%d", of);
    int from = open(self, O_RDONLY | O_CLOEXEC);
    if (from < 0) fail(self);
    int to = begin_keeping(temporary);
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, count) != count) fail(temporary);
    if (count < 0) fail(self);
    close(from);
    keep(to, temporary, 'f', found);
}

/* A line for each name, ended by NUL: kind, mode, ID, name. */
static void keep_names(int of, const struct statx *found) {
    char self[64], temporary[PATH_MAX], name[64];
    sprintf(self, "/proc/self/fd/%d", of);
    DIR *names = opendir(self);
    if (!names) fail(self);
    int to = begin_keeping(temporary);
    struct dirent *entry;
    while ((entry = readdir(names))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        struct statx one;
        identify(dirfd(names), entry->d_name, &one);
        id(&one, name);
        char kind = S_ISDIR(one.stx_mode) ? 'd' : 'f';
        dprintf(to, "%c %o %s %s%c", kind, one.stx_mode & 07777, name, entry->d_name, 0);
    }
    closedir(names);
    keep(to, temporary, 'd', found);
}

static int synced(int file) {
    char self[64], path[PATH_MAX];
    sprintf(self, "/proc/self/fd/%d", file);
    ssize_t length = readlink(self, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    size_t root = folder ? strlen(folder) : 0;
    if (!root || strncmp(path, folder, root) || (path[root] && path[root] != '/')) return 0;
    moment("before", path);
    struct statx found;
    identify(file, "", &found);
    if (S_ISDIR(found.stx_mode)) keep_names(file, &found);
    else if (S_ISREG(found.stx_mode)) keep_bytes(file, &found);
    moment("after", path);
    return 0;
}

int fsync(int file) { return synced(file); }
int fdatasync(int file) { return synced(file); }
