/* names.c: names and numbers of the generated C. */
#include "emit/writer.h"

#include "base/hash.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* clang-format off */
static const char *const keywords[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while"
};

/* Words of C++ and of compilers, and those that the generated code uses itself. It has no name of one letter besides
 * those of the time axes, since the spec chooses these. */
static const char *const reserved[] = {
    "asm", "typeof",
    "and", "and_eq", "bitand", "bitor", "bool", "catch", "class", "compl", "delete", "explicit", "export",
    "false", "friend", "mutable", "namespace", "new", "not", "not_eq", "operator", "or", "or_eq", "private",
    "protected", "public", "template", "this", "throw", "true", "try", "typeid", "typename", "using", "virtual",
    "wchar_t", "xor", "xor_eq", "concept", "requires", "constexpr", "nullptr", "real", "args", "batch", "block",
    "block_end", "block_steps", "seq", "unit", "col", "inner", "row", "ragged", "params", "packed", "weights", "matrices",
    "state", "work", "loss", "grads", "norms", "seed", "update", "sequence", "next", "main", "sum", "token", "from",
    "to", "valid", "own", "ago", "seen", "here", "most", "any", "left", "right", "dot", "time", "time_of",
    "is_ragged", "status", "is_present", "first_seq", "all_seqs", "contract", "contract_small", "contract_blocks",
    "stream_products", "stream_blocks", "stream_units", "sums", "first_unit", "unit_block", "outer", "outer_small",
    "outer_blocks", "linux", "unix", "all_args"
};
/* clang-format on */

/* Headers that a model's header must not hide. */
static const char *const headers[] = {
    "assert",  "complex", "ctype",  "errno",  "fenv",   "inttypes",    "iso646", "limits",
    "locale",  "math",    "rnn",    "setjmp", "signal", "stdalign",    "stdarg", "stdatomic",
    "stdbool", "stddef",  "stdint", "stdio",  "stdlib", "stdnoreturn", "string", "strings",
    "tgmath",  "threads", "time",   "uchar",  "unistd", "wchar",       "wctype",
};

static bool is_listed(const char *const *list, size_t count, const char *word, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == length && strncmp(list[i], word, length) == 0) return true;
    }
    return false;
}

bool c_is_keyword(const char *word)
{
    return is_listed(keywords, sizeof keywords / sizeof *keywords, word, strlen(word));
}

/* "h_row", "h_prev2", "h_v3": what is derived from a name ends so. */
static bool has_derived_ending(const char *word, size_t length)
{
    static const char *const endings[] = {"_row", "_all", "_prev", "_next", "_part", "_key", "_v"};
    while (length && isdigit((unsigned char)word[length - 1])) length--;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (length > n && strncmp(word + length - n, endings[i], n) == 0) return true;
    }
    return false;
}

static bool has_own_beginning(const char *word)
{
    static const char *const beginnings[] = {"to_",   "tmp",     "real_", "row_",   "rnn_", "length_", "check_",
                                             "init_", "random_", "pack_", "array_", "AT_",  "segment_"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0) return true;
    }
    return false;
}

/* NAN, M_PI, SIZE_MAX: a macro may have the name. */
static bool is_upper(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (islower((unsigned char)word[i])) return false;
    }
    return length > 1;
}

/* Reserved, or reserved with '_' behind it: so that what gets a '_' never meets a name that has one. */
static bool is_reserved(const char *word)
{
    size_t length = strlen(word);
    while (length && word[length - 1] == '_') length--;
    return is_listed(keywords, sizeof keywords / sizeof *keywords, word, length) ||
           is_listed(reserved, sizeof reserved / sizeof *reserved, word, length) || has_derived_ending(word, length) ||
           has_own_beginning(word) || is_upper(word, length);
}

const char *c_identifier(arena *a, const char *label)
{
    size_t length = strlen(label);
    char *id = arena_array(a, length + 3, 1);
    for (size_t i = 0; i < length; i++) id[i] = isalnum((unsigned char)label[i]) ? label[i] : '_';
    if (isdigit((unsigned char)id[0])) return arena_printf(a, "_%s", id);
    if (is_reserved(id)) id[length] = '_';
    return id;
}

const char *c_prefix(arena *a, const char *model)
{
    const char *id = c_identifier(a, model);
    return is_listed(headers, sizeof headers / sizeof *headers, id, strlen(id)) ? arena_printf(a, "%s_", id) : id;
}

const char *c_upper(arena *a, const char *s)
{
    char *u = arena_strndup(a, s, strlen(s));
    for (char *c = u; *c; c++) *c = (char)toupper((unsigned char)*c);
    return u;
}

const char *c_number(const writer *w, double value)
{
    if (isnan(value) || isinf(value))
        return isnan(value) ? "(real)NAN" : value > 0 ? "(real)INFINITY" : "(real)-INFINITY";
    char *s = arena_printf(w->arena, w->options->real_double ? "%.17g" : "%.9g", value);
    const char *point = strpbrk(s, ".e") ? "" : ".0";
    return arena_printf(w->arena, value < 0 ? "(%s%s%s)" : "%s%s%s", s, point, w->options->real_double ? "" : "f");
}

/* An identifier that is no time axis's letter or length either. */
static const char *c_word(arena *a, const graph *g, const char *label)
{
    for (int i = 1; i <= g->axes; i++) {
        if (strcmp(label, g->axis[i].length) == 0 || strcmp(label, g->axis[i].letter) == 0)
            return arena_printf(a, "%s_", label);
    }
    return c_identifier(a, label);
}

const char *c_label(const writer *w, node_id id)
{
    const char *label = graph_label(w->g, w->arena, id);
    return *label ? c_word(w->arena, w->g, label) : "";
}

static bool begins(const char *word, const char *with) { return strncmp(word, with, strlen(with)) == 0; }

/* Inputs have their names, gradients d_ before them, outputs their names or, where these are taken, out_ before them.
 * Names that begin like a member of another kind get a beginning of their own. */
const char *c_field(arena *a, const graph *g, const char *path)
{
    if (begins(path, "in_") || begins(path, "d_") || begins(path, "out_") || begins(path, "lengths_"))
        return arena_printf(a, "in_%s", path);
    return c_word(a, g, path);
}

const char *c_output_field(arena *a, const graph *g, uint32_t output)
{
    const char *path = g->outputs.data[output].path;
    bool taken = begins(path, "in_") || begins(path, "d_") || begins(path, "out_") || begins(path, "lengths_");
    for (size_t i = 0; i < g->inputs.len; i++) taken = taken || g->inputs.data[i].path == path;
    return taken ? arena_printf(a, "out_%s", path) : c_word(a, g, path);
}

const char *c_gradient_field(arena *a, const graph *g, uint32_t input)
{
    return arena_printf(a, "d_%s", c_field(a, g, g->inputs.data[input].path));
}

/* Slots of the state: "h.c" and "h_c" are one identifier. */
const char **c_state_members(arena *a, const pool *shared)
{
    size_t count = shared->states.len;
    names *interned = names_new(a);
    const char **members = ARENA_ARRAY(a, const char *, count + 1);
    name *ids = ARENA_ARRAY(a, name, count + 1);
    for (size_t i = 1; i < count; i++) {
        int same = 0;
        ids[i] = name_of(interned, c_identifier(a, shared->states.data[i].name));
        for (size_t k = 1; k < i; k++) same += ids[k] == ids[i];
        members[i] = same ? arena_printf(a, "%s_v%d", ids[i], same + 1) : ids[i];
    }
    return members;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo): what keys the random numbers of a path. */
uint64_t c_path_hash(const char *path) { return hash_bytes(HASH_START, path, strlen(path)); }
