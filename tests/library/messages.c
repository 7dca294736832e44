/* messages.c json|text SPEC [-D NAME=VALUE] [--model NAME]: what `rnnc check` prints to stderr, from the data of
 * rnnc.h: its messages as JSON lines, or its report. */
#include "rnnc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

static void print_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            printf("\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            printf("\\u%04x", (unsigned)*s);
        else
            putchar(*s);
    }
    putchar('"');
}

static void print_place(rnnc_place p)
{
    if (!p.file) return;
    fputs("\"file\":", stdout);
    print_string(p.file);
    printf(",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u,", p.line, p.column, p.end_line, p.end_column);
}

static void print_message(const rnnc_message *m)
{
    putchar('{');
    print_place(m->at);
    printf("\"severity\":\"%s\",\"id\":\"%s\",\"message\":", m->severity == RNNC_ERROR ? "error" : "warning", m->code);
    print_string(m->text);
    fputs(",\"notes\":[", stdout);
    for (size_t i = 0; i < m->note_count; i++) {
        fputs(i ? ",{" : "{", stdout);
        print_place(m->notes[i].at);
        printf("\"kind\":\"%s\",\"message\":", m->notes[i].hint ? "hint" : "note");
        print_string(m->notes[i].text);
        putchar('}');
    }
    fputs("]}\n", stdout);
}

int main(int argc, char **argv)
{
    rnnc_define defines[MOST];
    rnnc_options o = {.jit = RNNC_JIT_NONE, .defines = defines};
    for (int i = 3; i + 1 < argc && o.define_count < MOST; i += 2) {
        char *equals = strchr(argv[i + 1], '=');
        if (strcmp(argv[i], "--model") == 0)
            o.model = argv[i + 1];
        else if (strcmp(argv[i], "-D") == 0 && equals) {
            *equals = '\0';
            defines[o.define_count++] = (rnnc_define){argv[i + 1], equals + 1};
        } else
            return 2;
    }
    rnnc_model *m = rnnc_compile_file(argv[2], &o);
    if (strcmp(argv[1], "text") == 0) fputs(rnnc_report(m), stdout);
    for (size_t i = 0; strcmp(argv[1], "json") == 0 && i < rnnc_message_count(m); i++)
        print_message(rnnc_message_at(m, i));
    int status = rnnc_status_of(m) == RNNC_OK ? 0 : rnnc_status_of(m) == RNNC_BAD_SPEC ? 1 : 3;
    rnnc_free(m);
    return status;
}
