/*
 * Plugin `{{name}}`: greets whoever is named.
 *
 * The program reads `ceralacca_plugin_entry` at the end of this file, calls `create` once, then `invoke`
 * for each call. Each function here either replies and returns CERALACCA_OK, or returns CERALACCA_FAILED.
 */

#include "ceralacca_cbor.h"
#include "ceralacca_plugin.h"

/* The manifest: the same as {{name}}.json beside the library, which is read before it is loaded. Keep it
 * below 4,095 characters, the most that every C99 compiler takes, or write it as an array of bytes. */
static const char MANIFEST[] = CERALACCA_MANIFEST({
    "ceralacca_plugin": 1,
    "name": "{{name}}",
    "version": "0.1.0",
    "summary": "Greets whoever is named",
    "namespaces": [{
        "name": "{{name_with_underscores}}",
        "doc": "Greetings.",
        "primitives": [{
            "name": "greet",
            "doc": "Greets somebody by name.",
            "params": [{ "name": "name", "schema": { "type": "string" } }],
            "returns": { "type": "string" },
            "since": "0.1.0",
            "effect": "pure"
        }]
    }]
});

static int32_t reply(const ceralacca_host *host, const ceralacca_call *call, int32_t status,
                     const ceralacca_cbor_writer *value)
{
    ceralacca_bytes bytes;
    if (value->failed) {
        return CERALACCA_FAILED;
    }
    bytes.data = value->data;
    bytes.length = value->length;
    return host->reply(host, call->id, status, bytes);
}

/* An error says what is wrong, what would be right, and what to do. */
static int32_t refuse(const ceralacca_host *host, const ceralacca_call *call, const char *code,
                      const char *headline, const char *expected)
{
    uint8_t buffer[512];
    ceralacca_cbor_writer error = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_put_map(&error, 5);
    ceralacca_cbor_put_string(&error, "code");
    ceralacca_cbor_put_string(&error, code);
    ceralacca_cbor_put_string(&error, "headline");
    ceralacca_cbor_put_string(&error, headline);
    ceralacca_cbor_put_string(&error, "expected");
    ceralacca_cbor_put_string(&error, expected);
    ceralacca_cbor_put_string(&error, "state");
    ceralacca_cbor_put_string(&error, "nothing was done");
    ceralacca_cbor_put_string(&error, "next");
    ceralacca_cbor_put_string(&error, "correct the workflow");
    return reply(host, call, CERALACCA_REFUSED, &error);
}

/* {{name_with_underscores}}::greet */
static int32_t greet(const ceralacca_host *host, const ceralacca_call *call)
{
    static const char before[] = "Buongiorno, ", after[] = "!";
    char text[256];
    size_t length = sizeof before - 1;
    uint8_t buffer[300];
    ceralacca_cbor_reader arguments = ceralacca_cbor_read(call->arguments.data, call->arguments.length);
    ceralacca_cbor_writer greeting = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_item list, name;
    if (!ceralacca_cbor_expect(&arguments, CERALACCA_CBOR_ARRAY, &list) || list.length != 1
        || !ceralacca_cbor_expect(&arguments, CERALACCA_CBOR_TEXT, &name)) {
        return refuse(host, call, "primitive.wrong_argument",
                      "the arguments of {{name_with_underscores}}::greet do not fit", "one text, the name");
    }
    if (name.length == 0 || name.length > 200) {
        return refuse(host, call, "{{name_with_underscores}}.no_name", "nobody has such a name",
                      "a name of 1 to 200 bytes");
    }
    memcpy(text, before, length);
    memcpy(text + length, name.data, name.length);
    length += name.length;
    memcpy(text + length, after, sizeof after - 1);
    length += sizeof after - 1;
    ceralacca_cbor_put_text(&greeting, text, length);
    return reply(host, call, CERALACCA_DONE, &greeting);
}

static int32_t describe(const ceralacca_host *host, const ceralacca_call *call)
{
    uint8_t buffer[sizeof MANIFEST + 9];
    ceralacca_cbor_writer manifest = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_put_string(&manifest, MANIFEST);
    return reply(host, call, CERALACCA_DONE, &manifest);
}

static int is_named(const ceralacca_call *call, const char *name)
{
    return call->name.length == strlen(name) && memcmp(call->name.data, name, call->name.length) == 0;
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call)
{
    const ceralacca_host *host = (const ceralacca_host *)plugin->state;
    if (call->size < sizeof *call) {
        return CERALACCA_FAILED;
    }
    if (call->operation == CERALACCA_DESCRIBE) {
        return describe(host, call);
    }
    if (call->operation == CERALACCA_CALL && is_named(call, "{{name_with_underscores}}::greet")) {
        return greet(host, call);
    }
    return CERALACCA_FAILED;
}

static void destroy(ceralacca_plugin *plugin)
{
    /* What was allocated for `state` is freed here; this plugin allocates nothing. */
    plugin->state = NULL;
}

static int32_t create(const ceralacca_host *host, ceralacca_plugin *plugin)
{
    if (host->size < sizeof *host || plugin->size < sizeof *plugin) {
        return CERALACCA_FAILED;
    }
    plugin->size = sizeof *plugin;
    /* What outlives a call; here it is the host alone, which is not written to. */
    plugin->state = (void *)host;
    plugin->invoke = invoke;
    plugin->destroy = destroy;
    plugin->get_extension = NULL;
    return CERALACCA_OK;
}

const ceralacca_entry ceralacca_plugin_entry = {
    CERALACCA_MAGIC, sizeof(ceralacca_entry), CERALACCA_ABI_MAJOR, 0, create,
};
