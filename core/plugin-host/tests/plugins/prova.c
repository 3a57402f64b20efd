/* A plugin that does what it is told: good and bad replies, for tests/plugins.rs. */

#include <stdlib.h>
#include <string.h>

#include "ceralacca_cbor.h"
#include "ceralacca_plugin.h"

#ifndef VERSION
#define VERSION 1.0.0
#endif
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char MANIFEST[] =
    "{\"ceralacca_plugin\": 1, \"name\": \"prova\", \"version\": \"" TEXT(VERSION) "\", \"summary\": \"Tries\","
    "\"namespaces\": [{\"name\": \"prova\", \"doc\": \"Tries.\", \"primitives\": ["
    "{\"name\": \"read\", \"doc\": \"Reads.\", \"params\": [{\"name\": \"how\", \"schema\": {\"type\": \"string\"}}],"
    " \"returns\": {\"type\": \"string\"}, \"since\": \"1.0.0\", \"effect\": \"recorded\"},"
    "{\"name\": \"act\", \"doc\": \"Acts.\", \"params\": [{\"name\": \"how\", \"schema\": {\"type\": \"string\"}}],"
    " \"returns\": {\"type\": \"string\"}, \"since\": \"1.0.0\", \"effect\": \"once\", \"touches\": [\"sends\"],"
    " \"reconcile\": true},"
    "{\"name\": \"echo\", \"doc\": \"Gives it back.\", \"params\": [{\"name\": \"value\", \"schema\": {}}],"
    " \"returns\": {}, \"since\": \"1.0.0\", \"effect\": \"recorded\"}]}],"
    "\"secrets\": [{\"name\": \"prova_pin\", \"label\": \"PIN\", \"rule\": \"any\"}]}";

static const ceralacca_host *the_host;

static int32_t answer(const ceralacca_call *call, int32_t status, const void *data, size_t length)
{
    ceralacca_bytes value;
    value.data = (const uint8_t *)data;
    value.length = length;
    return the_host->reply(the_host, call->id, status, value);
}

static int32_t text(const ceralacca_call *call, int32_t status, const char *what)
{
    static uint8_t buffer[8192];
    ceralacca_cbor_writer writer = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_put_string(&writer, what);
    return answer(call, status, writer.data, writer.length);
}

static int32_t error(const ceralacca_call *call, int32_t status, const char *code, const char *headline)
{
    uint8_t buffer[8192];
    ceralacca_cbor_writer writer = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_put_map(&writer, 2);
    ceralacca_cbor_put_string(&writer, "code");
    ceralacca_cbor_put_string(&writer, code);
    ceralacca_cbor_put_string(&writer, "headline");
    ceralacca_cbor_put_string(&writer, headline);
    return answer(call, status, writer.data, writer.length);
}

/* The secret of the manifest, in an error: no plugin should. */
static int32_t leak(const ceralacca_call *call)
{
    char headline[128] = "the secret is ";
    size_t length = 0, at = strlen(headline);
    const char *name = "prova_pin";
    ceralacca_bytes asked;
    const ceralacca_secret_extension *secrets = (const ceralacca_secret_extension *)
        the_host->get_extension(the_host, CERALACCA_EXTENSION_SECRET);
    asked.data = (const uint8_t *)name;
    asked.length = strlen(name);
    if (!secrets || secrets->get(the_host, call->id, asked, (uint8_t *)headline + at, 64, &length)) {
        return CERALACCA_FAILED;
    }
    headline[at + length] = 0;
    return error(call, CERALACCA_REFUSED, "prova.leak", headline);
}

static int32_t carry_out(const ceralacca_call *call, const char *how)
{
    static char longer[6001];
    if (!strcmp(how, "crash")) abort();
    if (!strcmp(how, "failed")) return CERALACCA_FAILED;
    if (!strcmp(how, "leak")) return leak(call);
    if (!strcmp(how, "malformed")) return answer(call, CERALACCA_DONE, "\x9f\x01", 2);
    if (!strcmp(how, "result")) return answer(call, CERALACCA_DONE, "\x05", 1);
    if (!strcmp(how, "foreign")) {
        return answer(call, CERALACCA_DONE, "\xd8\x1b\x82\x6b" "environment" "\x41\xf6", 17);
    }
    if (!strcmp(how, "status")) return text(call, 9, "nine");
    if (!strcmp(how, "not_yet")) return text(call, CERALACCA_NOT_YET, "soon");
    if (!strcmp(how, "not_done")) return answer(call, CERALACCA_NOT_DONE, "\xf6", 1);
    if (!strcmp(how, "unknown")) return error(call, CERALACCA_UNKNOWN, "prova.doubt", "who knows");
    if (!strcmp(how, "foreign_code")) return error(call, CERALACCA_REFUSED, "agency.rejected", "no");
    if (!strcmp(how, "no_code")) return text(call, CERALACCA_REFUSED, "an error that is none");
    if (!strcmp(how, "long")) {
        memset(longer, 'x', 6000);
        longer[0] = 27;
        return error(call, CERALACCA_REFUSED, "prova.long", longer);
    }
    return text(call, CERALACCA_DONE, how);
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call)
{
    ceralacca_cbor_reader reader = ceralacca_cbor_read(call->arguments.data, call->arguments.length);
    ceralacca_cbor_item list, item;
    char how[64];
    (void)plugin;
#ifdef LEAKS
    memset(malloc(16384), 1, 16384);
#endif
    if (call->operation == CERALACCA_DESCRIBE) {
        return text(call, CERALACCA_DONE, MANIFEST);
    }
    if (call->operation == CERALACCA_RECONCILE) {
        return answer(call, CERALACCA_NOT_DONE, "\xf6", 1);
    }
    if (call->name.length == 11 && !memcmp(call->name.data, "prova::echo", 11) && call->arguments.length > 1) {
        return answer(call, CERALACCA_DONE, call->arguments.data + 1, call->arguments.length - 1);
    }
    if (!ceralacca_cbor_expect(&reader, CERALACCA_CBOR_ARRAY, &list) || list.length != 1
        || !ceralacca_cbor_expect(&reader, CERALACCA_CBOR_TEXT, &item) || item.length >= sizeof how) {
#ifdef DIES
        abort();
#endif
        return error(call, CERALACCA_REFUSED, "primitive.wrong_argument", "one text is needed");
    }
    memcpy(how, item.data, item.length);
    how[item.length] = 0;
    return carry_out(call, how);
}

static void destroy(ceralacca_plugin *plugin)
{
    (void)plugin;
}

static int32_t create(const ceralacca_host *host, ceralacca_plugin *plugin)
{
    the_host = host;
#ifdef REASON
    {
        ceralacca_call call;
        call.id = 0;
        error(&call, CERALACCA_REFUSED, "prova.no_module", "there is no module");
        return CERALACCA_FAILED;
    }
#endif
    plugin->size = sizeof *plugin;
    plugin->invoke = invoke;
    plugin->destroy = destroy;
    return CERALACCA_OK;
}

CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry = {
    CERALACCA_MAGIC, sizeof(ceralacca_entry),
#ifdef MAJOR
    MAJOR,
#else
    CERALACCA_ABI_MAJOR,
#endif
    0, create};
