/*
 * Extensions that may still change or go: `plugins/sdk/include/ceralacca_plugin_draft.h`.
 *
 * A plugin that uses one must do without it when `get_extension` gives null. When a draft is settled
 * it moves to the stable header under a name without `draft`.
 *
 * Made from core/plugin-abi by tests/plugins: not to be edited.
 */

#ifndef CERALACCA_PLUGIN_DRAFT_H
#define CERALACCA_PLUGIN_DRAFT_H

#include "ceralacca_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Pages for the operator, such as a Riepilogo. */
typedef struct ceralacca_draft_show_extension {
    /** `sizeof` this structure on the host's side. */
    uint32_t size;
    /** Zero. */
    uint32_t reserved;
    /**
     * The plugin calls it during `invoke`, on its thread. It shows a page: a CBOR array of the title
     * and of `[label, text]` for each line. Only for primitives that touch `asks`.
     */
    int32_t (*show)(const ceralacca_host *host, uint64_t call, ceralacca_bytes page);
} ceralacca_draft_show_extension;

/** `get_extension`: pages for the operator, `ceralacca_draft_show_extension`. */
#define CERALACCA_EXTENSION_DRAFT_SHOW "ceralacca.draft.show/0"

#ifdef __cplusplus
}
#endif

#endif /* CERALACCA_PLUGIN_DRAFT_H */
