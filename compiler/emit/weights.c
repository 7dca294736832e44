/* weights.c: see weights.h.
 *
 * In: the values of the parameters, in their order, and the packings of the plan. Out: the same numbers where the
 * functions read them: a packed matrix in panels of PANEL columns (contract_packed_index of the kernels), a table row
 * by row with a row of zeros at its end. */
#include "emit/weights.h"

#include <stdio.h>
#include <string.h>

/* ---- values of a packing ----------------------------------------------------------------------------------------- */

static size_t packed_index(const packing *pk, int k, int n)
{
    if (pk->table) return (size_t)k * (size_t)pk->N + (size_t)n;
    return (size_t)(n / PANEL * PANEL) * (size_t)pk->K + (size_t)k * PANEL + (size_t)(n % PANEL);
}

static void pack_values(const packing *pk, const double *params, double *to)
{
    for (size_t i = 0; i < pk->pieces.len; i++) {
        const packed_piece *x = &pk->pieces.data[i];
        bool across = pk->table || x->transposed;
        int k_stride = across ? x->matrix.sj : x->matrix.si, n_stride = across ? x->matrix.si : x->matrix.sj;
        for (int k = 0; k < x->k; k++) {
            for (int n = 0; n < x->n; n++)
                to[packed_index(pk, pk->table ? k : x->k0 + k, x->n0 + n)] =
                    params[x->matrix.column + k * k_stride + n * n_stride];
        }
    }
}

weights_table *weights_open(arena *a, const emit_model *m, const emit_options *o, places *at, const char *base)
{
    weights_table *t = ARENA_ARRAY(a, weights_table, 1);
    *t = (weights_table){.at = at, .base = base};
    t->params = ARENA_ARRAY(a, double *, at->param_count + 1);
    t->packed = ARENA_ARRAY(a, double *, at->packing_count + 1);
    for (size_t i = 0; i < at->param_count; i++) {
        const weight_place *p = &at->params[i];
        t->params[i] = ARENA_ARRAY(a, double, p->count);
        memcpy(t->params[i], o->weights + p->offset, p->count * sizeof(double));
    }
    for (size_t i = 0; i < at->packing_count; i++) {
        if (!at->packings[i].what) continue;
        t->packed[i] = ARENA_ARRAY(a, double, at->packings[i].count);
        pack_values(&m->shared->packings.data[i], o->weights, t->packed[i]);
    }
    return t;
}

/* ---- the layout -------------------------------------------------------------------------------------------------- */

static size_t room_of(const weight_place *p) { return (p->count + WEIGHTS_ALIGN - 1) / WEIGHTS_ALIGN * WEIGHTS_ALIGN; }

static void place_parts(weights_table *t, weight_place *parts, size_t count, const char *body)
{
    for (size_t i = 0; i < count; i++) {
        if (!parts[i].what || !c_mentions(body, parts[i].name)) {
            parts[i].what = NULL;
            continue;
        }
        parts[i].offset = t->total;
        t->total += room_of(&parts[i]);
    }
}

void weights_place(weights_table *t, const char *body)
{
    place_parts(t, t->at->packings, t->at->packing_count, body);
    place_parts(t, t->at->params, t->at->param_count, body);
}

/* The values of place number `i` of all. */
static const double *values_of(const weights_table *t, size_t i)
{
    return i < t->at->packing_count ? t->packed[i] : t->params[i - t->at->packing_count];
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

void weights_write_array(text *out, const weights_table *t, const writer *w, const char *declaration)
{
    enum { A_LINE = 8 };
    const weight_place *p;
    const char *PREFIX = c_upper(w->arena, w->options->prefix);
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
    text_open(out, "%s_WEIGHTS_ATTRIBUTE %s[%zu] =", PREFIX, declaration, t->total ? t->total : 1);
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what) continue;
        text_line(out, "/* %s */", p->what);
        size_t end = room_of(p);
        for (size_t k = 0; k < end; k++) {
            double value = k < p->count ? values_of(t, i)[k] : 0;
            text_put(out, "%s%s,%s", value < 0 ? "-" : "", c_number(w, value < 0 ? -value : value),
                     (k + 1) % A_LINE == 0 ? "\n" : " ");
        }
    }
    if (!t->total) text_line(out, "0");
    text_close(out, ";");
}

enum { FNV_PRIME_LOW = 0x1b3 };
static const uint64_t FNV_START = UINT64_C(14695981039346656037), FNV_PRIME = UINT64_C(0x10000000000) + FNV_PRIME_LOW;

static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * FNV_PRIME;
    return hash;
}

static uint64_t layout_hash(const weights_table *t, bool real_double)
{
    const weight_place *p;
    char line[64];
    uint64_t hash = FNV_START;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        if (!p->what) continue;
        int n = snprintf(line, sizeof line, ":%zu:%zu:%d;", p->offset, p->count, real_double);
        hash = hash_bytes(hash, (const unsigned char *)p->what, strlen(p->what));
        hash = hash_bytes(hash, (const unsigned char *)line, (size_t)n);
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

/* The head, WEIGHTS_BLOB_HEAD bytes: "RNNCWGTS", u32 version, u32 bytes of a real, u64 number of reals, u64 hash of the
 * layout, u64 hash of all that follows it, zeros; then the data. All little-endian. */
unsigned char *weights_blob(arena *a, const weights_table *t, bool real_double, size_t *length)
{
    size_t size = real_double ? 8 : 4;
    const weight_place *p;
    *length = WEIGHTS_BLOB_HEAD + t->total * size;
    unsigned char *blob = ARENA_ARRAY(a, unsigned char, *length), *data = blob + WEIGHTS_BLOB_HEAD;
    for (size_t i = 0; (p = places_all(t->at, i)); i++) {
        for (size_t k = 0; p->what && k < p->count; k++)
            put_real(data + (p->offset + k) * size, values_of(t, i)[k], real_double);
    }
    memcpy(blob, EMIT_BLOB_MARK, sizeof EMIT_BLOB_MARK - 1);
    put_little_endian(blob + 8, WEIGHTS_BLOB_VERSION, 4);
    put_little_endian(blob + 12, size, 4);
    put_little_endian(blob + 16, t->total, 8);
    put_little_endian(blob + 24, layout_hash(t, real_double), 8);
    put_little_endian(blob + 32, hash_bytes(FNV_START, blob + WEIGHTS_BLOB_HASHED, *length - WEIGHTS_BLOB_HASHED), 8);
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
    text_line(out, "uint64_t count, layout, sum, hash = UINT64_C(%llu);", (unsigned long long)FNV_START);
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
              (unsigned long long)FNV_PRIME);
    text_line(out, "if (hash != sum) return %s_BAD_WEIGHTS;", PREFIX);
    text_line(out, "*loaded = (const real *)(const void *)(at + %d);", WEIGHTS_BLOB_HEAD);
    text_line(out, "return %s_OK;", PREFIX);
    text_close(out, NULL);
}
