/*
 * A plugin whose one fault is in what it is asked for: the argument of `act` and `send` names it.
 *
 * VERSION, MAJOR and MAGIC make other libraries of it.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ceralacca_cbor.h"
#include "ceralacca_plugin.h"

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MAJOR
#define MAJOR CERALACCA_ABI_MAJOR
#endif
#ifndef MAGIC
#define MAGIC CERALACCA_MAGIC
#endif

/* The version stands where the text of the manifest is cut in two. */
static const char MANIFEST[] =
    "{\"version\": \"" VERSION "\","
    "\"ceralacca_plugin\": 1, \"name\": \"prova\", \"summary\": \"Does what it should not\","
    "\"namespaces\": [{\"name\": \"prova\", \"doc\": \"For the tests.\", \"primitives\": ["
    "{\"name\": \"act\", \"doc\": \"Acts.\", \"params\": [{\"name\": \"what\","
    " \"schema\": {\"type\": \"string\"}}], \"returns\": {\"type\": \"string\"},"
    " \"since\": \"1.0.0\", \"effect\": \"recorded\"},"
    "{\"name\": \"send\", \"doc\": \"Acts once.\", \"params\": [{\"name\": \"what\","
    " \"schema\": {\"type\": \"string\"}}], \"returns\": {\"type\": \"string\"},"
    " \"since\": \"1.0.0\", \"effect\": \"once\"}]}],"
    "\"seams\": {\"signer\": {\"scheme\": \"prova\", \"secret\": \"pin_prova\"}},"
    "\"secrets\": [{\"name\": \"pin_prova\", \"label\": \"PIN\", \"rule\": \"any text\"}]}";

static const ceralacca_host *host;
static uint64_t over;
static int *volatile nowhere;

static int32_t reply(uint64_t id, int32_t status, const void *data, size_t length)
{
    ceralacca_bytes value;
    value.data = (const uint8_t *)data;
    value.length = length;
    return host->reply(host, id, status, value);
}

static int32_t done(uint64_t id)
{
    return reply(id, CERALACCA_DONE, "\x64" "done", 5);
}

static void *from_elsewhere(void *id)
{
    done(*(uint64_t *)id);
    return NULL;
}

static int32_t on_another_thread(uint64_t id)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, from_elsewhere, &id) != 0) {
        return CERALACCA_FAILED;
    }
    pthread_join(thread, NULL);
    return CERALACCA_OK;
}

static int32_t take_memory(void)
{
    size_t part = (size_t)64 << 20, at, parts;
    for (parts = 0; parts < 160; parts++) {
        volatile uint8_t *block = malloc(part);
        for (at = 0; at < part; at += 4096) {
            block[at] = 1;
        }
    }
    return CERALACCA_OK;
}

static int32_t write_everywhere(void)
{
    uint8_t garbage[4096];
    int number;
    memset(garbage, 0xFF, sizeof garbage);
    for (number = 0; number <= 20; number++) {
        if (write(number, garbage, sizeof garbage) < 0) {
            continue;
        }
    }
    return CERALACCA_OK;
}

static int32_t without_proper_end(const char *what, uint64_t id)
{
    if (strcmp(what, "exits") == 0) {
        fputs("the licence has expired\n", stderr);
        _exit(3);
    }
    if (strcmp(what, "crashes") == 0) {
        *nowhere = 1;
    }
    if (strcmp(what, "loops") == 0) {
        for (;;) {
            sleep(1000);
        }
    }
    if (strcmp(what, "connects") == 0) {
        return socket(AF_INET, SOCK_STREAM, 0);
    }
    if (strcmp(what, "takes memory") == 0) {
        return take_memory();
    }
    if (strcmp(what, "babbles") == 0) {
        return write_everywhere();
    }
    if (strcmp(what, "replies elsewhere") == 0) {
        return on_another_thread(id);
    }
    return CERALACCA_FAILED;
}

/* A handle to a secret of the operator, whose name it guessed. */
static const char SECRET[] = "\xD8\x1B\x82\x66" "secret\x53\x72" "password_esistente";

/* Asks for a secret that its manifest does not name, and refuses when it gets none. */
static int32_t ask_for_another_secret(uint64_t id)
{
    static const char ERROR[] = "\xA2\x64" "code\x6C" "prova.denied\x68" "headline\x66" "denied";
    const ceralacca_secret_extension *secrets = host->get_extension(host, "ceralacca.secret/1");
    uint8_t buffer[64];
    size_t length = 0;
    ceralacca_bytes name;
    name.data = (const uint8_t *)"password_esistente";
    name.length = 18;
    if (secrets->get(host, id, name, buffer, sizeof buffer, &length) == CERALACCA_OK) {
        return done(id);
    }
    return reply(id, CERALACCA_REFUSED, ERROR, sizeof ERROR - 1);
}

static int32_t with_another_reply(const char *what, uint64_t id)
{
    if (strcmp(what, "asks for a password") == 0) {
        return ask_for_another_secret(id);
    }
    if (strcmp(what, "replies twice") == 0) {
        done(id);
        return done(id);
    }
    if (strcmp(what, "is over") == 0) {
        over = id;
        return done(id);
    }
    if (strcmp(what, "replies late") == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, from_elsewhere, &over) == 0) {
            pthread_join(thread, NULL);
        }
        return done(id);
    }
    if (strcmp(what, "replies nothing") == 0) {
        return reply(id, CERALACCA_DONE, "", 0);
    }
    if (strcmp(what, "replies a number") == 0) {
        return reply(id, CERALACCA_DONE, "\x07", 1);
    }
    if (strcmp(what, "replies a secret") == 0) {
        return reply(id, CERALACCA_DONE, SECRET, sizeof SECRET - 1);
    }
    if (strcmp(what, "waits") == 0) {
        return reply(id, CERALACCA_NOT_YET, "\x64" "rain", 5);
    }
    if (strcmp(what, "refuses in a number") == 0) {
        return reply(id, CERALACCA_REFUSED, "\x07", 1);
    }
    return without_proper_end(what, id);
}

static int32_t describe(uint64_t id)
{
    static uint8_t text[sizeof MANIFEST + 8];
    ceralacca_cbor_writer writer = ceralacca_cbor_write(text, sizeof text);
    ceralacca_cbor_put_string(&writer, MANIFEST);
    return reply(id, CERALACCA_DONE, writer.data, writer.length);
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call)
{
    ceralacca_cbor_reader reader = ceralacca_cbor_read(call->arguments.data, call->arguments.length);
    ceralacca_cbor_item list, what;
    char text[64] = "";
    (void)plugin;
    if (call->operation == CERALACCA_DESCRIBE) {
        return describe(call->id);
    }
    if (!ceralacca_cbor_expect(&reader, CERALACCA_CBOR_ARRAY, &list)
        || !ceralacca_cbor_expect(&reader, CERALACCA_CBOR_TEXT, &what) || what.length >= sizeof text) {
        return CERALACCA_FAILED;
    }
    memcpy(text, what.data, what.length);
    return with_another_reply(text, call->id);
}

static void destroy(ceralacca_plugin *plugin)
{
    (void)plugin;
}

static int32_t create(const ceralacca_host *given, ceralacca_plugin *plugin)
{
    host = given;
    plugin->size = sizeof *plugin;
    plugin->state = NULL;
    plugin->invoke = invoke;
    plugin->destroy = destroy;
    plugin->get_extension = NULL;
    return CERALACCA_OK;
}

CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry = { MAGIC, sizeof(ceralacca_entry), MAJOR, 0,
                                                                  create };
