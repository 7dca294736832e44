/* diag.h: what the compiler says to its user.
 *
 * Every message is a line of errors.def, so that each can be listed, documented (docs/errors.md) and tested
 * (tests/bad). A message has a place, a text, any number of notes with places of their own, and hints:
 *
 *     char_lm.rnn:12:9: error: shapes do not agree in '+': (128) and (64) [shape-mismatch]
 *        12 |     a = W @ h[t-1] + U @ x
 *           |         ^~~~~~~~~~~~~~~~~
 *     char_lm.rnn:9:11: note: W is (128, 128), declared here
 *     ...
 *     hint: ...
 *
 * Messages are kept as data and printed by the driver (text or JSON), so that the compiler can be a library. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/source.h"
#include <stdbool.h>
#include <stdio.h>

typedef enum diag_id {
#define ERROR(id, slug, text) E_##id,
#define WARNING(id, slug, text) W_##id,
#include "base/errors.def"
    DIAG_COUNT
} diag_id;

/* FORMAT_E_SYNTAX and so on: what diag is checked by. */
#define ERROR(id, slug, text) static const char FORMAT_E_##id[] = text;
#define WARNING(id, slug, text) static const char FORMAT_W_##id[] = text;
#include "base/errors.def"
static inline __attribute__((format(printf, 1, 2))) void diag_check_format(const char *format, ...) { (void)format; }

typedef enum diag_severity { DIAG_ERROR, DIAG_WARNING } diag_severity;

typedef struct diag_note {
    span at;
    const char *text;
    bool hint;
} diag_note;

typedef struct diag_message {
    diag_id id;
    diag_severity severity;
    const char *slug; /* "shape-mismatch": the name in docs/errors.md */
    span at;
    const char *text;
    diag_note *notes;
    size_t note_count;
} diag_message;

enum { DIAG_MAX_ERRORS = 20 }; /* after these, one line says that more were left out */

typedef struct diags diags;

diags *diags_new(arena *a, sources *s);
/* diag(d, at, E_SYNTAX, expected, found) adds a message; the arguments, which the C compiler holds against it, are those
 * of the format in errors.def. The notes and hints that follow belong to it. The same id at the same place is reported
 * once. */
#define diag(d, at, ...) (0 ? diag_check_format(FORMAT_##__VA_ARGS__) : diag_add(d, at, __VA_ARGS__))
void diag_add(diags *d, span at, diag_id id, ...);
bool diag_was_kept(const diags *d); /* the last message: of one that was not, notes and hints are not worth the work */
void diag_add_note(diags *d, span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_hint(diags *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t diag_error_count(const diags *d);
size_t diag_message_count(const diags *d);
const diag_message *diag_get(const diags *d, size_t index); /* in the order of files and places after diags_sort */
void diags_sort(diags *d);                                  /* stable; messages without a place come last */

typedef enum diag_format { DIAG_TEXT, DIAG_JSON } diag_format;
void diag_print(const diags *d, FILE *out, diag_format format, bool color);
sources *diag_sources(const diags *d);

#endif
