/* arrays.c: elementwise statements as calls of the kernels `array_...`, one for each operation and row: for libtcc,
 * which does not optimise loops. A value of the statement is an array on the stack; a long row is worked off in pieces.
 * Stores come last, as everything may be read before. */
#include "emit/pointwise.h"

enum {
    SHORTEST = 4, /* components of a row that are worth calls */
    PIECE = 256,  /* of a row, at a time */
};

/* An operand of a call: where it begins, and how far its components lie apart. */
typedef struct operand {
    const char *at;
    int stride;
} operand;

typedef struct arrays {
    pointwise *p;
    const char **name; /* per node: its array "row3", or "&one3", a number for the whole row */
    int length;        /* of a row */
    int numbers;       /* names given */
} arrays;

static bool by_rows(shape s) { return s.rank == 2 && s.dim[1] > 1; } /* a matrix: its rows one after the other */

static int row_length(shape s) { return by_rows(s) ? s.dim[1] : s.dim[0]; }

bool pointwise_fits_arrays(const pointwise *p)
{
    if (row_length(p->s->shape) < SHORTEST) return false;
    for (size_t i = 0; i < p->s->nodes.len; i++) {
        if (graph_node(p->w->g, p->s->nodes.data[i])->op == OP_norm) /* a macro of the generated code */
            return false;
    }
    return true;
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */

/* Along the row; what the operand lacks is broadcast. *before: "+ unit * 8", to the matrix's row in question. */
static int row_stride(const arrays *a, view v, shape have, const char **before)
{
    const writer *w = a->p->w;
    shape domain = a->p->s->shape;
    int over_unit = have.dim[0] > 1 || domain.dim[0] == 1 ? v.si : 0;
    int over_col = have.rank == 2 && domain.rank == 2 ? v.sj : 0;
    *before = "";
    if (!by_rows(domain)) return domain.dim[0] > 1 ? over_unit : 0;
    if (over_unit && domain.dim[0] > 1) *before = arena_printf(w->arena, " + unit * %d", over_unit);
    return over_col;
}

static const char *piece(const arrays *a, const char *row, const char *before, int stride)
{
    const writer *w = a->p->w;
    if (a->length <= PIECE || stride == 0) return arena_printf(w->arena, "%s%s", row, before);
    return stride == 1 ? arena_printf(w->arena, "%s%s + first", row, before)
                       : arena_printf(w->arena, "%s%s + first * %d", row, before, stride);
}

static operand operand_of(const arrays *a, node_id id)
{
    const pointwise *p = a->p;
    const node *n = graph_node(p->w->g, id);
    if (a->name[id.i]) return (operand){a->name[id.i], *a->name[id.i] == '&' ? 0 : 1};
    if (!is(p, id, READ)) BUG("an operand that is neither computed nor read");
    const char *before;
    int stride = row_stride(a, p->w->p->views[id.i], n->type.shape, &before);
    return (operand){piece(a, p->name_of[id.i], before, stride), stride};
}

static const char *new_name(arrays *a, const char *stem)
{
    return arena_printf(a->p->w->arena, "%s%d", stem, ++a->numbers);
}

static void declare(arrays *a, node_id id)
{
    a->name[id.i] = new_name(a, "row");
    text_line(a->p->w->out, "real %s[%d];", a->name[id.i], a->length < PIECE ? a->length : PIECE);
}

static void set_constant(arrays *a, node_id id, const char *value)
{
    a->name[id.i] = new_name(a, "&one");
    text_line(a->p->w->out, "const real %s = %s;", a->name[id.i] + 1, value);
}

/* Numbers, steps and the like, which stand inside expressions elsewhere. */
static void write_source(arrays *a, node_id id)
{
    const node *n = graph_node(a->p->w->g, id);
    if (a->name[id.i] || !pointwise_is_inline(n)) return;
    if (n->op != OP_iota) {
        set_constant(a, id, pointwise_source(a->p, n));
        return;
    }
    bool along = !by_rows(a->p->s->shape);
    declare(a, id);
    if (along)
        text_line(a->p->w->out, "array_iota(count, %s, %s);", a->name[id.i], a->length > PIECE ? "first" : "0");
    else
        text_line(a->p->w->out, "for (int i = 0; i < count; i++) %s[i] = (real)unit;", a->name[id.i]);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static void write_place(arrays *a, node_id id, const node *n)
{
    text *out = a->p->w->out;
    operand x = operand_of(a, n->arg[0]);
    const char *here = new_name(a, "one"), *zero = new_name(a, "one");
    text_line(out, "const real %s = %s, %s = 0;", here, pointwise_place(a->p, n), zero);
    text_line(out, "array_select(count, %s, &%s, 0, %s, %d, &%s, 0);", a->name[id.i], here, x.at, x.stride, zero);
}

static void write_uniform(arrays *a, node_id id)
{
    const writer *w = a->p->w;
    const char *first = a->length > PIECE ? "first" : "0";
    if (by_rows(a->p->s->shape)) first = arena_printf(w->arena, "unit * %d + %s", a->length, first);
    text_line(w->out, "array_uniform(count, %s, %s_key, (uint32_t)(%s));", a->name[id.i], a->p->name_of[id.i], first);
}

static void write_node(arrays *a, node_id id)
{
    const writer *w = a->p->w;
    const node *n = graph_node(w->g, id);
    if (pointwise_is_sum(n)) return;
    for (int i = 0; i < n->args; i++) write_source(a, n->arg[i]);
    if (*graph_label(a->p->w->g, a->p->w->arena, id)) write_equation(a->p->w, id);
    declare(a, id);
    if (n->op == OP_uniform) {
        write_uniform(a, id);
        return;
    }
    if (n->op == OP_put) {
        write_place(a, id, n);
        return;
    }
    text *call = text_new(w->arena);
    text_put(call, "array_%s(count, %s", op_table[n->op].name, a->name[id.i]);
    for (int i = 0; i < n->args; i++) {
        operand x = operand_of(a, n->arg[i]);
        text_put(call, ", %s, %d", x.at, x.stride);
    }
    text_line(w->out, "%s);", text_string(call));
}

static void write_store(arrays *a, const store *st, const char *to)
{
    const writer *w = a->p->w;
    node_id value = pointwise_value(a->p, st);
    const char *before;
    int stride = row_stride(a, st->to, pointwise_stored(a->p->w, st), &before);
    write_source(a, value);
    operand x = operand_of(a, value);
    text_line(w->out, "%s(count, %s, %d, %s, %d);", st->mode == STORE_SET ? "array_store" : "array_add_to",
              piece(a, to, before, stride), stride, x.at, x.stride);
}

/* The next statement finds the table as this one did. */
static void forget_names(arrays *a)
{
    const stmt *s = a->p->s;
    for (size_t i = 0; i < s->nodes.len; i++) {
        const node *n = graph_node(a->p->w->g, s->nodes.data[i]);
        a->name[s->nodes.data[i].i] = NULL;
        for (int k = 0; k < n->args; k++) a->name[n->arg[k].i] = NULL;
    }
    for (size_t i = 0; i < s->stores.len; i++) a->name[s->stores.data[i].node.i] = NULL;
}

void pointwise_write_arrays(pointwise *p)
{
    const writer *w = p->w;
    arrays a = {.p = p, .name = w->array_of, .length = row_length(p->s->shape)};
    if (by_rows(p->s->shape)) text_open(w->out, "for (size_t unit = 0; unit < %d; unit++)", p->s->shape.dim[0]);
    if (a.length > PIECE) {
        text_open(w->out, "for (int first = 0; first < %d; first += %d)", a.length, PIECE);
        text_line(w->out, "const int count = %d - first < %d ? %d - first : %d;", a.length, PIECE, a.length, PIECE);
    } else {
        text_line(w->out, "const int count = %d;", a.length);
    }
    for (size_t i = 0; i < p->s->nodes.len; i++) write_node(&a, p->s->nodes.data[i]);
    /* What is read as it is comes first: another store may take its place. */
    for (int computed = 0; computed < 2; computed++) {
        for (size_t i = 0; i < p->s->stores.len; i++) {
            if (is(p, pointwise_value(p, &p->s->stores.data[i]), READ) == !computed)
                write_store(&a, &p->s->stores.data[i], p->to[i]);
        }
    }
    if (a.length > PIECE) text_close(w->out, NULL);
    if (by_rows(p->s->shape)) text_close(w->out, NULL);
    forget_names(&a);
}
