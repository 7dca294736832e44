/* names.c: names and numbers of the generated C. */
#include "emit/writer.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Words of C and C++, and those that the generated code uses itself. */
static const char *const reserved[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for",
    "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct",
    "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "and", "and_eq", "bitand", "bitor",
    "bool", "catch", "class", "compl", "delete", "explicit", "export", "false", "friend", "mutable", "namespace", "new", "not",
    "not_eq", "operator", "or", "or_eq", "private", "protected", "public", "template", "this", "throw", "true", "try",
    "typeid", "typename", "using", "virtual", "wchar_t", "xor", "xor_eq", "concept", "requires", "constexpr", "nullptr",
    "real", "args", "batch", "seq", "unit", "col", "row", "ragged", "params", "packed", "state", "work", "loss", "grads", "norms",
    "seed", "update", "sequence", "next", "main", "NULL", "sum", "token", "k", "i", "j", "contract", "linux", "unix",
};

static bool is_reserved(const char *word)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(word, reserved[i]) == 0)
            return true;
    }
    static const char *const endings[] = {"_row", "_all", "_prev", "_next", "_part", "_key"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]), length = strlen(word);
        if (length > n && strcmp(word + length - n, endings[i]) == 0)
            return true;
    }
    return strncmp(word, "to_", 3) == 0 || strncmp(word, "tmp", 3) == 0 || strncmp(word, "real_", 5) == 0 || strncmp(word, "row_", 4) == 0 || strncmp(word, "rnn_", 4) == 0;
}

const char *c_identifier(arena *a, const char *label)
{
    size_t length = strlen(label);
    char *id = arena_array(a, length + 3, 1);
    for (size_t i = 0; i < length; i++)
        id[i] = isalnum((unsigned char)label[i]) ? label[i] : '_';
    if (isdigit((unsigned char)id[0]))
        return arena_printf(a, "_%s", id);
    if (is_reserved(id))
        id[length] = '_';
    return id;
}

const char *c_upper(arena *a, const char *s)
{
    char *u = arena_strndup(a, s, strlen(s));
    for (char *c = u; *c; c++)
        *c = (char)toupper((unsigned char)*c);
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

const char *c_label(const writer *w, node_id id)
{
    const char *label = graph_label(w->g, w->arena, id);
    return *label ? c_identifier(w->arena, label) : "";
}

const char *c_field(arena *a, const graph *g, const char *n)
{
    for (int i = 1; i <= g->axes; i++) {
        if (strcmp(n, g->axis[i].length) == 0 || strcmp(n, g->axis[i].letter) == 0)
            return arena_printf(a, "%s_", n);
    }
    return c_identifier(a, n);
}

const char *c_output_field(arena *a, const graph *g, uint32_t output)
{
    const char *path = g->outputs.data[output].path;
    for (size_t i = 0; i < g->inputs.len; i++) {
        if (g->inputs.data[i].path == path)
            return arena_printf(a, "out_%s", path);
    }
    return c_field(a, g, path);
}

const char *c_gradient_field(arena *a, const graph *g, uint32_t input)
{
    return arena_printf(a, "d_%s", c_field(a, g, g->inputs.data[input].path));
}
