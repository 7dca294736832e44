/* cache.h: shared objects that a C compiler has made, kept for the next time.
 *
 *     cache c;
 *     if (cache_open(&c, &fault)) {
 *         cache_key k = cache_key_of(&c, &compilation, true);
 *         void *handle = cache_load(&c, &k);
 *         if (!handle) ... compile ... cache_store(&c, &k, "made.so", &fault);
 *     }
 *     cache_close(&c);
 *
 * The folder is that of $RNNC_CACHE, $XDG_CACHE_HOME/rnnc or ~/.cache/rnnc; RNNC_CACHE=off: none. An entry KEY.so is
 * what the compiler wrote and, after it, its length and checksum, which are verified before it is loaded: a damaged
 * entry is removed and made anew. Entries appear by a rename, whole, so that several processes may use the folder at
 * once. When they have more than RNNC_CACHE_MIB MiB (256), those go that were not used for longest. Since its files
 * become code of this process, a folder that others may write to is refused. */
#ifndef JIT_CACHE_H
#define JIT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cache {
    char *folder;
    uint64_t limit; /* bytes */
} cache;

/* All that the machine code depends on, besides the processor. */
typedef struct compilation {
    const char *text;
    const char *const *command; /* the compiler's words, $CC; ends with NULL */
    const char *const *options; /* ends with NULL */
} compilation;

typedef struct cache_key {
    bool known; /* false: the compiler's version is not known, so nothing of it is in the cache */
    char text[33];
} cache_key;

/* False: there is none; *fault (malloc'ed, one line) says why, NULL when it is not wanted. The folder is made when it
 * is not there, unless `look` only. */
typedef enum cache_use { CACHE_USE, CACHE_LOOK } cache_use;
bool cache_open(cache *c, cache_use use, char **fault);
void cache_close(cache *c);

/* With `ask` the compiler is run, to say its version, which is noted; without, the version is the one noted last. */
cache_key cache_key_of(const cache *c, const compilation *of, bool ask);

/* A handle of dlopen; NULL: there is no such entry, or not any more. */
void *cache_load(const cache *c, const cache_key *k);
/* False: *fault (malloc'ed) says why. */
bool cache_store(const cache *c, const cache_key *k, const char *object, char **fault);

typedef struct cache_size {
    size_t entries;
    uint64_t bytes;
} cache_size;
cache_size cache_measure(const cache *c);
cache_size cache_clear(const cache *c); /* what went */

#endif
