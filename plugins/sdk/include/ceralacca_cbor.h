/*
 * CBOR (RFC 8949) as the contract of plugins uses it: reads and writes without allocating.
 *
 * Not part of the contract: a plugin may use any other CBOR. Copy this file beside ceralacca_plugin.h.
 *
 * Writing goes into a buffer of the plugin's own. What does not fit, or is no UTF-8, sets `failed`, and
 * nothing more is written; one look at it at the end is enough.
 *
 * Reading walks over bytes that are there: nothing is copied. Lists and maps say how many things follow.
 * What is not CBOR of the contract, or nested deeper than CERALACCA_CBOR_DEPTH, sets `failed`, and every
 * further reading fails.
 */

#ifndef CERALACCA_CBOR_H
#define CERALACCA_CBOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** How deeply things may be nested. */
#define CERALACCA_CBOR_DEPTH 64

/** What an item is. */
enum ceralacca_cbor_type {
    CERALACCA_CBOR_NULL,
    CERALACCA_CBOR_BOOL,
    CERALACCA_CBOR_INTEGER,
    CERALACCA_CBOR_NUMBER,
    CERALACCA_CBOR_TEXT,
    CERALACCA_CBOR_BYTES,
    /** `length` items follow. */
    CERALACCA_CBOR_ARRAY,
    /** `length` times a text, its key, and an item. */
    CERALACCA_CBOR_MAP,
    /** A handle of the program: `data` is its kind; then comes one item, the bytes of its id. */
    CERALACCA_CBOR_HANDLE
};

/** One item. */
typedef struct ceralacca_cbor_item {
    enum ceralacca_cbor_type type;
    /** Of an integer; of a bool 0 or 1. */
    int64_t integer;
    /** Of a number that is no integer. */
    double number;
    /** Of text (UTF-8, without a zero at its end), bytes, and the kind of a handle. */
    const uint8_t *data;
    /** How many bytes, or things, there are. */
    size_t length;
} ceralacca_cbor_item;

/** Where reading has come to. */
typedef struct ceralacca_cbor_reader {
    const uint8_t *at;
    size_t left;
    int failed;
} ceralacca_cbor_reader;

/** Where writing has come to. `length` bytes of `data` are written. */
typedef struct ceralacca_cbor_writer {
    uint8_t *data;
    size_t capacity;
    size_t length;
    int failed;
} ceralacca_cbor_writer;

/** 1 when the bytes are UTF-8, without surrogates and without longer forms than needed. */
static inline int ceralacca_cbor_is_utf8(const uint8_t *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint8_t first = text[at++];
        uint32_t letter, least;
        size_t more;
        if (first < 0x80) {
            continue;
        } else if (first >= 0xC2 && first < 0xE0) {
            letter = first & 0x1Fu, more = 1, least = 0x80;
        } else if (first >= 0xE0 && first < 0xF0) {
            letter = first & 0x0Fu, more = 2, least = 0x800;
        } else if (first >= 0xF0 && first < 0xF5) {
            letter = first & 0x07u, more = 3, least = 0x10000;
        } else {
            return 0;
        }
        if (length - at < more) {
            return 0;
        }
        for (; more > 0; more--, at++) {
            if ((text[at] & 0xC0) != 0x80) {
                return 0;
            }
            letter = (letter << 6) | (text[at] & 0x3Fu);
        }
        if (letter < least || letter > 0x10FFFF || (letter >= 0xD800 && letter < 0xE000)) {
            return 0;
        }
    }
    return 1;
}

/* -- reading ------------------------------------------------------------------------------------ */

/** Begins to read. */
static inline ceralacca_cbor_reader ceralacca_cbor_read(const uint8_t *data, size_t length)
{
    ceralacca_cbor_reader reader;
    reader.at = data;
    reader.left = data ? length : 0;
    reader.failed = 0;
    return reader;
}

/** For the functions below. */
static inline int ceralacca_cbor_refuse(ceralacca_cbor_reader *reader)
{
    reader->failed = 1;
    return 0;
}

/** For the functions below: the first byte of an item and the number that goes with it. */
static inline int ceralacca_cbor_head(ceralacca_cbor_reader *reader, uint8_t *first, uint64_t *number)
{
    size_t more, at;
    if (reader->failed || reader->left == 0) {
        return ceralacca_cbor_refuse(reader);
    }
    *first = reader->at[0];
    *number = *first & 0x1F;
    more = *number < 24 ? 0 : *number < 28 ? (size_t)1 << (*number - 24) : reader->left;
    if (reader->left - 1 < more) {
        return ceralacca_cbor_refuse(reader);
    }
    if (more > 0) {
        *number = 0;
    }
    for (at = 1; at <= more; at++) {
        *number = (*number << 8) | reader->at[at];
    }
    reader->at += more + 1;
    reader->left -= more + 1;
    return 1;
}

/** For the functions below: text or bytes of that length. */
static inline int ceralacca_cbor_content(ceralacca_cbor_reader *reader, uint64_t length,
                                         ceralacca_cbor_item *item)
{
    if (length > reader->left) {
        return ceralacca_cbor_refuse(reader);
    }
    item->data = reader->at;
    item->length = (size_t)length;
    if (item->type == CERALACCA_CBOR_TEXT && !ceralacca_cbor_is_utf8(item->data, item->length)) {
        return ceralacca_cbor_refuse(reader);
    }
    reader->at += item->length;
    reader->left -= item->length;
    return 1;
}

/** For the functions below: tag 27 around `[kind, bytes]`, up to the kind. */
static inline int ceralacca_cbor_kind(ceralacca_cbor_reader *reader, ceralacca_cbor_item *item)
{
    uint8_t first;
    uint64_t number;
    if (!ceralacca_cbor_head(reader, &first, &number) || first >> 5 != 4 || number != 2
        || !ceralacca_cbor_head(reader, &first, &number) || first >> 5 != 3) {
        return ceralacca_cbor_refuse(reader);
    }
    item->type = CERALACCA_CBOR_TEXT;
    if (!ceralacca_cbor_content(reader, number, item)) {
        return 0;
    }
    item->type = CERALACCA_CBOR_HANDLE;
    /* What follows must be bytes. */
    return reader->left > 0 && reader->at[0] >> 5 == 2 ? 1 : ceralacca_cbor_refuse(reader);
}

/** For the functions below: null, true, false, or a float of 64 bits. */
static inline int ceralacca_cbor_simple(ceralacca_cbor_reader *reader, uint8_t first, uint64_t number,
                                        ceralacca_cbor_item *item)
{
    switch (first) {
    case 0xF4:
    case 0xF5:
        item->type = CERALACCA_CBOR_BOOL;
        item->integer = first & 1;
        return 1;
    case 0xF6:
        item->type = CERALACCA_CBOR_NULL;
        return 1;
    case 0xFB:
        item->type = CERALACCA_CBOR_NUMBER;
        memcpy(&item->number, &number, sizeof item->number);
        return 1;
    default:
        return ceralacca_cbor_refuse(reader);
    }
}

/** Reads the next item, of an array or map its head only; 0 when there is none. */
static inline int ceralacca_cbor_next(ceralacca_cbor_reader *reader, ceralacca_cbor_item *item)
{
    uint8_t first = 0;
    uint64_t number = 0;
    memset(item, 0, sizeof *item);
    if (!ceralacca_cbor_head(reader, &first, &number)) {
        return 0;
    }
    switch (first >> 5) {
    case 0:
    case 1:
        if (number > INT64_MAX) {
            return ceralacca_cbor_refuse(reader);
        }
        item->type = CERALACCA_CBOR_INTEGER;
        item->integer = first >> 5 ? -1 - (int64_t)number : (int64_t)number;
        return 1;
    case 2:
    case 3:
        item->type = first >> 5 == 2 ? CERALACCA_CBOR_BYTES : CERALACCA_CBOR_TEXT;
        return ceralacca_cbor_content(reader, number, item);
    case 4:
    case 5:
        /* Each thing has at least one byte, each entry of a map two. */
        item->type = first >> 5 == 4 ? CERALACCA_CBOR_ARRAY : CERALACCA_CBOR_MAP;
        if (number > reader->left / (item->type == CERALACCA_CBOR_MAP ? 2u : 1u)) {
            return ceralacca_cbor_refuse(reader);
        }
        item->length = (size_t)number;
        return 1;
    case 6:
        return number == 27 ? ceralacca_cbor_kind(reader, item) : ceralacca_cbor_refuse(reader);
    default:
        return ceralacca_cbor_simple(reader, first, number, item);
    }
}

/** Reads the next item, which has to be of this type. */
static inline int ceralacca_cbor_expect(ceralacca_cbor_reader *reader, enum ceralacca_cbor_type type,
                                        ceralacca_cbor_item *item)
{
    return ceralacca_cbor_next(reader, item) && (item->type == type || ceralacca_cbor_refuse(reader));
}

/** Passes over what belongs to an item that was just read: the things in it, for arrays and maps. */
static inline int ceralacca_cbor_pass(ceralacca_cbor_reader *reader, const ceralacca_cbor_item *item)
{
    /* How many items are still to come at each level; at a map every other one is a key. */
    size_t left[CERALACCA_CBOR_DEPTH];
    int keyed[CERALACCA_CBOR_DEPTH];
    int depth = 0;
    ceralacca_cbor_item inner = *item;
    for (;;) {
        if (inner.type == CERALACCA_CBOR_ARRAY || inner.type == CERALACCA_CBOR_MAP
            || inner.type == CERALACCA_CBOR_HANDLE) {
            if (depth == CERALACCA_CBOR_DEPTH) {
                return ceralacca_cbor_refuse(reader);
            }
            keyed[depth] = inner.type == CERALACCA_CBOR_MAP;
            left[depth] = inner.type == CERALACCA_CBOR_HANDLE ? 1
                          : inner.type == CERALACCA_CBOR_MAP  ? inner.length * 2
                                                              : inner.length;
            depth++;
        }
        while (depth > 0 && left[depth - 1] == 0) {
            depth--;
        }
        if (depth == 0) {
            return !reader->failed;
        }
        left[depth - 1]--;
        if (!ceralacca_cbor_next(reader, &inner)) {
            return 0;
        }
        if (keyed[depth - 1] && left[depth - 1] % 2 == 1 && inner.type != CERALACCA_CBOR_TEXT) {
            return ceralacca_cbor_refuse(reader);
        }
    }
}

/** 1 when an item is this text. */
static inline int ceralacca_cbor_is(const ceralacca_cbor_item *item, const char *text)
{
    return item->type == CERALACCA_CBOR_TEXT && item->length == strlen(text)
           && memcmp(item->data, text, item->length) == 0;
}

/** Reads the entry of a map that begins at `reader`, which stays where it is; 0 when it has none. */
static inline int ceralacca_cbor_find(const ceralacca_cbor_reader *reader, const char *key,
                                      ceralacca_cbor_item *item)
{
    ceralacca_cbor_reader inner = *reader;
    ceralacca_cbor_item map, name;
    size_t at;
    if (!ceralacca_cbor_expect(&inner, CERALACCA_CBOR_MAP, &map)) {
        return 0;
    }
    for (at = 0; at < map.length; at++) {
        if (!ceralacca_cbor_expect(&inner, CERALACCA_CBOR_TEXT, &name)
            || !ceralacca_cbor_next(&inner, item)) {
            return 0;
        }
        if (ceralacca_cbor_is(&name, key)) {
            return 1;
        }
        if (!ceralacca_cbor_pass(&inner, item)) {
            return 0;
        }
    }
    return 0;
}

/* -- writing ------------------------------------------------------------------------------------ */

/** Begins to write into a buffer. */
static inline ceralacca_cbor_writer ceralacca_cbor_write(void *buffer, size_t capacity)
{
    ceralacca_cbor_writer writer;
    writer.data = (uint8_t *)buffer;
    writer.capacity = capacity;
    writer.length = 0;
    writer.failed = 0;
    return writer;
}

/** For the functions below. */
static inline void ceralacca_cbor_put(ceralacca_cbor_writer *writer, const void *data, size_t length)
{
    if (writer->failed || length > writer->capacity - writer->length) {
        writer->failed = 1;
        return;
    }
    if (length > 0) {
        memcpy(writer->data + writer->length, data, length);
        writer->length += length;
    }
}

/** For the functions below: the head of an item in its shortest form. */
static inline void ceralacca_cbor_put_head(ceralacca_cbor_writer *writer, unsigned major, uint64_t number)
{
    uint8_t head[9];
    size_t more = number < 24 ? 0 : number <= 0xFF ? 1 : number <= 0xFFFF ? 2 : number <= 0xFFFFFFFFu ? 4 : 8;
    unsigned low = more == 0 ? (unsigned)number : more == 1 ? 24 : more == 2 ? 25 : more == 4 ? 26 : 27;
    size_t at;
    head[0] = (uint8_t)(major << 5 | low);
    for (at = more; at > 0; at--) {
        head[at] = (uint8_t)(number & 0xFF);
        number >>= 8;
    }
    ceralacca_cbor_put(writer, head, more + 1);
}

/** Writes nothing, as a value. */
static inline void ceralacca_cbor_put_null(ceralacca_cbor_writer *writer)
{
    ceralacca_cbor_put(writer, "\xF6", 1);
}

/** Writes true or false. */
static inline void ceralacca_cbor_put_bool(ceralacca_cbor_writer *writer, int value)
{
    ceralacca_cbor_put(writer, value ? "\xF5" : "\xF4", 1);
}

/** Writes an integer. */
static inline void ceralacca_cbor_put_integer(ceralacca_cbor_writer *writer, int64_t value)
{
    if (value < 0) {
        ceralacca_cbor_put_head(writer, 1, (uint64_t)(-1 - value));
    } else {
        ceralacca_cbor_put_head(writer, 0, (uint64_t)value);
    }
}

/** Writes a number of 64 bits. */
static inline void ceralacca_cbor_put_number(ceralacca_cbor_writer *writer, double value)
{
    uint8_t bytes[9];
    uint64_t bits;
    int at;
    memcpy(&bits, &value, sizeof bits);
    bytes[0] = 0xFB;
    for (at = 8; at > 0; at--) {
        bytes[at] = (uint8_t)(bits & 0xFF);
        bits >>= 8;
    }
    ceralacca_cbor_put(writer, bytes, sizeof bytes);
}

/** Writes text of a given length. */
static inline void ceralacca_cbor_put_text(ceralacca_cbor_writer *writer, const void *text, size_t length)
{
    if (!ceralacca_cbor_is_utf8((const uint8_t *)text, length)) {
        writer->failed = 1;
        return;
    }
    ceralacca_cbor_put_head(writer, 3, length);
    ceralacca_cbor_put(writer, text, length);
}

/** Writes text that ends with a zero byte. */
static inline void ceralacca_cbor_put_string(ceralacca_cbor_writer *writer, const char *text)
{
    ceralacca_cbor_put_text(writer, text, strlen(text));
}

/** Writes bytes. */
static inline void ceralacca_cbor_put_bytes(ceralacca_cbor_writer *writer, const void *data, size_t length)
{
    ceralacca_cbor_put_head(writer, 2, length);
    ceralacca_cbor_put(writer, data, length);
}

/** Begins an array; that many items have to follow. */
static inline void ceralacca_cbor_put_array(ceralacca_cbor_writer *writer, size_t length)
{
    ceralacca_cbor_put_head(writer, 4, length);
}

/** Begins a map; that many times a text and an item have to follow. */
static inline void ceralacca_cbor_put_map(ceralacca_cbor_writer *writer, size_t length)
{
    ceralacca_cbor_put_head(writer, 5, length);
}

/** Writes a handle of the program, as it was read. */
static inline void ceralacca_cbor_put_handle(ceralacca_cbor_writer *writer,
                                             const ceralacca_cbor_item *kind,
                                             const ceralacca_cbor_item *id)
{
    ceralacca_cbor_put_head(writer, 6, 27);
    ceralacca_cbor_put_array(writer, 2);
    ceralacca_cbor_put_text(writer, kind->data, kind->length);
    ceralacca_cbor_put_bytes(writer, id->data, id->length);
}

#endif /* CERALACCA_CBOR_H */
