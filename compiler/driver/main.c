/* main.c: rnnc check FILE: parses a spec and prints what is wrong with it. */
#include "syntax/syntax.h"
#include <stdlib.h>
#include <string.h>

enum { EXIT_SPEC = 1, EXIT_USAGE = 2 };

/* The whole file, NULL when it cannot be read or is too large. */
static char *read_file(arena *a, const char *path, size_t *length)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *bytes = arena_alloc(a, (size_t)SOURCE_MAX_BYTES + 1);
    *length = fread(bytes, 1, (size_t)SOURCE_MAX_BYTES + 1, f);
    bool failed = ferror(f) || *length > SOURCE_MAX_BYTES;
    fclose(f);
    return failed ? NULL : bytes;
}

int main(int argc, char **argv)
{
    bool print = argc == 3 && strcmp(argv[1], "fmt") == 0;
    if (argc != 3 || (!print && strcmp(argv[1], "check") != 0)) {
        fputs("usage: rnnc check FILE\n", stderr);
        return EXIT_USAGE;
    }
    arena *a = arena_new();
    size_t length;
    const char *content = read_file(a, argv[2], &length);
    if (!content) {
        fprintf(stderr, "rnnc: cannot read %s\n", argv[2]);
        arena_free(a);
        return EXIT_SYSTEM;
    }
    sources *s = sources_new(a);
    diags *d = diags_new(a, s);
    tree_file *f = syntax_parse(a, names_new(a), d, sources_add(s, argv[2], content, length));
    diags_sort(d);
    diag_print(d, stderr, DIAG_TEXT, false);
    if (print && !f->broken) {
        text *t = text_new(a);
        syntax_print(t, f);
        fputs(text_string(t), stdout);
    }
    int code = diag_error_count(d) ? EXIT_SPEC : EXIT_SUCCESS;
    arena_free(a);
    return code;
}
