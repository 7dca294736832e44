/* vocabulary.h: the symbols of a text: characters (bytes) or words, and their ids.
 *
 * Characters: the distinct bytes of a text, sorted; the id is the place in this order. Words: what stands between
 * white space, and <eos> for every newline; sorted by frequency, the most frequent first, then by bytes; <unk> stands
 * for every word that is not kept. As text, for the metadata of a checkpoint, a vocabulary is a JSON array of strings
 * by id, in which each byte of a symbol is one code point from 0 to 255, so that any bytes survive. */
#ifndef TRAIN_VOCABULARY_H
#define TRAIN_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

#define VOCABULARY_UNKNOWN "<unk>"
#define VOCABULARY_END "<eos>" /* of a line */

typedef struct symbol {
    char *bytes; /* and a NUL after them, which may also stand inside */
    size_t length;
} symbol;

typedef struct vocabulary {
    symbol *symbol; /* by id */
    size_t count;
    bool words;
    int *slot; /* hash table of ids; -1: free */
    size_t slots;
} vocabulary;

/* Counts the symbols of a text. `keep`: how many words, <unk> among them; 0: all. */
bool vocabulary_of_characters(vocabulary *v, const char *text, size_t n, char **error);
bool vocabulary_of_words(vocabulary *v, const char *text, size_t n, size_t keep, char **error);
void vocabulary_free(vocabulary *v);

/* The id of a symbol; -1 where there is none (words: <unk>'s instead). */
int vocabulary_find(const vocabulary *v, const char *bytes, size_t length);

/* The next symbol of a text: its bytes begin at *start and take *length; *at moves behind it. False at the end. */
bool vocabulary_next(bool words, const char *text, size_t n, size_t *at, const char **start, size_t *length);

/* To JSON (malloc'ed; NULL without memory) and back. Symbols of one byte each are characters, others are words. */
char *vocabulary_to_json(const vocabulary *v);
bool vocabulary_from_json(vocabulary *v, const char *json, char **error);

#endif
