/*
 * A plugin in C99 without any dependency: it greets, counts, and stamps with the time.
 *
 * The program reads `ceralacca_plugin_entry` at the end of this file, calls `create` once, then `invoke`
 * for each call. Each function here either replies and returns CERALACCA_OK, or returns CERALACCA_FAILED.
 */

#include "ceralacca_cbor.h"
#include "ceralacca_plugin.h"

/* The manifest: the same as example-c.json beside the library, which is read before it is loaded. */
static const char MANIFEST[] = CERALACCA_MANIFEST({
    "ceralacca_plugin": 1,
    "name": "example-c",
    "version": "1.0.0",
    "summary": "Greets, counts and stamps: a plugin in C",
    "namespaces": [{
        "name": "example_c",
        "doc": "What a plugin in C can do.",
        "primitives": [{
            "name": "greet",
            "doc": "Greets somebody.\n\n```rhai\nlet text = example_c::greet(\"Ada\");\n```",
            "params": [{ "name": "name", "schema": { "type": "string" } }],
            "returns": { "type": "string" },
            "since": "1.0.0",
            "effect": "pure"
        }, {
            "name": "count_bytes",
            "doc": "How many bytes there are.",
            "params": [{ "name": "data", "schema": { "type": "string", "contentEncoding": "base64" } }],
            "returns": { "type": "integer" },
            "since": "1.0.0",
            "effect": "pure"
        }, {
            "name": "stamp",
            "doc": "The text with the time of the call; shows that it is at work.",
            "params": [{ "name": "text", "schema": { "type": "string" } }],
            "returns": { "type": "string" },
            "since": "1.0.0",
            "effect": "recorded"
        }]
    }]
});

/* What outlives a call. */
struct state {
    const ceralacca_host *host;
    const ceralacca_progress_extension *progress;
};

static struct state the_state;

static ceralacca_bytes bytes(const void *data, size_t length)
{
    ceralacca_bytes passed;
    passed.data = (const uint8_t *)data;
    passed.length = length;
    return passed;
}

/* -- answers ------------------------------------------------------------------------------------ */

static int32_t reply(const struct state *state, const ceralacca_call *call, int32_t status,
                     const ceralacca_cbor_writer *value)
{
    if (value->failed) {
        return CERALACCA_FAILED;
    }
    return state->host->reply(state->host, call->id, status, bytes(value->data, value->length));
}

/* An error says what is wrong, what was there instead, and what to do. */
static int32_t refuse(const struct state *state, const ceralacca_call *call, const char *code,
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
    return reply(state, call, CERALACCA_REFUSED, &error);
}

/* -- arguments ---------------------------------------------------------------------------------- */

/* The only argument, when it is of this type and the only one. */
static int only_argument(const ceralacca_call *call, enum ceralacca_cbor_type type,
                         ceralacca_cbor_item *argument)
{
    ceralacca_cbor_reader reader = ceralacca_cbor_read(call->arguments.data, call->arguments.length);
    ceralacca_cbor_item list;
    return ceralacca_cbor_expect(&reader, CERALACCA_CBOR_ARRAY, &list) && list.length == 1
           && ceralacca_cbor_expect(&reader, type, argument);
}

static int is_named(const ceralacca_call *call, const char *name)
{
    return call->name.length == strlen(name) && memcmp(call->name.data, name, call->name.length) == 0;
}

/* Adds to a text, which has room for it. Its length counts, not a zero byte: there may be one in a name. */
static void add(char *text, size_t *length, const void *more, size_t more_length)
{
    memcpy(text + *length, more, more_length);
    *length += more_length;
}

/* -- primitives --------------------------------------------------------------------------------- */

static int32_t greet(const struct state *state, const ceralacca_call *call)
{
    char text[256];
    size_t length = 0;
    uint8_t buffer[300];
    ceralacca_cbor_writer greeting = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_item name;
    if (!only_argument(call, CERALACCA_CBOR_TEXT, &name)) {
        return refuse(state, call, "primitive.wrong_argument",
                      "the arguments of example_c::greet do not fit", "one text, the name");
    }
    if (name.length > 200) {
        return refuse(state, call, "example_c.name_too_long", "nobody has a name as long as this",
                      "a name of at most 200 bytes");
    }
    add(text, &length, "Buongiorno, ", 12);
    add(text, &length, name.data, name.length);
    add(text, &length, "!", 1);
    ceralacca_cbor_put_text(&greeting, text, length);
    return reply(state, call, CERALACCA_DONE, &greeting);
}

static int32_t count_bytes(const struct state *state, const ceralacca_call *call)
{
    uint8_t buffer[16];
    ceralacca_cbor_writer count = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_item data;
    if (!only_argument(call, CERALACCA_CBOR_BYTES, &data)) {
        return refuse(state, call, "primitive.wrong_argument",
                      "the arguments of example_c::count_bytes do not fit", "one argument, bytes");
    }
    ceralacca_cbor_put_integer(&count, (int64_t)data.length);
    return reply(state, call, CERALACCA_DONE, &count);
}

static int32_t stamp(const struct state *state, const ceralacca_call *call)
{
    static const char working[] = "stamping";
    char text[1024];
    size_t length = 0;
    uint8_t buffer[1100];
    ceralacca_cbor_writer stamped = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_reader context = ceralacca_cbor_read(call->context.data, call->context.length);
    ceralacca_cbor_item what, now;
    if (!only_argument(call, CERALACCA_CBOR_TEXT, &what) || what.length > 900) {
        return refuse(state, call, "primitive.wrong_argument",
                      "the arguments of example_c::stamp do not fit",
                      "one text of at most 900 bytes");
    }
    /* The time is the program's: a plugin that reads the clock itself breaks the replay of a run. */
    if (!ceralacca_cbor_find(&context, "now", &now) || now.type != CERALACCA_CBOR_TEXT
        || now.length > 100) {
        return CERALACCA_FAILED;
    }
    if (state->progress && state->progress->tell) {
        state->progress->tell(state->host, call->id, bytes(working, sizeof working - 1));
    }
    add(text, &length, what.data, what.length);
    add(text, &length, ", ", 2);
    add(text, &length, now.data, now.length);
    ceralacca_cbor_put_text(&stamped, text, length);
    return reply(state, call, CERALACCA_DONE, &stamped);
}

/* -- the contract ------------------------------------------------------------------------------- */

static int32_t describe(const struct state *state, const ceralacca_call *call)
{
    uint8_t buffer[sizeof MANIFEST + 9];
    ceralacca_cbor_writer manifest = ceralacca_cbor_write(buffer, sizeof buffer);
    ceralacca_cbor_put_string(&manifest, MANIFEST);
    return reply(state, call, CERALACCA_DONE, &manifest);
}

static int32_t invoke(ceralacca_plugin *plugin, const ceralacca_call *call)
{
    const struct state *state = (const struct state *)plugin->state;
    if (call->size < sizeof *call) {
        return CERALACCA_FAILED;
    }
    if (call->operation == CERALACCA_DESCRIBE) {
        return describe(state, call);
    }
    /* No primitive of this plugin is `once`: there is nothing to reconcile. */
    if (call->operation != CERALACCA_CALL) {
        return CERALACCA_FAILED;
    }
    if (is_named(call, "example_c::greet")) {
        return greet(state, call);
    }
    if (is_named(call, "example_c::count_bytes")) {
        return count_bytes(state, call);
    }
    if (is_named(call, "example_c::stamp")) {
        return stamp(state, call);
    }
    return CERALACCA_FAILED;
}

static void destroy(ceralacca_plugin *plugin)
{
    /* What was allocated for `state` is freed here; the example allocates nothing. */
    plugin->state = NULL;
}

static int32_t create(const ceralacca_host *host, ceralacca_plugin *plugin)
{
    if (host->size < sizeof *host || plugin->size < sizeof *plugin) {
        return CERALACCA_FAILED;
    }
    the_state.host = host;
    the_state.progress = (const ceralacca_progress_extension *)host->get_extension(
        host, CERALACCA_EXTENSION_PROGRESS);
    if (the_state.progress && the_state.progress->size < sizeof *the_state.progress) {
        the_state.progress = NULL;
    }
    plugin->size = sizeof *plugin;
    plugin->state = &the_state;
    plugin->invoke = invoke;
    plugin->destroy = destroy;
    plugin->get_extension = NULL;
    return CERALACCA_OK;
}

const ceralacca_entry ceralacca_plugin_entry = {
    CERALACCA_MAGIC, sizeof(ceralacca_entry), CERALACCA_ABI_MAJOR, 0, create,
};
