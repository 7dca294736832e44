/* weights.c: see weights.h.
 *
 * In: the values of the parameters, in their order, and the packings of the plan. Out: the same numbers where the
 * functions read them: a packed matrix in panels of PANEL columns (contract_packed_index of the kernels), as integers as
 * scaled.h of the kernels says; a table row by row with a row of zeros at its end, as integers as integers.h says. */
#include "emit/weights.h"

#include "base/hash.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values of a packing ----------------------------------------------------------------------------------------- */

static size_t packed_index(const packing *pk, int k, int n)
{
    if (pk->table) return (size_t)k * (size_t)pk->N + (size_t)n;
    return (size_t)(n / PANEL * PANEL) * (size_t)pk->K + (size_t)k * PANEL + (size_t)(n % PANEL);
}

/* The number of component (k, n) of a piece among those of all parameters. */
static size_t param_index(const packing *pk, const packed_piece *x, int k, int n)
{
    bool across = pk->table || x->transposed;
    size_t k_stride = (size_t)(across ? x->matrix.sj : x->matrix.si);
    size_t n_stride = (size_t)(across ? x->matrix.si : x->matrix.sj);
    return (size_t)x->matrix.column + (size_t)k * k_stride + (size_t)n * n_stride;
}

static void pack_values(const packing *pk, const double *params, double *to)
{
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        for (int k = 0; k < x->k; k++) {
            for (int n = 0; n < x->n; n++)
                to[packed_index(pk, pk->table ? k : x->k0 + k, x->n0 + n)] = params[param_index(pk, x, k, n)];
        }
    }
}

/* `count` numbers, `stride` apart, as integers: the scale, a float, is such that the largest of them is the largest that
 * so many bits have. */
static double round_group(weights_table *t, double *x, size_t count, size_t stride)
{
    double most = (1 << (t->bits - 1)) - 1, largest = 0;
    for (size_t k = 0; k < count; k++) largest = fmax(largest, fabs(x[k * stride]));
    double scale = (float)(largest / most);
    for (size_t k = 0; k < count; k++) {
        double whole = scale > 0 ? nearbyint(x[k * stride] / scale) : 0;
        whole = fmin(fmax(whole, -most), most);
        t->rounding = fmax(t->rounding, fabs(x[k * stride] - whole * scale));
        x[k * stride] = whole;
    }
    t->largest = fmax(t->largest, largest);
    return scale;
}

/* The integers that one word has, the first in the lowest bits. */
static uint32_t word_of(const weights_table *t, const double *x, size_t count, size_t stride)
{
    uint32_t word = 0, mask = (uint32_t)((1 << t->bits) - 1);
    for (size_t k = 0; k < count && k < (size_t)(WORD_BITS / t->bits); k++)
        word |= ((uint32_t)(int32_t)x[k * stride] & mask) << k * (size_t)t->bits;
    return word;
}

/* The scale of integers in the upper bits of a word. */
static double scale_of_word(const weights_table *t, double scale) { return ldexp(scale, t->bits - WORD_BITS); }

/* A packed matrix as integers; what they are goes back to the values of the parameters. */
static void round_packing(arena *a, weights_table *t, const packing *pk, size_t number, double *packed)
{
    double *scales = ARENA_ARRAY(a, double, t->at->scales[number].count),
           *scale = ARENA_ARRAY(a, double, (size_t)pk->N + 1);
    uint32_t *to = ARENA_ARRAY(a, uint32_t, t->at->packings[number].count);
    t->at->scales[number].reals = scales;
    t->at->packings[number].words = to;
    for (int n = 0; n < pk->N; n++) {
        scale[n] = round_group(t, packed + packed_index(pk, 0, n), (size_t)pk->K, PANEL);
        scales[n] = scale_of_word(t, scale[n]);
    }
    for (int n = 0; n < pk->N; n += PANEL) {
        for (int k = 0; k < pk->K; k += WORD_BITS / t->bits) {
            for (int i = 0; i < PANEL; i++)
                *to++ = n + i < pk->N ? word_of(t, packed + packed_index(pk, k, n + i), (size_t)(pk->K - k), PANEL) : 0;
        }
    }
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        for (int k = 0; k < x->k; k++) {
            for (int n = 0; n < x->n; n++)
                t->values[param_index(pk, x, k, n)] = packed[packed_index(pk, x->k0 + k, x->n0 + n)] * scale[x->n0 + n];
        }
    }
}

/* Table number `number` (places_table) likewise: a row begins with a word. */
static void round_table(arena *a, weights_table *t, const graph *g, size_t number)
{
    weight_place *rows = &t->at->rows[number], *row_scales = &t->at->row_scales[number];
    bool transposed = number % 2;
    shape s = g->params.data[number / 2].shape;
    size_t K = (size_t)s.dim[transposed], N = (size_t)s.dim[!transposed], stride = transposed ? K : 1;
    size_t in_word = (size_t)(WORD_BITS / t->bits);
    double *values = t->values + graph_param_offset(g, number / 2), *scales = ARENA_ARRAY(a, double, K + 1);
    uint32_t *words = ARENA_ARRAY(a, uint32_t, rows->count + 1), *to = words;
    for (size_t k = 0; k < K; k++) {
        double *row = values + (transposed ? k : k * N), scale = round_group(t, row, N, stride);
        for (size_t n = 0; n < N; n += in_word) *to++ = word_of(t, row + n * stride, N - n, stride);
        for (size_t n = 0; n < N; n++) row[n * stride] *= scale;
        scales[k] = scale_of_word(t, scale);
    }
    rows->words = words;
    row_scales->reals = scales;
}

weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, places *at, const char *prefix)
{
    weights_table *t = ARENA_ARRAY(a, weights_table, 1);
    size_t count = graph_param_offset(m->graph, m->graph->params.len);
    *t = (weights_table){.at = at, .bits = o->weights_bits, .base = "weights", .matrices = "matrices"};
    if (o->weights_as == WEIGHTS_EXTERN) {
        t->base = arena_printf(a, "%s_weights", prefix);
        t->matrices = arena_printf(a, "%s_matrices", prefix);
    }
    t->values = ARENA_ARRAY(a, double, count + 1);
    memcpy(t->values, o->weights, count * sizeof *t->values);
    return t;
}

/* ---- the layout -------------------------------------------------------------------------------------------------- */

size_t weights_room(const weight_place *p) { return (p->count + WEIGHTS_ALIGN - 1) / WEIGHTS_ALIGN * WEIGHTS_ALIGN; }

/* The numbers of what is mentioned: first those that become integers, then the rest, as these are. */
static void fill(arena *a, weights_table *t, const emit_model *m)
{
    places *at = t->at;
    for (size_t i = 0; i < 2 * at->param_count && at->rows; i++)
        if (at->rows[i].what) round_table(a, t, m->graph, i);
    for (size_t i = 0; i < at->packing_count; i++) {
        const packing *pk = &m->shared->packings.data[i];
        weight_place *p = &at->packings[i];
        if (!p->what) continue;
        double *packed = ARENA_ARRAY(a, double, p->integers ? plan_packed_size(pk->K, pk->N) : p->count);
        pack_values(pk, t->values, packed);
        if (p->integers)
            round_packing(a, t, pk, i, packed);
        else
            p->reals = packed;
    }
    for (size_t i = 0; i < at->param_count; i++) at->params[i].reals = t->values + graph_param_offset(m->graph, i);
}

void weights_place(weights_table *t, const writer *w)
{
    weight_place *p;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what || !is_used(w, p->name)) {
            p->what = NULL;
            continue;
        }
        size_t *end = p->integers ? &t->word_count : &t->total;
        p->offset = *end;
        *end += weights_room(p);
    }
    fill(w->arena, t, w->model);
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

static void write_attribute(text *out, const char *PREFIX)
{
    text_blank(out);
    text_line(out,
              "/* For a section of the linker, or what else an array of constants needs: -D%s_WEIGHTS_ATTRIBUTE=... */",
              PREFIX);
    text_line(out, "#ifndef %s_WEIGHTS_ATTRIBUTE", PREFIX);
    text_line(out, "#ifdef __GNUC__");
    text_line(out, "#define %s_WEIGHTS_ATTRIBUTE __attribute__((aligned(64)))", PREFIX);
    text_line(out, "#else");
    text_line(out, "#define %s_WEIGHTS_ATTRIBUTE", PREFIX);
    text_line(out, "#endif");
    text_line(out, "#endif");
}

static void write_reals(text *out, const weights_table *t, const writer *w)
{
    enum { A_LINE = 8 };
    const weight_place *p;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what || p->integers) continue;
        text_line(out, "/* %s */", p->what);
        size_t end = weights_room(p);
        for (size_t k = 0; k < end; k++) {
            double value = k < p->count ? p->reals[k] : 0;
            text_put(out, "%s%s,%s", value < 0 ? "-" : "", c_number(w, value < 0 ? -value : value),
                     (k + 1) % A_LINE == 0 ? "\n" : " ");
        }
    }
}

static void write_integers(text *out, const weights_table *t)
{
    enum { A_LINE = 8 };
    const weight_place *p;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what || !p->integers) continue;
        text_line(out, "/* %s */", p->what);
        size_t end = weights_room(p);
        for (size_t k = 0; k < end; k++)
            text_put(out, "0x%08x,%s", k < p->count ? (unsigned)p->words[k] : 0, (k + 1) % A_LINE == 0 ? "\n" : " ");
    }
}

void weights_write_arrays(text *out, const weights_table *t, const writer *w, const char *before)
{
    const char *PREFIX = c_upper(w->arena, w->options->prefix), *real = w->options->real_double ? "double" : "float";
    if (!t->total) return; /* no words either: they have scales */
    write_attribute(out, PREFIX);
    text_open(out, "%s_WEIGHTS_ATTRIBUTE %s %s %s[%zu] =", PREFIX, before, real, t->base, t->total);
    write_reals(out, t, w);
    text_close(out, ";");
    if (!t->word_count) return;
    text_open(out, "%s_WEIGHTS_ATTRIBUTE %s uint32_t %s[%zu] =", PREFIX, before, t->matrices, t->word_count);
    write_integers(out, t);
    text_close(out, ";");
}

static uint64_t layout_hash(const weights_table *t, bool real_double)
{
    const weight_place *p;
    char line[64];
    uint64_t hash = HASH_START;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what) continue;
        int n = snprintf(line, sizeof line, ":%zu:%zu:%d;", p->offset, p->count, real_double);
        hash = hash_bytes(hash, p->what, strlen(p->what));
        hash = hash_bytes(hash, line, (size_t)n);
    }
    return hash;
}

static void put_little_endian(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}

static void put_real(unsigned char *to, double value, bool real_double)
{
    uint64_t bits = 0;
    uint32_t short_bits;
    float single = (float)value;
    if (real_double) {
        memcpy(&bits, &value, sizeof bits);
    } else {
        memcpy(&short_bits, &single, sizeof short_bits);
        bits = short_bits;
    }
    put_little_endian(to, bits, real_double ? 8 : 4);
}

size_t weights_blob_length(const weights_table *t, bool real_double)
{
    return WEIGHTS_BLOB_HEAD + t->total * (real_double ? sizeof(double) : sizeof(float)) +
           t->word_count * sizeof(uint32_t);
}

/* The head, WEIGHTS_BLOB_HEAD bytes: "RNNCWGTS", u32 version, u32 bytes of a real, u64 number of reals, u64 hash of the
 * layout, u64 hash of all that follows it, zeros; then the reals and the words. All little-endian. */
unsigned char *weights_blob(arena *a, const weights_table *t, bool real_double, size_t *length)
{
    size_t size = real_double ? 8 : 4;
    const weight_place *p;
    *length = weights_blob_length(t, real_double);
    unsigned char *blob = ARENA_ARRAY(a, unsigned char, *length), *reals = blob + WEIGHTS_BLOB_HEAD;
    unsigned char *words = reals + t->total * size;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        for (size_t k = 0; p->what && k < p->count; k++) {
            if (p->integers)
                put_little_endian(words + (p->offset + k) * sizeof(uint32_t), p->words[k], sizeof(uint32_t));
            else
                put_real(reals + (p->offset + k) * size, p->reals[k], real_double);
        }
    }
    memcpy(blob, EMIT_BLOB_MARK, sizeof EMIT_BLOB_MARK - 1);
    put_little_endian(blob + 8, WEIGHTS_BLOB_VERSION, 4);
    put_little_endian(blob + 12, size, 4);
    put_little_endian(blob + 16, t->total, 8);
    put_little_endian(blob + 24, layout_hash(t, real_double), 8);
    put_little_endian(blob + 32, hash_bytes(HASH_START, blob + WEIGHTS_BLOB_HASHED, *length - WEIGHTS_BLOB_HASHED), 8);
    return blob;
}

void weights_write_load(text *out, const weights_table *t, const emit_options *o)
{
    const char *PREFIX = c_upper(out->arena, o->prefix), *real = o->real_double ? "double" : "float";
    text_blank(out);
    text_line(out, "int %s_load(const void *bytes, size_t length, const %s **loaded)", o->prefix, real);
    text_block(out);
    text_line(out, "const unsigned char *at = (const unsigned char *)bytes;");
    text_line(out, "uint32_t version, size;");
    text_line(out, "uint64_t count, layout, sum, hash = UINT64_C(%llu);", (unsigned long long)HASH_START);
    text_line(out, "if (!at || !loaded || (uintptr_t)at %% sizeof(real)) return %s_BAD_ARGUMENT;", PREFIX);
    text_line(out, "if (length < %d || memcmp(at, \"" EMIT_BLOB_MARK "\", 8) != 0) return %s_BAD_WEIGHTS;",
              WEIGHTS_BLOB_HEAD, PREFIX);
    text_line(out, "memcpy(&version, at + 8, 4);");
    text_line(out, "memcpy(&size, at + 12, 4);");
    text_line(out, "memcpy(&count, at + 16, 8);");
    text_line(out, "memcpy(&layout, at + 24, 8);");
    text_line(out, "memcpy(&sum, at + 32, 8);");
    text_line(out, "if (version != %d || size != sizeof(real) || count != %s_WEIGHTS || layout != UINT64_C(%llu))",
              WEIGHTS_BLOB_VERSION, PREFIX, (unsigned long long)layout_hash(t, o->real_double));
    text_line(out, "    return %s_OTHER_WEIGHTS;", PREFIX);
    text_line(out, "if (length != %s_BLOB) return %s_BAD_WEIGHTS;", PREFIX, PREFIX);
    text_line(out, "for (size_t i = %d; i < length; i++) hash = (hash ^ at[i]) * UINT64_C(%llu);", WEIGHTS_BLOB_HASHED,
              (unsigned long long)HASH_PRIME);
    text_line(out, "if (hash != sum) return %s_BAD_WEIGHTS;", PREFIX);
    text_line(out, "*loaded = (const real *)(const void *)(at + %d);", WEIGHTS_BLOB_HEAD);
    text_line(out, "return %s_OK;", PREFIX);
    text_close(out, NULL);
}
