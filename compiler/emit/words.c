/* words.c: the words of C text.
 *
 * In: code that has been written. Out: which names it mentions. A function is written before what stands in front of it:
 * it declares the sizes, pointers and parameters that its statements mention, and no others. */
#include "emit/writer.h"

#include <ctype.h>
#include <string.h>

static bool is_of_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Not behind "." or "->". */
static bool begins_word(const char *code, const char *at)
{
    return at == code || !(is_of_word(at[-1]) || at[-1] == '>' || at[-1] == '.');
}

const char *c_next_word(const char *code, const char *from, size_t *length)
{
    for (const char *at = from; *at;) {
        if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            if (!end) return NULL;
            at = end + 2;
            continue;
        }
        size_t n = 0;
        while (is_of_word(at[n])) n++;
        *length = n;
        if (n && begins_word(code, at)) return at;
        at += n ? n : 1;
    }
    return NULL;
}

/* strstr is fast, and most words are not there. */
bool c_mentions(const char *code, const char *word)
{
    size_t n = strlen(word);
    const char *comment = strstr(code, "/*"), *at = strstr(code, word);
    while (at) {
        if (comment && comment < at) {
            const char *end = strstr(comment + 2, "*/");
            if (!end) return false;
            comment = strstr(end, "/*");
            if (at < end) at = strstr(end, word);
            continue;
        }
        if (begins_word(code, at) && !is_of_word(at[n])) return true;
        at = strstr(at + 1, word);
    }
    return false;
}
