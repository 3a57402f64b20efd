/* A plugin that does what the name of the call says, good or bad, for tests/plugins.rs. */
#define _GNU_SOURCE
#include <ceralacca_plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC CERALACCA_MAGIC
#endif
#ifndef MAJOR
#define MAJOR CERALACCA_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR CERALACCA_ABI_MINOR
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(ceralacca_entry)
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(ceralacca_plugin)
#endif

static const ceralacca_host *host;

static int32_t say(uint64_t call, int32_t status, const char *text) {
    ceralacca_bytes value = {(const uint8_t *)text, strlen(text)};
    return host->reply(host, call, status, value);
}

/* Replies with a number in words. */
static int32_t number(uint64_t call, long value) {
    char text[32];
    snprintf(text, sizeof text, "%ld", value);
    return say(call, CERALACCA_DONE, text);
}

static void *reply_elsewhere(void *call) {
    return (void *)(intptr_t)say(*(uint64_t *)call, CERALACCA_DONE, "elsewhere");
}

static uint64_t old_call;

static void *reply_late(void *fd) {
    char byte;
    if (read((int)(intptr_t)fd, &byte, 1) == 1) say(old_call, CERALACCA_DONE, "late");
    return 0;
}

static int open_error(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

static int is(const ceralacca_call *call, const char *name) {
    return call->name.length == strlen(name) && !memcmp(call->name.data, name, call->name.length);
}

static int lateness[2];
static pthread_t late_thread;

/* Replies badly. */
static int32_t replies(const ceralacca_call *call, int *taken) {
    pthread_t thread;
    uint64_t id = call->id;
    void *code;
    *taken = 1;
    if (is(call, "twice")) {
        say(id, CERALACCA_DONE, "one");
        return say(id, CERALACCA_DONE, "two") == CERALACCA_CLOSED ? CERALACCA_OK : CERALACCA_FAILED;
    }
    if (is(call, "never")) return CERALACCA_OK;
    if (is(call, "failed")) return CERALACCA_FAILED;
    if (is(call, "thread")) {
        pthread_create(&thread, 0, reply_elsewhere, &id);
        pthread_join(thread, &code);
        return say(id, CERALACCA_DONE, "here");
    }
    if (is(call, "prepare late")) {
        old_call = id;
        if (pipe(lateness)) return CERALACCA_FAILED;
        pthread_create(&late_thread, 0, reply_late, (void *)(intptr_t)lateness[0]);
        return say(id, CERALACCA_DONE, "in time");
    }
    if (is(call, "late")) {
        if (write(lateness[1], "x", 1) != 1) return CERALACCA_FAILED;
        pthread_join(late_thread, 0);
        return say(id, CERALACCA_DONE, "in time");
    }
    if (is(call, "huge")) {
        ceralacca_bytes value = {call->arguments.data, (size_t)65 << 20};
        return number(id, host->reply(host, id, CERALACCA_DONE, value));
    }
    if (is(call, "null bytes")) {
        ceralacca_bytes value = {0, 5};
        return number(id, host->reply(host, id, CERALACCA_DONE, value));
    }
    if (is(call, "no such call")) {
        ceralacca_bytes value = {0, 0};
        return number(id, host->reply(host, id + 7, CERALACCA_DONE, value));
    }
    *taken = 0;
    return CERALACCA_FAILED;
}

static int *volatile nowhere;

/* Ends or hinders the process. */
static int32_t ends(const ceralacca_call *call, int *taken) {
    *taken = 1;
    if (is(call, "null")) {
        fprintf(stderr, "the PIN is segreto-1234\nabout\tto \x1b[31m write\n");
        errno = 0;
        *(volatile int *)nowhere = 1;
    }
    if (is(call, "loop")) for (volatile int i = 0;; i++) {}
    if (is(call, "exit")) exit(0);
    if (is(call, "exit 3")) _exit(3);
    if (is(call, "abort")) abort();
    if (is(call, "memory")) {
        char *much = malloc((size_t)10 << 30);
        memset(much, 1, (size_t)10 << 30);
    }
    if (is(call, "garbage")) {
        char noise[64];
        memset(noise, 0xff, sizeof noise);
        for (int fd = 0; fd < 64; fd++) if (write(fd, noise, sizeof noise) < 0) continue;
    }
    if (is(call, "hide")) {
        for (int fd = 3; fd < 256; fd++) close(fd);
        for (;;) pause();
    }
    if (is(call, "flood")) {
        static char line[4096];
        memset(line, 'x', sizeof line);
        for (int i = 0; i < 5000; i++) if (write(2, line, sizeof line) < 0) continue;
        printf("printed\n");
        fflush(stdout);
    }
    *taken = 0;
    return CERALACCA_FAILED;
}

static void *nothing(void *of) { return of; }

/* Reaches for what it may not have; replies with the error number that it met. */
static int32_t reaches(const ceralacca_call *call) {
    uint64_t id = call->id;
    if (is(call, "read passwd")) return number(id, open_error("/etc/passwd", O_RDONLY));
    if (is(call, "write tmp")) return number(id, open_error("/tmp/of-a-plugin", O_CREAT | O_WRONLY));
    if (is(call, "open")) {
        char path[4096] = {0};
        memcpy(path, call->arguments.data, call->arguments.length);
        return number(id, open_error(path, O_RDWR));
    }
    if (is(call, "inet")) return number(id, socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0);
    if (is(call, "connect")) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return number(id, connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0);
    }
    if (is(call, "unix")) return number(id, socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0);
    if (is(call, "packet")) return number(id, socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0);
    if (is(call, "fork")) {
        for (int i = 0; i < 1000; i++) {
            pid_t child = fork();
            if (child < 0) return number(id, errno);
            if (child == 0) _exit(0);
        }
        return number(id, 0);
    }
    if (is(call, "clone")) return number(id, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? errno : 0);
    if (is(call, "execve")) {
        char *argv[] = {"/bin/true", 0};
        return number(id, execve("/bin/true", argv, 0) ? errno : 0);
    }
    if (is(call, "kill parent")) return number(id, kill(getppid(), SIGTERM) ? errno : 0);
    if (is(call, "limit")) {
        struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
        return number(id, setrlimit(RLIMIT_AS, &all) ? errno : 0);
    }
    if (is(call, "threads")) {
        pthread_t thread;
        int code = pthread_create(&thread, 0, nothing, 0);
        if (!code) code = pthread_join(thread, 0);
        return number(id, code);
    }
    if (is(call, "environment")) {
        extern char **environ;
        char text[4096] = {0};
        for (char **one = environ; *one; one++) strncat(strncat(text, *one, 512), ";", 2);
        return say(id, CERALACCA_DONE, text);
    }
    if (is(call, "descriptors")) {
        long open_ones = 0;
        for (int fd = 0; fd < 256; fd++) if (fcntl(fd, F_GETFD) >= 0) open_ones++;
        return number(id, open_ones);
    }
    return CERALACCA_FAILED;
}

/* Uses the extensions. */
static int32_t asks(const ceralacca_call *call, int *taken) {
    *taken = 1;
    if (is(call, "secret")) {
        const ceralacca_secret_extension *secret =
            host->get_extension(host, CERALACCA_EXTENSION_SECRET);
        ceralacca_bytes name = {(const uint8_t *)"pin", 3};
        uint8_t buffer[64];
        char text[128];
        size_t length = 0;
        int32_t small = secret->get(host, call->id, name, buffer, 2, &length);
        int32_t code = secret->get(host, call->id, name, buffer, sizeof buffer, &length);
        int32_t null = secret->get(host, call->id, name, 0, 9, &length);
        snprintf(text, sizeof text, "%d %d %zu %d", small, code, length, null);
        return say(call->id, CERALACCA_DONE, text);
    }
    if (is(call, "secrets without end")) {
        const ceralacca_secret_extension *secret =
            host->get_extension(host, CERALACCA_EXTENSION_SECRET);
        ceralacca_bytes name = {(const uint8_t *)"pin", 3};
        size_t length = 0;
        for (;;) secret->get(host, call->id, name, 0, 0, &length);
    }
    if (is(call, "lines without end")) {
        const ceralacca_progress_extension *progress =
            host->get_extension(host, CERALACCA_EXTENSION_PROGRESS);
        ceralacca_bytes text = {(const uint8_t *)"and", 3};
        for (;;) progress->tell(host, call->id, text);
    }
    if (is(call, "tell")) {
        const ceralacca_progress_extension *progress =
            host->get_extension(host, CERALACCA_EXTENSION_PROGRESS);
        ceralacca_bytes text = {(const uint8_t *)"one of two", 10};
        progress->tell(host, call->id, text);
        if (host->get_extension(host, "ceralacca.none/1")) return CERALACCA_FAILED;
        return number(call->id, progress->tell(host, call->id + 1, text));
    }
    *taken = 0;
    return CERALACCA_FAILED;
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call) {
    int taken;
    int32_t code;
    if (call->size < 64 || !call->id || plugin->state != (void *)host) return CERALACCA_FAILED;
    if (is(call, "echo")) {
        return host->reply(host, call->id, CERALACCA_DONE, call->arguments);
    }
    code = replies(call, &taken);
    if (!taken) code = asks(call, &taken);
    if (!taken) code = ends(call, &taken);
    return taken ? code : reaches(call);
}

static void destroy(ceralacca_plugin *plugin) {
    plugin->state = 0;
#ifdef DESTROY_LOOPS
    for (;;) pause();
#endif
#ifdef DESTROY_DIES
    abort();
#endif
}

static int32_t create(const ceralacca_host *given, ceralacca_plugin *plugin) {
    host = given;
    if (given->size < 48 || given->abi_major != 1 || plugin->size < 40) return CERALACCA_FAILED;
#ifdef CREATE_FAILS
    say(0, CERALACCA_REFUSED, "no reader");
    return CERALACCA_FAILED;
#endif
#ifdef CREATE_LOOPS
    for (;;) pause();
#endif
    plugin->state = (void *)host;
    plugin->invoke = invoke;
#ifdef NO_INVOKE
    plugin->invoke = 0;
#endif
    plugin->destroy = destroy;
    plugin->size = PLUGIN_SIZE;
    return CERALACCA_OK;
}

#ifdef CONSTRUCTOR_READS
__attribute__((constructor)) static void before(void) {
    if (open_error("/etc/passwd", O_RDONLY) == 0) abort();
}
#endif

#ifdef LONGER_ENTRY
struct longer { ceralacca_entry entry; void *more[4]; };
extern CERALACCA_EXPORT const struct longer longer __asm__("ceralacca_plugin_entry");
const struct longer longer = {
    {MAGIC, sizeof(ceralacca_entry) + 32, MAJOR, MINOR, create}, {0}};
#elif defined(NO_ENTRY)
CERALACCA_EXPORT const ceralacca_entry something_else = {MAGIC, ENTRY_SIZE, MAJOR, MINOR, create};
#else
CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry = {
    MAGIC, ENTRY_SIZE, MAJOR, MINOR, create};
#endif
