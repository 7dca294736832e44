/* products.c: matrix products as calls of the kernels `contract` and `outer`, or as plain loops where the kernel's
 * layout does not fit; and the packed matrices that they meet. */
#include "emit/writer.h"

#include <string.h>

/* Opens loops over all rows but those of the last time axis and the batch; returns the number of these, as an
 * expression. Within a loop over a later axis, rows of that axis stand in between: then all but those of the batch. */
static const char *open_outer(writer *w, axis_set axes, bool *flat)
{
    axis_set inner = axes & ~w->loops;
    int last = 0;
    for (int i = 1; i <= w->g->axes; i++) last = inner & axis_bit(i) ? i : last && (w->loops & axis_bit(i)) ? 0 : last;
    *flat = (inner & BATCH) != 0;
    open_rows(w, axes & ~(BATCH | (last ? axis_bit(last) : 0)));
    w->flat_axis = last;
    if (!*flat) return "1";
    return c_flat_rows(w, last);
}

static void close_outer(writer *w, axis_set before)
{
    w->flat_axis = 0;
    close_rows(w, before);
}

/* The address of the first of the rows that open_outer left to the kernel. */
static const char *first_row(const writer *w, view v, bool flat)
{
    writer at = *w;
    at.flat = flat;
    at.first_of_flat = flat;
    return c_address(&at, v);
}

/* "(int)batch", "(int)(T * batch)": the kernels count in int. */
static const char *c_int(const writer *w, const char *count)
{
    return arena_printf(w->arena, strchr(count, ' ') ? "(int)(%s)" : "(int)%s", count);
}

/* Of a row, which is no packed matrix. */
static int columns(const writer *w, view v) { return (int)w->p->buffers.data[v.buffer].columns; }

static const char *packed_address(const writer *w, int number)
{
    const packing *pk = &w->model->shared->packings.data[number];
    if (pk->in_call) return c_memory(w, &w->p->buffers.data[pk->buffer]);
    return c_packed(w, (size_t)number);
}

/* "row_any(batch, c_all + ..., 1, 1)": does the guard hold for any sequence at the step in scope, and `ahead` steps
 * on? */
static const char *guard_holds(const writer *w, row_guard guard, int axis, const char *ahead)
{
    const buffer *b = &w->p->buffers.data[guard.at.buffer];
    writer at = *w;
    if (!(b->axes & axis_bit(axis))) /* it is the same at all steps */
        at.flat_axis = 0;
    const char *rows = b->axes & BATCH ? c_use(w, "batch") : "1", *address = first_row(&at, guard.at, true);
    if (ahead && (b->axes & axis_bit(axis)))
        address = arena_printf(w->arena, "%s + %s * %s * %zu", address, ahead, rows, b->columns);
    return arena_printf(w->arena, "%s(%s, %s, %zu, %d)", c_use(w, "row_any"), c_int(w, rows), address, b->columns,
                        !guard.negated);
}

/* Opens a scope in which a product is done for the rows where it is guarded: those of the step in scope, or each run of
 * such steps. `rows` as open_outer gave it; returns the number of rows, as an expression. */
static const char *open_guard(writer *w, row_guard guard, bool flat, const char *rows)
{
    int axis = w->flat_axis;
    if (!flat || !axis || strcmp(rows, "batch") == 0) {
        text_open(w->out, "if (%s)", guard_holds(w, guard, axis, NULL));
        return rows;
    }
    const char *t = w->g->axis[axis].letter, *T = c_steps(w, axis), *part = arena_printf(w->arena, "%s_part", t);
    text_open(w->out, "for (size_t %s = 0, %s; %s < %s; %s += %s + 1)", t, part, t, T, t, part);
    w->loops |= axis_bit(axis);
    w->flat_axis = 0;
    text_line(w->out, "for (%s = 0; %s + %s < %s && %s; %s++) {}", part, t, part, T, guard_holds(w, guard, axis, part),
              part);
    text_line(w->out, "if (%s == 0) continue;", part);
    return arena_printf(w->arena, "%s * %s", part, c_use(w, "batch"));
}

static void close_guard(writer *w, int axis, axis_set loops)
{
    text_close(w->out, NULL);
    w->flat_axis = axis;
    w->loops = loops;
}

static bool is_small(const writer *w, int numbers)
{
    bool once = w->p->entry == ENTRY_STEP || w->options->unroll == 1; /* in the text */
    return !w->options->calls && plan_is_small(numbers, w->options->batch == 1 && once);
}

static const char *kernel_name(const writer *w, const char *kernel)
{
    return c_use(w, has_product_blocks(w) ? arena_printf(w->arena, "%s_blocks", kernel) : kernel);
}

/* "contract_8x4(": the kernel is expanded once for each size of small matrices; in steps of one sequence, where the
 * product stands. */
static const char *open_contract(writer *w, const char *rows, int N, int K)
{
    if (!is_small(w, N * K))
        return arena_printf(w->arena, "%s(%s, %d, %d", kernel_name(w, "contract"), c_int(w, rows), N, K);
    const char *small = c_use(w, "contract_small");
    if (is_expanded(w)) return arena_printf(w->arena, "%s(%s, %d, %d", small, c_int(w, rows), N, K);
    const char *code = arena_printf(w->arena,
                                    "(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,\n"
                                    "                             int accumulate)\n{\n"
                                    "    %s(M, %d, %d, A, am, ak, B, C, cm, accumulate);\n}\n",
                                    small, N, K);
    const char *comment = arena_printf(w->arena, "`contract` for a matrix of %d x %d.", K, N);
    const char *called = helper_add(w, comment, "void", arena_printf(w->arena, "contract_%dx%d", K, N), code);
    return arena_printf(w->arena, "%s(%s", called, c_int(w, rows));
}

/* "outer_8x4(", likewise. */
static const char *open_outer_product(writer *w, const char *rows, int M, int N)
{
    if (!is_small(w, M * N))
        return arena_printf(w->arena, "%s(%d, %d, %s", kernel_name(w, "outer"), M, N, c_int(w, rows));
    const char *code = arena_printf(
        w->arena,
        "(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)\n{\n"
        "    %s(%d, %d, rows, A, ar, am, B, br, C, cm);\n}\n",
        c_use(w, "outer_small"), M, N);
    const char *comment = arena_printf(w->arena, "`outer` for a matrix of %d x %d.", M, N);
    const char *called = helper_add(w, comment, "void", arena_printf(w->arena, "outer_%dx%d", M, N), code);
    return arena_printf(w->arena, "%s(%s", called, c_int(w, rows));
}

static void write_products_equations(writer *w, const stmt *s)
{
    for (size_t i = 0; i < s->nodes.len; i++)
        text_line(w->out, "/* %s */", graph_equation(w->g, w->arena, s->nodes.data[i]));
}

static void write_addend(writer *w, const contract *c, const addend *part, bool flat, const char *rows, bool add)
{
    int stride = part->a.si ? part->a.si : 1;
    if (is_integers(w, (size_t)part->packing)) {
        text_line(w->out, "%s(%s, %d, %d, %s, %d, %d, %s, %s, %s, %d, %d);", c_use(w, "contract_scaled"),
                  c_int(w, rows), c->N, part->K, first_row(w, part->a, flat), columns(w, part->a), stride,
                  packed_address(w, part->packing), c_scales(w, (size_t)part->packing), first_row(w, c->to, flat),
                  columns(w, c->to), add);
        return;
    }
    text_line(w->out, "%s, %s, %d, %d, %s, %s, %d, %d);", open_contract(w, rows, c->N, part->K),
              first_row(w, part->a, flat), columns(w, part->a), stride, packed_address(w, part->packing),
              first_row(w, c->to, flat), columns(w, c->to), add);
}

static void write_rows_product(writer *w, const stmt *s)
{
    const contract *c = &s->product;
    axis_set before = w->loops;
    bool flat, cleared = c->addends.data[0].guard.at.buffer != 0;
    const char *rows = open_outer(w, s->axes, &flat);
    if (cleared)
        text_line(w->out, "for (size_t row = 0; row < %s; row++) %s(%d, %s + row * %d);", rows, c_use(w, "row_clear"),
                  c->N, first_row(w, c->to, flat), columns(w, c->to));
    for (size_t i = 0; i < c->addends.len; i++) {
        const addend *part = &c->addends.data[i];
        int axis = w->flat_axis;
        axis_set loops = w->loops;
        bool guarded = part->guard.at.buffer != 0;
        const char *those = guarded ? open_guard(w, part->guard, flat, rows) : rows;
        write_addend(w, c, part, flat, those, i > 0 || cleared);
        if (guarded) close_guard(w, axis, loops);
    }
    close_outer(w, before);
}

/* ---- products of one row ----------------------------------------------------------------------------------------- */

/* Is the product one row, whose matrix is worth reading by the kernel for that? */
static bool is_streamed(const writer *w, const stmt *s)
{
    const contract *c = &s->product;
    bool one_row =
        w->options->batch == 1 && (w->p->entry == ENTRY_STEP || (w->loops && !(s->axes & ~(w->loops | BATCH))));
    return one_row && !w->options->calls && c->form == FORM_ROWS && c->addends.len == 1 &&
           !c->addends.data[0].guard.at.buffer && !is_integers(w, (size_t)c->addends.data[0].packing) &&
           !is_small(w, c->N * c->K);
}

const char *c_every_second(const writer *w)
{
    for (int i = w->g->axes; i >= 1; i--) {
        if ((w->loops & axis_bit(i)) && !has_one_step(w, i)) return arena_printf(w->arena, "%s & 1", c_step(w, i));
    }
    return has_state(w) ? arena_printf(w->arena, "%s(args, 0) & 1", c_use(w, "time_of")) : "0";
}

size_t write_streamed(writer *w, const item *items, size_t count)
{
    size_t n = 0;
    while (n < count && items[n].stmt && items[n].stmt->kind == STMT_CONTRACT && is_streamed(w, items[n].stmt)) {
        if (!items[n++].stmt->product.with_next) break;
    }
    for (size_t i = 0; i < n; i++) write_products_equations(w, items[i].stmt);
    const stmt *epilogue = n ? items[n - 1].stmt->product.epilogue : NULL;
    if (epilogue && !has_product_blocks(w)) {
        write_unit_blocks(w, epilogue, items, n);
        return n + 1;
    }
    if (n) {
        text_block(w->out);
        text_line(w->out, "const stream_part parts[] = {");
    }
    for (size_t i = 0; i < n; i++) {
        const contract *c = &items[i].stmt->product;
        const addend *part = &c->addends.data[0];
        bool flat;
        axis_set before = w->loops;
        (void)open_outer(w, items[i].stmt->axes, &flat);
        text_line(w->out, "    {%d, %d, %s, %d, %s, %s},", c->N, part->K, first_row(w, part->a, flat),
                  part->a.si ? part->a.si : 1, packed_address(w, part->packing), first_row(w, c->to, flat));
        close_outer(w, before);
    }
    if (n) {
        text_line(w->out, "};");
        text_line(w->out, "%s(%zu, parts, (int)(%s));",
                  c_use(w, has_product_blocks(w) ? "stream_blocks" : "stream_products"), n, c_every_second(w));
        text_close(w->out, NULL);
    }
    return n;
}

void write_units_of_product(writer *w, const stmt *s, int units, int column)
{
    const contract *c = &s->product;
    const addend *part = &c->addends.data[0];
    text_line(w->out, "%s(%d, %d, %s, %d, %s + first_unit * %d, %d, %s);", c_use(w, "stream_units"), c->N / units,
              part->K, first_row(w, part->a, true), part->a.si ? part->a.si : 1, packed_address(w, part->packing),
              part->K, units * part->K, c_plus(w, "sums", column));
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

/* The rows that count, as a product if the kernel can read them. */
static void write_outer_rows(writer *w, const contract *c, bool flat, const char *rows)
{
    int unit_a = c->M == 1 ? 1 : c->a.si, unit_b = c->N == 1 ? 1 : c->b.si;
    int row_c = c->M == 1 ? c->N : c->to.si, col_c = c->N == 1 ? 1 : c->to.sj ? c->to.sj : 1;
    const char *a = first_row(w, c->a, flat), *b = first_row(w, c->b, flat);
    if (unit_b == 1 && col_c == 1 && (!w->p->buffers.data[c->to.buffer].axes)) {
        text_line(w->out, "%s, %s, %d, %d, %s, %d, %s, %d);", open_outer_product(w, rows, c->M, c->N), a,
                  columns(w, c->a), unit_a, b, columns(w, c->b), c_address(w, c->to), row_c);
        return;
    }
    text_open(w->out, "for (size_t row = 0; row < %s; row++)", rows);
    text_open(w->out, "for (size_t unit = 0; unit < %d; unit++)", c->M);
    text_open(w->out, "for (size_t col = 0; col < %d; col++)", c->N);
    const char *to = c_times_plus(w, "unit", row_c, "col", col_c);
    const char *of_a = c_times_plus(w, "row", columns(w, c->a), "unit", unit_a);
    const char *of_b = c_times_plus(w, "row", columns(w, c->b), "col", unit_b);
    text_line(w->out, "%s += %s * %s;", c_indexed(w, c_address(w, c->to), to), c_indexed(w, a, of_a),
              c_indexed(w, b, of_b));
    text_close(w->out, NULL);
    text_close(w->out, NULL);
    text_close(w->out, NULL);
}

/* The kernel reads B with its components side by side; so it does C. */
static void write_outer_product(writer *w, const stmt *s)
{
    const contract *c = &s->product;
    axis_set before = w->loops;
    if (!c->add) {
        text_line(w->out, "for (size_t unit = 0; unit < %d; unit++) %s = 0;", c->M * c->N,
                  c_indexed(w, c_address(w, c->to), "unit"));
    }
    bool flat, guarded = c->guard.at.buffer != 0;
    const char *rows = open_outer(w, s->axes, &flat);
    int axis = w->flat_axis;
    axis_set loops = w->loops;
    write_outer_rows(w, c, flat, guarded ? open_guard(w, c->guard, flat, rows) : rows);
    if (guarded) close_guard(w, axis, loops);
    close_outer(w, before);
}

static void write_each_product(writer *w, const stmt *s)
{
    const contract *c = &s->product;
    scope rows = open_scope(w, s->axes);
    text_line(w->out, "const real *left = %s, *right = %s;", c_address(w, c->a), c_address(w, c->b));
    text_line(w->out, "real *to = %s;", c_address(w, c->to));
    int to_row = c->M == 1 ? 0 : c->to.si;
    int to_col = c->N == 1 ? 0 : c->to.sj ? c->to.sj : c->to.si;
    int a_row = c->M == 1 ? 0 : c->a.si, b_col = c->N == 1 ? 0 : c->b.sj;
    int a_col = c->K == 1 ? 0 : c->M == 1 && !c->a.sj ? c->a.si : c->a.sj;
    int b_row = c->K == 1 ? 0 : c->N == 1 && !c->b.si ? c->b.sj : c->b.si;
    text_open(w->out, "for (size_t unit = 0; unit < %d; unit++)", c->M);
    text_open(w->out, "for (size_t col = 0; col < %d; col++)", c->N);
    const char *to = c_times_plus(w, "unit", to_row, "col", to_col), *sets = c->add ? "+=" : "=";
    const char *left = c_times_plus(w, "unit", a_row, "inner", a_col);
    const char *right = c_times_plus(w, "inner", b_row, "col", b_col);
    if (c->K == 1) {
        text_line(w->out, "to[%s] %s left[%s] * right[%s];", to, sets, left, right);
    } else {
        text_line(w->out, "real dot = 0;");
        text_line(w->out, "for (size_t inner = 0; inner < %d; inner++) dot += left[%s] * right[%s];", c->K, left,
                  right);
        text_line(w->out, "to[%s] %s dot;", to, sets);
    }
    text_close(w->out, NULL);
    text_close(w->out, NULL);
    close_scope(w, rows);
}

void write_contract(writer *w, const stmt *s)
{
    write_products_equations(w, s);
    if (s->product.wanted_by)
        text_open(w->out, "if (args->%s)", c_gradient_field(w->arena, w->g, (uint32_t)s->product.wanted_by - 1));
    switch (s->product.form) {
    case FORM_ROWS: write_rows_product(w, s); break;
    case FORM_OUTER: write_outer_product(w, s); break;
    case FORM_EACH: write_each_product(w, s); break;
    }
    if (s->product.wanted_by) text_close(w->out, NULL);
}

/* ---- packed matrices --------------------------------------------------------------------------------------------- */

void write_packing_clear(writer *w, const packing *pk, const char *base)
{
    if (pk->table)
        text_line(w->out, "%s(%d, %s); /* the row of no token */", c_use(w, "row_clear"), pk->N,
                  c_plus(w, base, pk->K * pk->N));
    else if (pk->N % PANEL)
        text_line(w->out, "memset(%s, 0, %zu * sizeof(real)); /* the padding */",
                  c_plus(w, base, pk->N / PANEL * PANEL * pk->K), (size_t)PANEL * (size_t)pk->K);
}

void write_packing_pieces(writer *w, const packing *pk, const char *base, const char *part)
{
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        const char *from = pk->in_call ? c_address(w, x->matrix) : c_param(w, "params", x->matrix.column);
        int k_stride = x->transposed ? x->matrix.sj : x->matrix.si,
            n_stride = x->transposed ? x->matrix.si : x->matrix.sj;
        if (pk->table)
            text_line(w->out, "%s%s%d, %d, %s, %d, %d, %s, %d);", c_use(w, "pack_table"), part, x->k, x->n, from,
                      x->matrix.sj, x->matrix.si, c_plus(w, base, x->n0), pk->N);
        else
            text_line(w->out, "%s%s%d, %d, %s, %d, %d, %s, %d, %d, %d);", c_use(w, "pack_matrix"), part, x->k, x->n,
                      from, k_stride, n_stride, base, x->k0, x->n0, pk->K);
    }
}

void write_packing(writer *w, const packing *pk, const char *base)
{
    write_packing_clear(w, pk, base);
    write_packing_pieces(w, pk, base, "(");
}

void write_pack(writer *w, const stmt *s)
{
    write_packing(w, &w->model->shared->packings.data[s->pack.packing], packed_address(w, s->pack.packing));
}
