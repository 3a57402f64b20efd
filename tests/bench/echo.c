/* Gives back its argument, as fast as the contract allows. For the benchmark. */
#include <string.h>

#include "ceralacca_plugin.h"

static const char manifest[] = CERALACCA_MANIFEST({
    "ceralacca_plugin": 1, "name": "bench-echo", "version": "1.0.0", "summary": "Gives back what it gets",
    "namespaces": [{"name": "bench_echo", "doc": "For the benchmark.", "primitives": [{
        "name": "echo", "doc": "Gives back what it gets.", "params": [{"name": "data",
        "schema": {"type": "string", "contentEncoding": "base64"}}],
        "returns": {"type": "string", "contentEncoding": "base64"}, "since": "1.0.0", "effect": "pure"}]}],
    "capabilities": {}
});

static const ceralacca_host *host;

static int32_t describe(uint64_t id)
{
    /* CBOR: text with a length of two bytes. */
    static uint8_t text[sizeof manifest + 3];
    size_t length = sizeof manifest - 1;
    ceralacca_bytes value;
    text[0] = 0x79;
    text[1] = (uint8_t)(length >> 8);
    text[2] = (uint8_t)length;
    memcpy(text + 3, manifest, length);
    value.data = text;
    value.length = length + 3;
    return host->reply(host, id, CERALACCA_DONE, value);
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call)
{
    ceralacca_bytes value;
    (void)plugin;
    if (call->operation == CERALACCA_DESCRIBE) {
        return describe(call->id);
    }
    if (call->operation != CERALACCA_CALL || call->arguments.length < 2) {
        return CERALACCA_FAILED;
    }
    /* An array of one begins with one byte; what follows is the argument. */
    value.data = call->arguments.data + 1;
    value.length = call->arguments.length - 1;
    return host->reply(host, call->id, CERALACCA_DONE, value);
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

CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry = {
    CERALACCA_MAGIC, sizeof(ceralacca_entry), CERALACCA_ABI_MAJOR, 0, create
};
