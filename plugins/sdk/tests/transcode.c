/* Reads CBOR with the header and writes it again with the header: what a test compares. */

#include "ceralacca_cbor.h"

#include <stdio.h>
#include <stdlib.h>

static void copy(ceralacca_cbor_reader *reader, ceralacca_cbor_writer *writer, int depth)
{
    ceralacca_cbor_item item, inner;
    size_t at;
    if (depth == CERALACCA_CBOR_DEPTH || !ceralacca_cbor_next(reader, &item)) {
        writer->failed = 1;
        return;
    }
    switch (item.type) {
    case CERALACCA_CBOR_NULL:
        ceralacca_cbor_put_null(writer);
        break;
    case CERALACCA_CBOR_BOOL:
        ceralacca_cbor_put_bool(writer, item.integer != 0);
        break;
    case CERALACCA_CBOR_INTEGER:
        ceralacca_cbor_put_integer(writer, item.integer);
        break;
    case CERALACCA_CBOR_NUMBER:
        ceralacca_cbor_put_number(writer, item.number);
        break;
    case CERALACCA_CBOR_TEXT:
        ceralacca_cbor_put_text(writer, item.data, item.length);
        break;
    case CERALACCA_CBOR_BYTES:
        ceralacca_cbor_put_bytes(writer, item.data, item.length);
        break;
    case CERALACCA_CBOR_ARRAY:
        ceralacca_cbor_put_array(writer, item.length);
        for (at = 0; at < item.length && !writer->failed; at++) {
            copy(reader, writer, depth + 1);
        }
        break;
    case CERALACCA_CBOR_MAP:
        ceralacca_cbor_put_map(writer, item.length);
        for (at = 0; at < item.length && !writer->failed; at++) {
            if (!ceralacca_cbor_expect(reader, CERALACCA_CBOR_TEXT, &inner)) {
                writer->failed = 1;
                return;
            }
            ceralacca_cbor_put_text(writer, inner.data, inner.length);
            copy(reader, writer, depth + 1);
        }
        break;
    case CERALACCA_CBOR_HANDLE:
        if (!ceralacca_cbor_expect(reader, CERALACCA_CBOR_BYTES, &inner)) {
            writer->failed = 1;
            return;
        }
        ceralacca_cbor_put_handle(writer, &item, &inner);
        break;
    }
}

/* Of each frame (length, bytes): whether it could be read, whether it could be passed over, and what was
 * written again. */
int main(void)
{
    static uint8_t in[1 << 20], out[1 << 20];
    uint32_t length;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        ceralacca_cbor_reader reader, passing;
        ceralacca_cbor_writer writer = ceralacca_cbor_write(out, sizeof out);
        ceralacca_cbor_item item;
        uint8_t verdict[2];
        uint32_t written;
        uint8_t *exact;
        if (length > sizeof in || fread(in, 1, length, stdin) != length) {
            return 1;
        }
        /* Where reading beyond the end is noticed. */
        exact = (uint8_t *)malloc(length ? length : 1);
        if (!exact) {
            return 1;
        }
        memcpy(exact, in, length);
        reader = passing = ceralacca_cbor_read(exact, length);
        copy(&reader, &writer, 0);
        verdict[0] = !reader.failed && !writer.failed && reader.left == 0;
        verdict[1] = ceralacca_cbor_next(&passing, &item) && ceralacca_cbor_pass(&passing, &item)
                     && passing.left == 0;
        written = (uint32_t)writer.length;
        free(exact);
        if (fwrite(verdict, 1, 2, stdout) != 2 || fwrite(&written, sizeof written, 1, stdout) != 1
            || fwrite(out, 1, written, stdout) != written || fflush(stdout) != 0) {
            return 1;
        }
    }
    return 0;
}
