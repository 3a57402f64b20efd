/*
 * The contract between the program and a plugin, in C.
 *
 * A plugin is a shared library that exports one constant, `ceralacca_plugin_entry`. The host reads
 * its magic number, size and version, calls `create` once, `invoke` for each call, and `destroy` at
 * the end, all on one thread. An answer is given by calling `reply` during `invoke`, in CBOR
 * (RFC 8949): integers, floats of 64 bits, text, bytes, arrays and maps with text keys, all of
 * definite length; a handle is tag 27 around `[kind, bytes]`, where the bytes are the CBOR of its id.
 *
 * Rules that hold everywhere:
 *
 * - Nothing allocated on one side is freed on the other. Bytes that are passed belong to the side that
 *   passes them, and are there until the function that passes them returns.
 * - Structures only grow, at their end. `size` says how much of one is there: nothing beyond it is read.
 * - A function returns 0 or one of the codes below. None may unwind or `longjmp` past its caller.
 * - Text is UTF-8 and ends where its length says, not at a zero byte.
 *
 * Made from core/plugin-abi by tests/plugins: not to be edited.
 */

#ifndef CERALACCA_PLUGIN_H
#define CERALACCA_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a plugin exports is marked with this. */
#if defined(_WIN32)
#define CERALACCA_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define CERALACCA_EXPORT __attribute__((visibility("default")))
#else
#define CERALACCA_EXPORT
#endif

/** The manifest as text, written as JSON without escaping: `CERALACCA_MANIFEST({ "name": "x" })`. */
#define CERALACCA_MANIFEST(...) #__VA_ARGS__

/** First member of the entry: the letters CERALACC. */
#define CERALACCA_MAGIC 4847371014339904323

/** Grows when something changes that old plugins could not survive. A host refuses another major. */
#define CERALACCA_ABI_MAJOR 1

/** Grows when something is added. A plugin states the least minor that it needs. */
#define CERALACCA_ABI_MINOR 0

/** `ceralacca_call.operation`: the plugin replies with its manifest, as text (CBOR major type 3). */
#define CERALACCA_DESCRIBE 0

/** `ceralacca_call.operation`: carry out the primitive, or the operation of a seam, that `name` names. */
#define CERALACCA_CALL 1

/** `ceralacca_call.operation`: say what became of an interrupted call with these arguments and this key. */
#define CERALACCA_RECONCILE 2

/** `reply` status: done; the value is the result. For `CERALACCA_RECONCILE`: it happened, with this result. */
#define CERALACCA_DONE 0

/** `reply` status, for primitives that wait: not there yet; the value is a text on what is waited for. */
#define CERALACCA_NOT_YET 1

/** `reply` status: refused; the value is an error. Nothing happened outside. */
#define CERALACCA_REFUSED 2

/** `reply` status: the value is an error, and something may have happened outside. */
#define CERALACCA_UNKNOWN 3

/** `reply` status, for `CERALACCA_RECONCILE`: it certainly did not happen, and may be done now; the value is null. */
#define CERALACCA_NOT_DONE 4

/** Returned: as it should be. */
#define CERALACCA_OK 0

/** Returned by a plugin: it failed. When it has not replied, the host makes an error of it. */
#define CERALACCA_FAILED (-1)

/** Returned by the host: this call has its reply already, or is over. */
#define CERALACCA_CLOSED (-2)

/** Returned by the host: not the thread that the call came on. */
#define CERALACCA_WRONG_THREAD (-3)

/** Returned by the host: longer than it takes, or than the buffer that was given. */
#define CERALACCA_TOO_LARGE (-4)

/** Returned by the host: an argument that cannot be. */
#define CERALACCA_BAD_ARGUMENT (-5)

/** Returned by the host: the operator, the settings or the manifest do not allow it. */
#define CERALACCA_NOT_GRANTED (-6)

/** Bytes that belong to whoever passes them. `data` may be null when `length` is 0. */
typedef struct ceralacca_bytes {
    /** The first of them. */
    const uint8_t *data;
    /** How many. */
    size_t length;
} ceralacca_bytes;

/** One call of a plugin. The host makes and owns it; everything in it is there until `invoke` returns. */
typedef struct ceralacca_call {
    /** `sizeof` this structure on the host's side. */
    uint32_t size;
    /** `CERALACCA_DESCRIBE`, `CERALACCA_CALL` or `CERALACCA_RECONCILE`. A plugin answers others with `CERALACCA_FAILED`. */
    uint32_t operation;
    /** Goes into `reply` and into the functions of extensions. Never 0. */
    uint64_t id;
    /** `namespace::name` of a primitive, or `seam/operation`, such as `signer/sign`. Text. */
    struct ceralacca_bytes name;
    /** The arguments: a CBOR array. Those left out at the end are missing. */
    struct ceralacca_bytes arguments;
    /**
     * What surrounds the call: a CBOR map with `key` (the same text when the call is repeated, and no
     * other's), `run`, `run_key`, `now` and `since` (RFC 3339). For `pure` primitives there is no `now`
     * and no `since`, and `key` says nothing: they are not journaled.
     */
    struct ceralacca_bytes context;
} ceralacca_call;

/**
 * What the host offers. The host makes and owns it; it lives from before `create` until after
 * `destroy`, at one address, and nothing in it changes.
 */
typedef struct ceralacca_host {
    /** `sizeof` this structure on the host's side: members beyond it are not there. */
    uint32_t size;
    /** The host's `CERALACCA_ABI_MAJOR`. */
    uint16_t abi_major;
    /** The host's `CERALACCA_ABI_MINOR`. */
    uint16_t abi_minor;
    /** The host's own; a plugin leaves it alone. */
    void *context;
    /**
     * The settings of this plugin: a CBOR map, `[plugins.NAME.settings]` of `ceralacca.toml`. They
     * are the host's, and live as long as this structure.
     */
    struct ceralacca_bytes settings;
    /**
     * The plugin calls it to answer a call: exactly once, during `invoke`, on its thread. The value is
     * the plugin's; the host copies it before this returns. With call 0, during `create`, it says why
     * `create` fails.
     */
    int32_t (*reply)(const struct ceralacca_host *host,
                     uint64_t call,
                     int32_t status,
                     struct ceralacca_bytes value);
    /**
     * The plugin calls it, on any thread, for the functions of an extension, such as
     * `ceralacca.secret/1`; null when the host has none of that name. `name` ends with a zero byte.
     * What comes back is the host's, and lives as long as this structure.
     */
    const void *(*get_extension)(const struct ceralacca_host *host, const char *name);
} ceralacca_host;

/**
 * What `create` fills in. The host owns the structure, which stays at one address, the plugin what
 * `state` points to.
 */
typedef struct ceralacca_plugin {
    /** Set by the host to the room there is; set by the plugin to what it filled in, not more. */
    uint32_t size;
    /** Zero. */
    uint32_t reserved;
    /** The plugin's own; the host leaves it alone. */
    void *state;
    /**
     * The host calls it for each call, one after the other, on the thread of `create`. It replies,
     * then returns `CERALACCA_OK`; or it returns `CERALACCA_FAILED`. It keeps no pointer into `call`.
     */
    int32_t (*invoke)(struct ceralacca_plugin *plugin, const struct ceralacca_call *call);
    /**
     * The host calls it once, last, on the same thread, and not when the process is being killed.
     * It frees `state`.
     */
    void (*destroy)(struct ceralacca_plugin *plugin);
    /**
     * The host calls it, on the same thread, for the plugin's functions of an extension that the host
     * knows; null when it has none. What comes back is the plugin's, and lives until `destroy`. May
     * be null itself.
     */
    const void *(*get_extension)(struct ceralacca_plugin *plugin, const char *name);
} ceralacca_plugin;

/**
 * What a plugin exports under the name `ceralacca_plugin_entry`: constant, and read by the host before
 * any code of the plugin is called.
 */
typedef struct ceralacca_entry {
    /** `CERALACCA_MAGIC`. */
    uint64_t magic;
    /** `sizeof` this structure on the plugin's side. */
    uint32_t size;
    /** `CERALACCA_ABI_MAJOR` that the plugin was built for. */
    uint16_t abi_major;
    /** The least `CERALACCA_ABI_MINOR` that the plugin needs of its host. */
    uint16_t abi_minor;
    /**
     * The host calls it once, before everything else; its thread is the plugin's from then on. It
     * makes the plugin ready: fills `plugin` in and returns `CERALACCA_OK`, or returns `CERALACCA_FAILED`.
     */
    int32_t (*create)(const struct ceralacca_host *host, struct ceralacca_plugin *plugin);
} ceralacca_entry;

/**
 * Secrets of the operator: those of the plugin's manifest, and those whose handle is an argument of
 * the call. The host asks when it does not have the secret yet.
 */
typedef struct ceralacca_secret_extension {
    /** `sizeof` this structure on the host's side. */
    uint32_t size;
    /** Zero. */
    uint32_t reserved;
    /**
     * The plugin calls it during `invoke`, on its thread. It copies the secret `name` into the
     * plugin's own `buffer` and says in `length` how long it is; `CERALACCA_TOO_LARGE` when `capacity` is less
     * (`length` says how much is needed), `CERALACCA_NOT_GRANTED` when the operator gives none. The plugin wipes
     * the buffer after use.
     */
    int32_t (*get)(const struct ceralacca_host *host,
                   uint64_t call,
                   struct ceralacca_bytes name,
                   uint8_t *buffer,
                   size_t capacity,
                   size_t *length);
} ceralacca_secret_extension;

/** What the operator sees of a long call. */
typedef struct ceralacca_progress_extension {
    /** `sizeof` this structure on the host's side. */
    uint32_t size;
    /** Zero. */
    uint32_t reserved;
    /** The plugin calls it during `invoke`, on its thread. It shows one line of text. */
    int32_t (*tell)(const struct ceralacca_host *host, uint64_t call, struct ceralacca_bytes text);
} ceralacca_progress_extension;

/** The name of the exported constant. */
#define CERALACCA_ENTRY_SYMBOL "ceralacca_plugin_entry"

/** `get_extension`: secrets of the operator, `ceralacca_secret_extension`. */
#define CERALACCA_EXTENSION_SECRET "ceralacca.secret/1"

/** `get_extension`: what the operator sees of a long call, `ceralacca_progress_extension`. */
#define CERALACCA_EXTENSION_PROGRESS "ceralacca.progress/1"

/** The one thing that a plugin exports; the plugin defines it. */
extern CERALACCA_EXPORT const ceralacca_entry ceralacca_plugin_entry;

/* The layout on 64-bit machines is part of the contract: this does not compile elsewise. */
#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
typedef char ceralacca_layout_bytes_data[offsetof(ceralacca_bytes, data) == 0 ? 1 : -1];
typedef char ceralacca_layout_bytes_length[offsetof(ceralacca_bytes, length) == 8 ? 1 : -1];
typedef char ceralacca_layout_bytes[sizeof(ceralacca_bytes) == 16 ? 1 : -1];
typedef char ceralacca_layout_call_size[offsetof(ceralacca_call, size) == 0 ? 1 : -1];
typedef char ceralacca_layout_call_operation[offsetof(ceralacca_call, operation) == 4 ? 1 : -1];
typedef char ceralacca_layout_call_id[offsetof(ceralacca_call, id) == 8 ? 1 : -1];
typedef char ceralacca_layout_call_name[offsetof(ceralacca_call, name) == 16 ? 1 : -1];
typedef char ceralacca_layout_call_arguments[offsetof(ceralacca_call, arguments) == 32 ? 1 : -1];
typedef char ceralacca_layout_call_context[offsetof(ceralacca_call, context) == 48 ? 1 : -1];
typedef char ceralacca_layout_call[sizeof(ceralacca_call) == 64 ? 1 : -1];
typedef char ceralacca_layout_host_size[offsetof(ceralacca_host, size) == 0 ? 1 : -1];
typedef char ceralacca_layout_host_abi_major[offsetof(ceralacca_host, abi_major) == 4 ? 1 : -1];
typedef char ceralacca_layout_host_abi_minor[offsetof(ceralacca_host, abi_minor) == 6 ? 1 : -1];
typedef char ceralacca_layout_host_context[offsetof(ceralacca_host, context) == 8 ? 1 : -1];
typedef char ceralacca_layout_host_settings[offsetof(ceralacca_host, settings) == 16 ? 1 : -1];
typedef char ceralacca_layout_host_reply[offsetof(ceralacca_host, reply) == 32 ? 1 : -1];
typedef char ceralacca_layout_host_get_extension[offsetof(ceralacca_host, get_extension) == 40 ? 1 : -1];
typedef char ceralacca_layout_host[sizeof(ceralacca_host) == 48 ? 1 : -1];
typedef char ceralacca_layout_plugin_size[offsetof(ceralacca_plugin, size) == 0 ? 1 : -1];
typedef char ceralacca_layout_plugin_reserved[offsetof(ceralacca_plugin, reserved) == 4 ? 1 : -1];
typedef char ceralacca_layout_plugin_state[offsetof(ceralacca_plugin, state) == 8 ? 1 : -1];
typedef char ceralacca_layout_plugin_invoke[offsetof(ceralacca_plugin, invoke) == 16 ? 1 : -1];
typedef char ceralacca_layout_plugin_destroy[offsetof(ceralacca_plugin, destroy) == 24 ? 1 : -1];
typedef char ceralacca_layout_plugin_get_extension[offsetof(ceralacca_plugin, get_extension) == 32 ? 1 : -1];
typedef char ceralacca_layout_plugin[sizeof(ceralacca_plugin) == 40 ? 1 : -1];
typedef char ceralacca_layout_entry_magic[offsetof(ceralacca_entry, magic) == 0 ? 1 : -1];
typedef char ceralacca_layout_entry_size[offsetof(ceralacca_entry, size) == 8 ? 1 : -1];
typedef char ceralacca_layout_entry_abi_major[offsetof(ceralacca_entry, abi_major) == 12 ? 1 : -1];
typedef char ceralacca_layout_entry_abi_minor[offsetof(ceralacca_entry, abi_minor) == 14 ? 1 : -1];
typedef char ceralacca_layout_entry_create[offsetof(ceralacca_entry, create) == 16 ? 1 : -1];
typedef char ceralacca_layout_entry[sizeof(ceralacca_entry) == 24 ? 1 : -1];
typedef char ceralacca_layout_secret_extension_size[offsetof(ceralacca_secret_extension, size) == 0 ? 1 : -1];
typedef char ceralacca_layout_secret_extension_reserved[offsetof(ceralacca_secret_extension, reserved) == 4 ? 1 : -1];
typedef char ceralacca_layout_secret_extension_get[offsetof(ceralacca_secret_extension, get) == 8 ? 1 : -1];
typedef char ceralacca_layout_secret_extension[sizeof(ceralacca_secret_extension) == 16 ? 1 : -1];
typedef char ceralacca_layout_progress_extension_size[offsetof(ceralacca_progress_extension, size) == 0 ? 1 : -1];
typedef char ceralacca_layout_progress_extension_reserved[offsetof(ceralacca_progress_extension, reserved) == 4 ? 1 : -1];
typedef char ceralacca_layout_progress_extension_tell[offsetof(ceralacca_progress_extension, tell) == 8 ? 1 : -1];
typedef char ceralacca_layout_progress_extension[sizeof(ceralacca_progress_extension) == 16 ? 1 : -1];
#endif

#ifdef __cplusplus
}
#endif

#endif /* CERALACCA_PLUGIN_H */
