/* helpers.c: what the functions of a model have in common, as static functions that are written once.
 *
 * Comes in: a statement that stands outside of all loops, written to a text of its own; with what it uses of the
 * function around it as parameters it is a helper. Goes out: a call of it. A function that has written the same before
 * shares it. So the equations are left in the functions, and compilers translate the rest once. */
#include "emit/writer.h"

#include <string.h>

typedef struct helper {
    const char *head, *rest;
} helper;
struct helpers {
    text *out;
    ARRAY(helper) all;
    name_map number_of; /* by name: its place in `all` */
};

void helpers_new(writer *w)
{
    w->helpers = ARENA_ARRAY(w->arena, struct helpers, 1);
    w->helpers->out = text_new(w->arena);
}

const char *helpers_text(const writer *w) { return text_string(w->helpers->out); }

bool is_expanded(const writer *w) { return w->options->batch == 1 && (w->p->entry == ENTRY_STEP || w->loops); }

/* Where another function has the name, the entry point is added to it, and then numbers. */
const char *helper_add(writer *w, const char *comment, const char *result, const char *wanted, const char *rest)
{
    struct helpers *h = w->helpers;
    const char *is = wanted;
    const char *head = arena_printf(w->arena, "%s %s", is_expanded(w) ? "static" : "RNN_SHARED", result);
    uint32_t number = 0;
    for (int tries = 0; name_map_get(&h->number_of, name_of(w->g->names, is), &number);) {
        const helper *other = &h->all.data[number];
        if (strcmp(other->head, head) == 0 && strcmp(other->rest, rest) == 0) return is;
        is = tries++ ? arena_printf(w->arena, "%s_%s_v%d", wanted, entry_name(w->p->entry), tries)
                     : arena_printf(w->arena, "%s_%s", wanted, entry_name(w->p->entry));
    }
    name_map_set(w->arena, &h->number_of, name_of(w->g->names, is), (uint32_t)h->all.len);
    array_push(w->arena, &h->all, ((helper){head, rest}));
    text_puts(h->out, "\n");
    text_line(h->out, "/* %s */", comment);
    text_puts(h->out, arena_printf(w->arena, "%s %s%s", head, is, rest));
    return is;
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

bool helper_open(writer *w, text **around)
{
    if (w->loops) return false;
    *around = w->out;
    w->out = text_new(w->arena);
    w->out->depth = 1;
    uses_open(w);
    return true;
}

/* What the helper is given by the function around it: parameters, and as arguments their names. */
typedef struct given {
    writer *w;
    text *parameters, *arguments;
    name_map already;
} given;

static void add_parameter(given *to, const char *what, const char *local)
{
    uint32_t number = 0;
    name n = name_of(to->w->g->names, local);
    if (!is_used(to->w, local) || name_map_get(&to->already, n, &number)) return;
    name_map_set(to->w->arena, &to->already, n, 1);
    const char *comma = to->parameters->len ? ", " : "";
    text_put(to->parameters, "%s%s%s", comma, what, local);
    text_put(to->arguments, "%s%s", comma, local);
}

static void add_buffer(given *to, view v, const char *what)
{
    const buffer *b = &to->w->p->buffers.data[v.buffer];
    bool is_local = b->storage == STORE_WORK || b->storage == STORE_PLACE || b->storage == STORE_LITERAL;
    if (v.buffer && is_local) add_parameter(to, what, arena_printf(to->w->arena, "%s_all", b->name));
}

/* `from` may be what the statement writes to as well. */
static void add_buffers(given *to, const stmt *s)
{
    bool reads = s->kind == STMT_SAVE;
    for (size_t i = 0; i < s->from.len; i++) {
        const view *v = &s->from.data[i];
        add_buffer(to, *v, v->buffer == s->to.buffer ? "real *" : "const real *");
        if (v->row) {
            add_buffer(to, v->row->token, "const real *");
            add_buffer(to, v->row->none, "const real *");
        }
    }
    add_buffer(to, s->to, reads ? "const real *" : "real *");
}

void helper_close(writer *w, text *around, const stmt *s, const char *comment, const char *wanted)
{
    const char *statements = text_string(w->out);
    given to = {.w = w, .parameters = text_new(w->arena), .arguments = text_new(w->arena)};
    text *rest = text_new(w->arena);
    w->out = text_new(w->arena);
    w->out->depth = 1;
    write_steps_and_batch(w);
    write_weights(w);
    text_puts(w->out, statements);
    add_parameter(&to, arena_printf(w->arena, "const %s_args *", w->options->prefix), "args");
    add_parameter(&to, "int ", "ragged");
    add_parameter(&to, "size_t ", "first_seq");
    add_parameter(&to, "size_t ", "all_seqs");
    if (s) add_buffers(&to, s);
    text_line(rest, "(%s)", text_string(to.parameters));
    text_block(rest);
    text_puts(rest, text_string(w->out));
    text_close(rest, NULL);
    w->out = around;
    uses_close(w);
    text_line(around, "%s(%s);", helper_add(w, comment, "void", wanted, text_string(rest)), text_string(to.arguments));
}
