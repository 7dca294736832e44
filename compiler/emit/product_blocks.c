/* product_blocks.c: one product by several threads, and packing.
 *
 * Where a batch is not cut into shards, since it is one sequence or the call is one step, a large product is: each
 * thread computes some of its columns, whole panels of the packed matrix, or rows of a sum of outer products. Every
 * component is the same sum in the same order, so the bits are those of one thread. A product that takes less time
 * than threads take to begin and to end, one to two microseconds, stays whole. */
#include "emit/writer.h"

/* Multiply-adds from which a product is cut, those of a third row counted at least: one or two rows take the time that
 * the matrix takes to be read. Some four microseconds. */
enum { WORTH_BLOCKS = 300000 };

static const char *threads_macro(const writer *w)
{
    return arena_printf(w->arena, "%s_THREADS", c_upper(w->arena, w->options->prefix));
}

bool has_product_blocks(const writer *w) { return w->options->threads > 1 && !w->sharded; }

/* The columns of part number `part` of N: begin to end. */
static void write_columns(writer *w, const char *N)
{
    const char *threads = threads_macro(w);
    text_line(w->out, "const int panels = (%s + %d) / %d, begin = panels * part / %s * %d;", N, PANEL - 1, PANEL,
              threads, PANEL);
    text_line(w->out, "const int next = panels * (part + 1) / %s * %d, end = next < %s ? next : %s;", threads, PANEL, N,
              N);
}

static void open_parts(writer *w, const char *worth)
{
    text_open(w->out, "if (%s >= WORTH_BLOCKS)", worth);
    text_put(w->out, "#pragma omp parallel for num_threads(%s) schedule(static, 1)\n", threads_macro(w));
    text_open(w->out, "for (int part = 0; part < %s; part++)", threads_macro(w));
}

static void close_parts(writer *w)
{
    text_close(w->out, NULL);
    text_line(w->out, "return;");
    text_close(w->out, NULL);
    text_puts(w->out, "#endif\n");
}

static void write_block(writer *w, const char *whole, const char *worth, const char *count, const char *block)
{
    text_puts(w->out, "#ifdef _OPENMP\n");
    open_parts(w, worth);
    write_columns(w, count);
    text_line(w->out, "if (begin < end) %s;", block);
    close_parts(w);
    text_line(w->out, "%s;", whole);
    text_close(w->out, NULL);
}

static void write_contract_blocks(writer *w)
{
    text_blank(w->out);
    text_line(w->out, "/* A product whose columns are shared out between the threads. */");
    text_line(w->out, "static void contract_blocks(int M, int N, int K, const real *A, size_t am, size_t ak, "
                      "const real *B, real *C, size_t cm, int add)");
    text_block(w->out);
    write_block(w, "contract(M, N, K, A, am, ak, B, C, cm, add)", "(double)N * K * (M < 3 ? 3 : M)", "N",
                "contract(M, end - begin, K, A, am, ak, B + (size_t)begin * (size_t)K, C + begin, cm, add)");
}

static void write_outer_blocks(writer *w)
{
    text_blank(w->out);
    text_line(w->out, "/* A sum of outer products whose rows are. */");
    text_line(w->out, "static void outer_blocks(int M, int N, int rows, const real *A, size_t ar, size_t am, "
                      "const real *B, size_t br, real *C, size_t cm)");
    text_block(w->out);
    write_block(w, "outer(M, N, rows, A, ar, am, B, br, C, cm)", "(double)M * N * rows", "M",
                "outer(end - begin, N, rows, A + (size_t)begin * am, ar, am, B, br, C + (size_t)begin * cm, cm)");
}

static void write_stream_blocks(writer *w)
{
    text_blank(w->out);
    text_line(w->out, "/* Products of one row: of each its columns. */");
    text_line(w->out, "static void stream_blocks(int count, const stream_part *parts, int backwards)");
    text_block(w->out);
    text_puts(w->out, "#ifdef _OPENMP\n");
    text_line(w->out, "double numbers = 0;");
    text_line(w->out, "for (int i = 0; i < count; i++) numbers += (double)parts[i].N * parts[i].K;");
    open_parts(w, "3 * numbers");
    text_open(w->out, "for (int i = 0; i < count; i++)");
    text_line(w->out, "stream_part some = parts[backwards ? count - 1 - i : i];");
    write_columns(w, "some.N");
    text_line(w->out, "some.N = end - begin;");
    text_line(w->out, "some.B += (size_t)begin * (size_t)some.K;");
    text_line(w->out, "some.C += begin;");
    text_line(w->out, "if (begin < end) stream_products(1, &some, backwards);");
    text_close(w->out, NULL);
    close_parts(w);
    text_line(w->out, "stream_products(count, parts, backwards);");
    text_close(w->out, NULL);
}

void write_product_blocks(writer *w)
{
    bool rows = is_used(w, "contract_blocks"), outer = is_used(w, "outer_blocks"), stream = is_used(w, "stream_blocks");
    if (!rows && !outer && !stream) return;
    text_blank(w->out);
    text_line(w->out, "/* Products of fewer multiply-adds are over before a second thread has begun. */");
    text_line(w->out, "#ifndef WORTH_BLOCKS");
    text_line(w->out, "#define WORTH_BLOCKS %d.0", WORTH_BLOCKS);
    text_line(w->out, "#endif");
    if (rows) write_contract_blocks(w);
    if (outer) write_outer_blocks(w);
    if (stream) write_stream_blocks(w);
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

bool packs_in_parts(const writer *w)
{
    enum { WORTH_PARTS = 1 << 16 }; /* reals: some 50 us */
    return w->options->threads > 1 && w->model->shared->packed_size >= WORTH_PARTS;
}

void write_pack_parts(writer *w)
{
    const char *threads = threads_macro(w);
    text_blank(w->out);
    text_line(w->out, "/* One part of as many as there are threads: whole panels. */");
    text_line(w->out, "static void pack_matrix_part(int part, int K, int N, const real *W, size_t wk, size_t wn, "
                      "real *to, int k0, int n0, int Ktotal)");
    text_block(w->out);
    write_columns(w, "N");
    text_line(w->out, "if (begin < end) pack_matrix(K, end - begin, W + (size_t)begin * wn, wk, wn, to, k0, "
                      "n0 + begin, Ktotal);");
    text_close(w->out, NULL);
    bool tables = false;
    for (size_t i = 1; i < w->model->shared->packings.len; i++)
        tables = tables || w->model->shared->packings.data[i].table;
    if (!tables) return;
    text_blank(w->out);
    text_line(w->out, "/* Some rows. */");
    text_line(w->out, "static void pack_table_part(int part, int K, int N, const real *W, size_t wk, size_t wn, "
                      "real *to, size_t ld)");
    text_block(w->out);
    text_line(w->out, "const int begin = (int)((int64_t)K * part / %s), end = (int)((int64_t)K * (part + 1) / %s);",
              threads, threads);
    text_line(w->out, "pack_table(end - begin, N, W + (size_t)begin * wk, wk, wn, to + (size_t)begin * ld, ld);");
    text_close(w->out, NULL);
}

void write_parallel_pack(writer *w)
{
    const pool *shared = w->model->shared;
    for (size_t i = 1; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        if (!pk->in_call) write_packing_clear(w, pk, c_packing(w, "packed", i));
    }
    write_parallel(w, "part", threads_macro(w));
    for (size_t i = 1; i < shared->packings.len; i++) {
        const packing *pk = &shared->packings.data[i];
        if (!pk->in_call) write_packing_pieces(w, pk, c_packing(w, "packed", i), "_part(part, ");
    }
    text_close(w->out, NULL);
}
