/* diag.c: messages kept as data, and how they are printed.
 *
 * In: spans and the arguments of the formats in errors.def. Out: a list of messages; text with the source line and the
 * span underlined, or one JSON object a line. Only the first DIAG_MAX_ERRORS errors (and as many warnings) are kept,
 * the rest is counted, so that a file of garbage costs no memory. */
#include "base/diag.h"
#include "base/array.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN_COLUMNS = 120, SHOWN_BEFORE = 40 }; /* of a long line, a window around the span */

static const struct {
    diag_severity severity;
    const char *slug, *format;
} kinds[DIAG_COUNT + 1] = {
#define ERROR(id, slug, text) [E_##id] = {DIAG_ERROR, slug, text},
#define WARNING(id, slug, text) [W_##id] = {DIAG_WARNING, slug, text},
#include "base/errors.def"
    [DIAG_COUNT] = {DIAG_ERROR, "", ""},
};

typedef struct entry {
    diag_message message;
    ARRAY(diag_note) notes;
    size_t order;
} entry;

struct diags {
    arena *arena;
    sources *sources;
    ARRAY(entry *) entries;
    entry *last;             /* notes go here; NULL after a message that was not kept */
    size_t errors, warnings; /* all that were reported */
    size_t kept_errors, kept_warnings;
};

diags *diags_new(arena *a, sources *s)
{
    diags *d = ARENA_NEW(a, diags);
    d->arena = a;
    d->sources = s;
    return d;
}

static bool same_span(span a, span b) { return a.file == b.file && a.begin == b.begin && a.end == b.end; }

void diag_add(diags *d, span at, diag_id id, ...)
{
    d->last = NULL;
    bool is_error = kinds[id].severity == DIAG_ERROR;
    size_t *kept = is_error ? &d->kept_errors : &d->kept_warnings;
    size_t *reported = is_error ? &d->errors : &d->warnings;
    if (*kept == DIAG_MAX_ERRORS) {
        ++*reported;
        return;
    }
    va_list args;
    va_start(args, id);
    const char *message = arena_vprintf(d->arena, kinds[id].format, args);
    va_end(args);
    for (size_t i = 0; i < d->entries.len; i++) {
        const diag_message *m = &d->entries.data[i]->message;
        if (m->id == id && same_span(m->at, at) && (at.file || strcmp(m->text, message) == 0)) return;
    }
    ++*reported;
    ++*kept;
    entry *e = ARENA_NEW(d->arena, entry);
    e->message =
        (diag_message){.id = id, .severity = kinds[id].severity, .slug = kinds[id].slug, .at = at, .text = message};
    e->order = d->entries.len;
    array_push(d->arena, &d->entries, e);
    d->last = e;
}

static void add_note(diags *d, diag_note note)
{
    entry *e = d->last;
    array_push(d->arena, &e->notes, note);
    e->message.notes = e->notes.data;
    e->message.note_count = e->notes.len;
}

void diag_add_note(diags *d, span at, const char *format, ...)
{
    if (!d->last) return;
    va_list args;
    va_start(args, format);
    add_note(d, (diag_note){.at = at, .text = arena_vprintf(d->arena, format, args)});
    va_end(args);
}

void diag_hint(diags *d, const char *format, ...)
{
    if (!d->last) return;
    va_list args;
    va_start(args, format);
    add_note(d, (diag_note){.text = arena_vprintf(d->arena, format, args), .hint = true});
    va_end(args);
}

bool diag_was_kept(const diags *d) { return d->last != NULL; }
size_t diag_error_count(const diags *d) { return d->errors; }
size_t diag_message_count(const diags *d) { return d->entries.len; }
const diag_message *diag_get(const diags *d, size_t index) { return &d->entries.data[index]->message; }
sources *diag_sources(const diags *d) { return d->sources; }

static int compare(const void *pa, const void *pb)
{
    const entry *a = *(const entry *const *)pa, *b = *(const entry *const *)pb;
    uint32_t fa = a->message.at.file, fb = b->message.at.file;
    if (fa != fb) return fa - 1 < fb - 1 ? -1 : 1; /* file 0, no place, wraps to the end */
    if (a->message.at.begin != b->message.at.begin) return a->message.at.begin < b->message.at.begin ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void diags_sort(diags *d)
{
    if (d->entries.len > 1) qsort(d->entries.data, d->entries.len, sizeof *d->entries.data, compare);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

typedef struct colors {
    const char *error, *warning, *note, *bold, *off;
} colors;

static const colors colored = {"\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1m", "\033[0m"};
static const colors plain = {"", "", "", "", ""};

/* One character of the source; what a terminal could take amiss becomes '?', a tab one space (columns are characters).
 * Returns the bytes consumed. */
static size_t put_character(FILE *out, const char *s, size_t left)
{
    size_t n = source_character(s, left);
    unsigned char c = (unsigned char)s[0];
    bool c1_control = n == 2 && c == 0xC2 && (unsigned char)s[1] < 0xA0;
    if (c == '\t')
        fputc(' ', out);
    else if (n == 0 || c1_control || c < 0x20 || c == 0x7F)
        fputc('?', out);
    else
        fwrite(s, 1, n, out);
    return n ? n : 1;
}

/* Bytes [begin, end) of a line, as put_character shows them; counts the characters when `out` is NULL. */
static size_t put_bytes(FILE *out, const char *line, size_t begin, size_t end)
{
    size_t count = 0;
    for (size_t i = begin; i < end; count++) {
        size_t n = source_character(line + i, end - i);
        if (out) put_character(out, line + i, end - i);
        i += n ? n : 1;
    }
    return count;
}

/* The source line with the span underlined; of a long line a window. */
static void print_line(FILE *out, const source *src, span at, const char *color, const char *off)
{
    place where = source_place(src, at.begin);
    size_t length;
    const char *line = source_line(src, where.line, &length);
    if (length == 0) return;
    size_t start = src->line_start[where.line - 1];
    size_t from = at.begin - start > length ? length : at.begin - start;
    size_t to = at.end > start + length ? length : at.end > at.begin ? at.end - start : from;
    if (to < from) to = from;
    size_t first = from > MAX_SHOWN_COLUMNS ? from - SHOWN_BEFORE : 0;
    while (first > 0 && ((unsigned char)line[first] & 0xC0) == 0x80) first--;
    size_t last = length - first > MAX_SHOWN_COLUMNS ? first + MAX_SHOWN_COLUMNS : length;
    while (last < length && ((unsigned char)line[last] & 0xC0) == 0x80) last++;
    if (to > last) to = last;

    const char *left = first > 0 ? "..." : "", *right = last < length ? "..." : "";
    fprintf(out, "%5u | %s", (unsigned)where.line, left);
    put_bytes(out, line, first, last);
    fprintf(out, "%s\n      | %*s", right, (int)(strlen(left) + put_bytes(NULL, line, first, from)), "");
    fprintf(out, "%s^", color);
    for (size_t n = put_bytes(NULL, line, from, to); n > 1; n--) fputc('~', out);
    fprintf(out, "%s\n", off);
}

static void print_place(FILE *out, const source *src, span at)
{
    if (!src) return;
    place where = source_place(src, at.begin);
    fprintf(out, "%s:%u:%u: ", src->path, (unsigned)where.line, (unsigned)where.column);
}

static void print_text(const diags *d, FILE *out, const diag_message *m, const colors *c)
{
    const source *src = source_of(d->sources, m->at);
    bool is_error = m->severity == DIAG_ERROR;
    const char *color = is_error ? c->error : c->warning;
    fputs(c->bold, out);
    print_place(out, src, m->at);
    if (!src) fputs("rnnc: ", out);
    fprintf(out, "%s%s%s: %s", c->off, color, is_error ? "error" : "warning", c->off);
    fprintf(out, "%s%s%s [%s]\n", c->bold, m->text, c->off, m->slug);
    if (src) print_line(out, src, m->at, color, c->off);
    for (size_t i = 0; i < m->note_count; i++) {
        const diag_note *n = &m->notes[i];
        const source *note_src = source_of(d->sources, n->at);
        print_place(out, note_src, n->at);
        fprintf(out, "%s%s%s: %s\n", c->note, n->hint ? "hint" : "note", c->off, n->text);
        if (note_src) print_line(out, note_src, n->at, c->note, c->off);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (size_t left = strlen(s); left > 0;) {
        size_t n = source_character(s, left);
        unsigned char c = (unsigned char)*s;
        if (n == 0)
            fputs("\\ufffd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fwrite(s, 1, n, out);
        n = n ? n : 1;
        s += n;
        left -= n;
    }
    fputc('"', out);
}

static void json_place(const diags *d, FILE *out, span at)
{
    const source *src = source_of(d->sources, at);
    if (!src) return;
    place begin = source_place(src, at.begin), end = source_place(src, at.end);
    fputs("\"file\":", out);
    json_string(out, src->path);
    fprintf(out, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u,", (unsigned)begin.line,
            (unsigned)begin.column, (unsigned)end.line, (unsigned)end.column);
}

static void print_json(const diags *d, FILE *out, const diag_message *m)
{
    fputc('{', out);
    json_place(d, out, m->at);
    fprintf(out, "\"severity\":\"%s\",\"id\":\"%s\",\"message\":", m->severity == DIAG_ERROR ? "error" : "warning",
            m->slug);
    json_string(out, m->text);
    fputs(",\"notes\":[", out);
    for (size_t i = 0; i < m->note_count; i++) {
        fputs(i ? ",{" : "{", out);
        json_place(d, out, m->notes[i].at);
        fprintf(out, "\"kind\":\"%s\",\"message\":", m->notes[i].hint ? "hint" : "note");
        json_string(out, m->notes[i].text);
        fputc('}', out);
    }
    fputs("]}\n", out);
}

static void print_rest(FILE *out, size_t count, const char *what)
{
    if (count) fprintf(out, "rnnc: %zu more %s%s not shown\n", count, what, count == 1 ? " is" : "s are");
}

void diag_print(const diags *d, FILE *out, diag_format format, bool color)
{
    for (size_t i = 0; i < d->entries.len; i++) {
        const diag_message *m = diag_get(d, i);
        switch (format) {
        case DIAG_TEXT: print_text(d, out, m, color ? &colored : &plain); break;
        case DIAG_JSON: print_json(d, out, m); break;
        }
    }
    if (format == DIAG_JSON) return;
    print_rest(out, d->errors - d->kept_errors, "error");
    print_rest(out, d->warnings - d->kept_warnings, "warning");
}
