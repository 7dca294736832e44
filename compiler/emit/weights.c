/* weights.c: see weights.h.
 *
 * In: the values of the parameters, in their order, and the packings of the plan. Out: the same numbers where the
 * functions read them: a packed matrix in panels of PANEL columns (contract_packed_index of the kernels), as integers as
 * scaled.h of the kernels says; a table row by row with a row of zeros at its end. */
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

/* Column n of a packed matrix as integers: the scale, a float, is such that the largest of them is the largest that so
 * many bits have. */
static void round_column(weights_table *t, const packing *pk, int n, double *packed, double *scale)
{
    double most = (1 << (t->bits - 1)) - 1, largest = 0;
    for (int k = 0; k < pk->K; k++) largest = fmax(largest, fabs(packed[packed_index(pk, k, n)]));
    *scale = (float)(largest / most);
    for (int k = 0; k < pk->K; k++) {
        double *x = &packed[packed_index(pk, k, n)], whole = *scale > 0 ? nearbyint(*x / *scale) : 0;
        whole = fmin(fmax(whole, -most), most);
        t->rounding = fmax(t->rounding, fabs(*x - whole * *scale));
        *x = whole;
    }
    t->largest = fmax(t->largest, largest);
}

/* The integers of rows k and on that one word has, the first in the lowest bits. */
static uint32_t word_of(const weights_table *t, const packing *pk, const double *packed, int k, int n)
{
    uint32_t word = 0, mask = (uint32_t)((1 << t->bits) - 1);
    for (int bit = 0; bit < WORD_BITS && k < pk->K; bit += t->bits, k++)
        word |= ((uint32_t)(int32_t)packed[packed_index(pk, k, n)] & mask) << bit;
    return word;
}

static void round_packing(arena *a, weights_table *t, const packing *pk, size_t number)
{
    double *packed = t->packed[number], *scales = ARENA_ARRAY(a, double, t->at->scales[number].count);
    uint32_t *to = ARENA_ARRAY(a, uint32_t, t->at->packings[number].count);
    t->scales[number] = scales;
    t->words[number] = to;
    for (int n = 0; n < pk->N; n++) round_column(t, pk, n, packed, &scales[n]);
    for (int n = 0; n < pk->N; n += PANEL) {
        for (int k = 0; k < pk->K; k += WORD_BITS / t->bits) {
            for (int i = 0; i < PANEL; i++) *to++ = n + i < pk->N ? word_of(t, pk, packed, k, n + i) : 0;
        }
    }
}

weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, places *at, const char *prefix)
{
    weights_table *t = ARENA_ARRAY(a, weights_table, 1);
    *t = (weights_table){.at = at, .bits = o->weights_bits, .base = "weights", .matrices = "matrices"};
    if (o->weights_as == WEIGHTS_EXTERN) {
        t->base = arena_printf(a, "%s_weights", prefix);
        t->matrices = arena_printf(a, "%s_matrices", prefix);
    }
    t->params = ARENA_ARRAY(a, double *, at->param_count + 1);
    t->packed = ARENA_ARRAY(a, double *, at->packing_count + 1);
    t->scales = ARENA_ARRAY(a, double *, at->packing_count + 1);
    t->words = ARENA_ARRAY(a, uint32_t *, at->packing_count + 1);
    for (size_t i = 0; i < at->param_count; i++) {
        const weight_place *p = &at->params[i];
        t->params[i] = ARENA_ARRAY(a, double, p->count);
        memcpy(t->params[i], o->weights + p->offset, p->count * sizeof(double));
    }
    for (size_t i = 0; i < at->packing_count; i++) {
        const packing *pk = &m->shared->packings.data[i];
        if (!at->packings[i].what) continue;
        bool integers = at->packings[i].integers;
        t->packed[i] = ARENA_ARRAY(a, double, integers ? plan_packed_size(pk->K, pk->N) : at->packings[i].count);
        pack_values(pk, o->weights, t->packed[i]);
        if (integers) round_packing(a, t, pk, i);
    }
    return t;
}

void weights_rounded(const weights_table *t, const pool *shared, double *params)
{
    for (size_t i = 0; i < t->at->packing_count; i++) {
        const packing *pk = &shared->packings.data[i];
        if (!t->at->packings[i].what || !t->at->packings[i].integers) continue;
        for (size_t piece = 0; piece < pk->pieces.len; piece++) {
            const packed_piece *x = &pk->pieces.data[piece];
            for (int k = 0; k < x->k; k++) {
                for (int n = 0; n < x->n; n++)
                    params[param_index(pk, x, k, n)] =
                        t->packed[i][packed_index(pk, x->k0 + k, x->n0 + n)] * t->scales[i][x->n0 + n];
            }
        }
    }
}

/* ---- the layout -------------------------------------------------------------------------------------------------- */

size_t weights_room(const weight_place *p) { return (p->count + WEIGHTS_ALIGN - 1) / WEIGHTS_ALIGN * WEIGHTS_ALIGN; }

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
}

/* Real `k` of place number `i` of all. A scale is that of integers in the upper bits of a word. */
static double value_of(const weights_table *t, size_t i, size_t k)
{
    const places *at = t->at;
    if (i < at->packing_count) return t->packed[i][k];
    i -= at->packing_count;
    if (i < at->packing_count) return ldexp(t->scales[i][k], t->bits - WORD_BITS);
    return t->params[i - at->packing_count][k];
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
            double value = k < p->count ? value_of(t, i, k) : 0;
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
        for (size_t k = 0; k < p->count; k++)
            text_put(out, "0x%08x,%s", (unsigned)t->words[i][k], (k + 1) % A_LINE == 0 ? "\n" : " ");
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
                put_little_endian(words + (p->offset + k) * sizeof(uint32_t), t->words[i][k], sizeof(uint32_t));
            else
                put_real(reals + (p->offset + k) * size, value_of(t, i, k), real_double);
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
