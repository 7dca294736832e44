/* dataset_arrays.c: tests of batches from arrays, and of all faults of arrays. */
#define _GNU_SOURCE 1
#include "dataset_fixture.h"

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

static void add(tensors *t, const char *name, dtype d, size_t rank, const size_t *dims, const void *data)
{
    ck_assert_msg(tensors_add(t, name, d, rank, dims, data) != NULL, "%s", t->error);
}

static void write_arrays(const char *path, tensors *t)
{
    ck_assert_msg(npz_write(path, t), "%s", t->error);
    tensors_free(t);
}

#define DIMS(...)                                                                                                      \
    sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), (size_t[]) { __VA_ARGS__ }

enum { N = 20, T = 6 };

/* Sequence n: x[t] = (n + t) % 5, v = (n, -n), y[t] = 100 n + t; lengths (n * 5) % 7 where asked, nonsense beyond. */
static void write_standard(const char *path, bool ragged)
{
    int64_t x[N][T];
    float v[N][2], y[N][T];
    int32_t length[N];
    for (int n = 0; n < N; n++) {
        length[n] = ragged ? n * 5 % 7 : T;
        v[n][0] = (float)n;
        v[n][1] = length[n] ? (float)-n : NAN; /* absent: nobody reads it */
        for (int t = 0; t < T; t++) {
            x[n][t] = t < length[n] ? (n + t) % 5 : INT64_MAX;
            y[n][t] = t < length[n] ? (float)(100 * n + t) : NAN;
        }
    }
    tensors a = {0};
    add(&a, "x", DTYPE_I64, DIMS(N, T), x);
    add(&a, "v", DTYPE_F32, DIMS(N, 2), v);
    add(&a, "y", DTYPE_F32, DIMS(N, T), y);
    if (ragged) add(&a, "x_lengths", DTYPE_I32, DIMS(N), length);
    write_arrays(path, &a);
}

/* Which sequence of the file stands at place n of a batch. */
static int sequence_at(const data_batch *b, size_t n) { return (int)((const float *)b->input[1])[2 * n]; }

/* Goes through a part, checks every value, and counts how often each step of each sequence comes: exactly once. */
static void cover(dataset *d, data_part part, uint64_t epoch, bool ragged, int first, int count)
{
    int seen[N][T] = {{0}}, place[N] = {0};
    size_t batches = dataset_batches(d, part, epoch);
    for (size_t i = 0; i < batches; i++) {
        data_batch b = dataset_batch(d, part, epoch, i);
        for (size_t n = 0; n < b.sequences; n++) {
            int s = sequence_at(&b, n);
            ck_assert(s >= first && s < first + count);
            if (b.fresh) place[s] = 0;
            size_t length = b.lengths[1] ? (size_t)b.lengths[1][n] : b.steps[1];
            ck_assert_uint_le(length, b.steps[1]);
            for (size_t k = 0; k < b.steps[1]; k++) {
                int token = ((const int *)b.input[0])[k * b.sequences + n], t = place[s] + (int)k;
                if (k >= length) {
                    ck_assert_int_eq(token, -1);
                    continue;
                }
                ck_assert_int_eq(token, (s + t) % 5);
                ck_assert(((const float *)b.input[2])[k * b.sequences + n] == (float)(100 * s + t));
                seen[s][t]++;
            }
            place[s] += (int)b.steps[1];
        }
    }
    for (int s = 0; s < N; s++)
        for (int t = 0; t < T; t++) {
            int length = ragged ? s * 5 % 7 : T, wanted = s >= first && s < first + count && t < length;
            ck_assert_msg(seen[s][t] == wanted, "sequence %d, step %d: %d times", s, t, seen[s][t]);
        }
}

/* Bits of _i: ragged, chunks, given order, buckets. */
START_TEST(every_step_comes_once)
{
    bool ragged = _i & 1;
    write_standard("a.npz", ragged);
    data_options o = array_options(4);
    o.chunk = _i & 2 ? 4 : 0;
    o.no_shuffle = _i & 4;
    o.bucket = _i & 8;
    trainable m = model_of(array_value, 3, 1);
    dataset *d = open_bound(&o, &m);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        cover(d, PART_TRAIN, epoch, ragged, 0, 18);
        cover(d, PART_VALIDATE, epoch, ragged, 18, 2);
    }
    ck_assert_uint_eq(dataset_batches(d, PART_TEST, 0), 0);
    /* 4 4 4 4 2; without the three that are absent 4 4 4 3 */
    if (!o.chunk) ck_assert_uint_eq(dataset_batches(d, PART_TRAIN, 0), ragged ? 4 : 5);
    if (o.chunk && !ragged) ck_assert_uint_eq(dataset_batches(d, PART_TRAIN, 0), 10);
    dataset_close(d);
}
END_TEST

START_TEST(an_order_is_a_function_of_seed_and_epoch)
{
    write_standard("a.npz", false);
    data_options o = array_options(18);
    trainable m = model_of(array_value, 3, 1);
    int order[3][18], other = 0, moved = 0;
    for (int run = 0; run < 3; run++) { /* run 1 goes another way to the same place, run 2 has another seed */
        o.seed = run == 2 ? 4 : 3;
        dataset *d = open_bound(&o, &m);
        if (run == 1)
            for (uint64_t e = 9; e-- > 0;) dataset_batch(d, PART_TRAIN, e, 0);
        data_batch b = dataset_batch(d, PART_TRAIN, 5, 0);
        for (size_t n = 0; n < 18; n++) order[run][n] = sequence_at(&b, n);
        b = dataset_batch(d, PART_TRAIN, 6, 0);
        for (size_t n = 0; n < 18; n++) moved += order[run][n] != sequence_at(&b, n);
        dataset_close(d);
    }
    ck_assert_mem_eq(order[0], order[1], sizeof order[0]);
    for (int n = 0; n < 18; n++) other += order[0][n] != order[2][n];
    ck_assert_int_gt(other, 9);
    ck_assert_int_gt(moved, 27);
    o.no_shuffle = true;
    dataset *d = open_bound(&o, &m);
    data_batch b = dataset_batch(d, PART_TRAIN, 5, 0);
    for (size_t n = 0; n < 18; n++) ck_assert_int_eq(sequence_at(&b, n), (int)n);
    dataset_close(d);
}
END_TEST

/* Every place of the training part gets every sequence about equally often. */
START_TEST(shuffling_is_fair)
{
    enum { EPOCHS = 1800 };
    write_standard("a.npz", false);
    data_options o = array_options(18);
    trainable m = model_of(array_value, 3, 1);
    dataset *d = open_bound(&o, &m);
    int count[18][18] = {{0}};
    for (uint64_t e = 0; e < EPOCHS; e++) {
        data_batch b = dataset_batch(d, PART_TRAIN, e, 0);
        for (size_t n = 0; n < 18; n++) count[n][sequence_at(&b, n)]++;
    }
    double chi2 = 0, mean = EPOCHS / 18.0;
    for (int n = 0; n < 18; n++)
        for (int s = 0; s < 18; s++) chi2 += (count[n][s] - mean) * (count[n][s] - mean) / mean;
    ck_assert_double_lt(chi2, 289 + 5 * sqrt(2 * 289)); /* 17 * 17 degrees of freedom */
    ck_assert_double_gt(chi2, 289 - 5 * sqrt(2 * 289));
    dataset_close(d);
}
END_TEST

START_TEST(buckets_hold_similar_lengths)
{
    write_standard("a.npz", true);
    data_options o = array_options(4);
    trainable m = model_of(array_value, 3, 1);
    size_t padded[2];
    for (int bucket = 0; bucket < 2; bucket++) {
        o.bucket = bucket;
        dataset *d = open_bound(&o, &m);
        padded[bucket] = 0;
        size_t falls = 0, before = 0;
        for (size_t i = 0; i < 4; i++) {
            data_batch b = dataset_batch(d, PART_TRAIN, 1, i);
            falls += b.steps[1] < before;
            before = b.steps[1];
            for (size_t n = 0; n < b.sequences; n++) padded[bucket] += b.steps[1] - (size_t)b.lengths[1][n];
        }
        dataset_close(d);
        ck_assert(!bucket || falls > 0); /* the long batches do not always come last */
    }
    ck_assert_uint_eq(padded[1], 7); /* sorted by fours: 1112 2333 4455 566 */
    ck_assert_uint_gt(padded[0], 2 * padded[1]);
}
END_TEST

START_TEST(chunks_begin_afresh_with_each_group)
{
    write_standard("a.npz", true); /* lengths 0 5 3 1 6 4 2 0 5 ... */
    data_options o = array_options(4);
    o.chunk = 2;
    o.no_shuffle = true;
    trainable m = model_of(array_value, 3, 1);
    dataset *d = open_bound(&o, &m);
    static const struct {
        bool fresh;
        size_t steps;
        int length[4];
    } WANTED[] = {
        {true, 2, {2, 2, 1, 2}}, {false, 2, {2, 1, 0, 2}}, {false, 2, {1, 0, 0, 2}},
        {true, 2, {2, 2, 2, 2}}, {false, 2, {2, 0, 2, 1}}, {false, 1, {0, 0, 1, 0}},
    };
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        data_batch b = dataset_batch(d, PART_TRAIN, 0, i);
        ck_assert(b.fresh == WANTED[i].fresh && b.steps[1] == WANTED[i].steps && b.sequences == 4);
        ck_assert_uint_eq(b.first_sequence, i < 3 ? 0 : 4);
        ck_assert_mem_eq(b.lengths[1], WANTED[i].length, sizeof WANTED[i].length);
        ck_assert_int_eq(sequence_at(&b, 3), i < 3 ? 4 : 9); /* 0 and 7 are absent */
    }
    dataset_close(d);
}
END_TEST

START_TEST(arrays_over_two_axes_in_double)
{
    enum { SEQUENCES = 3, ROWS = 4, COLUMNS = 5 };
    double x[SEQUENCES][ROWS][COLUMNS][2];
    int64_t length[SEQUENCES][2] = {{2, 3}, {3, 1}, {1, 4}};
    for (int n = 0; n < SEQUENCES; n++)
        for (int i = 0; i < ROWS * COLUMNS * 2; i++) (&x[n][0][0][0])[i] = 1000 * n + i;
    tensors a = {0};
    add(&a, "m", DTYPE_F64, DIMS(SEQUENCES, ROWS, COLUMNS, 2), x);
    add(&a, "m_lengths", DTYPE_I64, DIMS(SEQUENCES, 2), length);
    write_arrays("a.npz", &a);
    data_options o = array_options(3);
    o.split[PART_TRAIN] = 1;
    o.split[PART_VALIDATE] = 0;
    trainable m = model_of(plane_value, 1, 2);
    m.real_size = 8;
    dataset *d = open_bound(&o, &m);
    ck_assert_uint_eq(dataset_symbols(d), 0);
    data_batch b = dataset_batch(d, PART_TRAIN, 0, 0);
    ck_assert(b.sequences == 3 && b.steps[1] == 3 && b.steps[2] == 4);
    const double *out = b.input[0];
    for (size_t k = 0; k < 12; k++)
        for (size_t n = 0; n < 3; n++) {
            int s = (int)(out[(k * 3 + n) * 2] / 1000);
            ck_assert(b.lengths[1][n] == length[s][0] && b.lengths[2][n] == length[s][1]);
            ck_assert(out[(k * 3 + n) * 2 + 1] == x[s][k / 4][k % 4][1]);
        }
    dataset_close(d);
    o.chunk = 2;
    refused(&o, NULL, &m, "cuts one time axis, and the model has 2");
}
END_TEST

START_TEST(symbols_of_arrays)
{
    data_options o = array_options(2);
    write_standard("a.npz", true);
    dataset *d = open_data(&o, NULL);
    ck_assert_uint_eq(dataset_symbols(d), 5); /* padding does not count */
    ck_assert_ptr_null(dataset_vocabulary(d));
    dataset_close(d);
    tensors a = {0};
    add(&a, "x", DTYPE_I8, DIMS(2, 3), (int8_t[]){1, 2, 99, -1, 7, 99});
    add(&a, "y", DTYPE_U8, DIMS(2, 3), (uint8_t[]){1, 2, 200, 9, 1, 1});
    add(&a, "x_lengths", DTYPE_I64, DIMS(2), (int64_t[]){2, 2});
    write_arrays("a.npz", &a);
    d = open_data(&o, NULL);
    ck_assert_uint_eq(dataset_symbols(d), 10); /* y has the steps of x, so its lengths */
    dataset_close(d);
}
END_TEST

START_TEST(a_validation_file_of_arrays)
{
    write_standard("a.npz", true);
    write_standard("b.npz", false);
    data_options o = array_options(8);
    o.validation = "b.npz";
    trainable m = model_of(array_value, 3, 1);
    dataset *d = open_bound(&o, &m);
    cover(d, PART_TRAIN, 0, true, 0, 20);
    cover(d, PART_VALIDATE, 0, false, 0, 20);
    ck_assert_str_eq(dataset_summary(d),
                     "37 sequences: 17 train, 20 validate, 0 test; batches of 8; 3 without a step left out");
    dataset_close(d);
    tensors a = {0};
    add(&a, "x", DTYPE_I64, DIMS(1, 2), (int64_t[]){0, 5});
    add(&a, "v", DTYPE_F32, DIMS(1, 2), NULL);
    add(&a, "y", DTYPE_F32, DIMS(1, 2), NULL);
    write_arrays("b.npz", &a);
    refused(&o, NULL, &m, "b.npz: 'x' holds the token 5 at sequence 0 (the first is 0), t = 2, expected 0 to 4");
}
END_TEST

/* ---- faults of arrays -------------------------------------------------------------------------------------------- */

typedef struct fault_case {
    const char *text, *name;
    dtype dtype;
    size_t rank, dims[3];
    double value;
    size_t at;
} fault_case;

/* Arrays of two sequences of three steps, one of them replaced or another added; element `at` is `value`. */
static const fault_case FAULTS[] = {
    {"has no input or target 'X'; it has 'x', 'v', 'y'", "X", DTYPE_I64, 2, {2, 3}, 0, 0},
    {"has no input or target 'x_length'", "x_length", DTYPE_I64, 1, {2}, 0, 0},
    {"'x' has shape (2, 3, 1), expected (N, T)", "x", DTYPE_I64, 3, {2, 3, 1}, 0, 0},
    {"'v' has shape (2, 3), expected (N, 2)", "v", DTYPE_F32, 2, {2, 3}, 0, 0},
    {"'y' has shape (2, 3, 1), expected (N, T); the type that has this shape is 'real(1)'",
     "y",
     DTYPE_F32,
     3,
     {2, 3, 1},
     0,
     0},
    {"'v' has N = 3, but 'x' has N = 2", "v", DTYPE_F32, 2, {3, 2}, 0, 0},
    {"'y' has T = 4, but 'x' has T = 3", "y", DTYPE_F32, 2, {2, 4}, 0, 0},
    {"'x' is empty: T = 0", "x", DTYPE_I64, 2, {2, 0}, 0, 0},
    {"'x' is F32, but tokens are integers", "x", DTYPE_F32, 2, {2, 3}, 0, 0},
    {"'y' is I64, but reals are floats", "y", DTYPE_I64, 2, {2, 3}, 0, 0},
    {"'x' holds the token 5 at sequence 1 (the first is 0), t = 2, expected 0 to 4", "x", DTYPE_I64, 2, {2, 3}, 5, 4},
    {"'x' holds the token -1 at sequence 0 (the first is 0), t = 3", "x", DTYPE_I8, 2, {2, 3}, -1, 2},
    {"'y' holds NaN at sequence 1 (the first is 0), t = 1, component 0", "y", DTYPE_F32, 2, {2, 3}, NAN, 3},
    {"'v' holds NaN at sequence 0 (the first is 0), component 1", "v", DTYPE_F64, 2, {2, 2}, NAN, 1},
    {"'v' holds an infinite number at sequence 0 (the first is 0), component 1",
     "v",
     DTYPE_F64,
     2,
     {2, 2},
     INFINITY,
     1},
    {"'v' holds 1e+39 at sequence 1 (the first is 0), component 0, which is more than a float can be: --real double",
     "v",
     DTYPE_F64,
     2,
     {2, 2},
     1e39,
     2},
    {"'x_lengths': sequence 1 has length 4 along t, but the arrays have 3 steps", "x_lengths", DTYPE_I64, 1, {2}, 4, 1},
    {"sequence 0 has length -1", "x_lengths", DTYPE_I64, 1, {2}, -1, 0},
    {"'x_lengths' has shape (3), expected (2)", "x_lengths", DTYPE_I64, 1, {3}, 0, 0},
    {"lengths are integers", "x_lengths", DTYPE_F32, 1, {2}, 0, 0},
    {"'v' has no length", "v_lengths", DTYPE_I64, 1, {2}, 0, 0},
};

static void put_element(tensor *t, size_t at, double value)
{
    switch (t->dtype) {
    case DTYPE_I64: ((int64_t *)t->data)[at] = (int64_t)value; break;
    case DTYPE_I8: ((int8_t *)t->data)[at] = (int8_t)value; break;
    case DTYPE_F32: ((float *)t->data)[at] = (float)value; break;
    case DTYPE_F64: ((double *)t->data)[at] = value; break;
    case DTYPE_F16:
    case DTYPE_BF16:
    case DTYPE_F8_E4M3:
    case DTYPE_F8_E5M2:
    case DTYPE_I32:
    case DTYPE_I16:
    case DTYPE_U64:
    case DTYPE_U32:
    case DTYPE_U16:
    case DTYPE_U8:
    case DTYPE_BOOL: ck_abort();
    }
}

static void write_small(const fault_case *f, const char *without)
{
    static const fault_case PLAIN[] = {
        {"", "x", DTYPE_I64, 2, {2, 3}, 0, 0},
        {"", "v", DTYPE_F32, 2, {2, 2}, 0, 0},
        {"", "y", DTYPE_F32, 2, {2, 3}, 0, 0},
    };
    tensors a = {0};
    for (size_t i = 0; i <= sizeof PLAIN / sizeof *PLAIN; i++) {
        const fault_case *c = i < sizeof PLAIN / sizeof *PLAIN ? &PLAIN[i] : f;
        if (!c || (without && strcmp(c->name, without) == 0) || tensors_find(&a, c->name)) continue;
        if (f && strcmp(c->name, f->name) == 0) c = f;
        add(&a, c->name, c->dtype, c->rank, c->dims, NULL);
        if (a.data[a.len - 1].count) put_element(&a.data[a.len - 1], c->at, c->value);
    }
    write_arrays("a.npz", &a);
}

START_TEST(faults_of_arrays)
{
    data_options o = array_options(2);
    trainable m = model_of(array_value, 3, 1);
    write_small(NULL, NULL);
    dataset_close(open_bound(&o, &m));
    write_small(&FAULTS[_i], NULL);
    refused(&o, NULL, &m, FAULTS[_i].text);
}
END_TEST

START_TEST(arrays_that_do_not_fit)
{
    data_options o = array_options(2);
    trainable m = model_of(array_value, 3, 1);
    write_small(NULL, "x");
    refused(&o, NULL, &m, "a.npz: the input 'x' is missing; it is an array of shape (N, T)");
    write_small(NULL, "y");
    refused(&o, NULL, &m, "a.npz: the target 'y' is missing; it is an array of shape (N, T)");
    write_small(NULL, NULL);
    o.batch = 65;
    refused(&o, NULL, &m, "compiled for 1 to 64 sequences, and a batch has 65");
    o = array_options(2);
    o.chunk = 2;
    m.state_bytes = 0;
    refused(&o, NULL, &m, "the model carries none");
    m.state_bytes = 8;
    array_value[2].axes = 1; /* y without time */
    refused(&o, NULL, &m, "'y', which has no time axis, would count once a chunk");
    array_value[2].axes = 3;
    o.chunk = 0;
    m.axes = 2;
    refused(&o, NULL, &m, "no array has the axis s");
    o.arrays = "none.npz";
    refused(&o, NULL, &m, "none.npz: cannot be opened");
}
END_TEST

START_TEST(a_truncated_archive)
{
    char data[8192];
    write_standard("a.npz", true);
    FILE *f = fopen("a.npz", "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    ck_assert(n > 200 && n < sizeof data);
    data_options o = array_options(2);
    trainable m = model_of(array_value, 3, 1);
    for (size_t keep = 0; keep < n; keep += 61) {
        save("a.npz", data, keep);
        refused(&o, NULL, &m, "a.npz: ");
    }
}
END_TEST

static void add_tests(TCase *c)
{
    tcase_add_loop_test(c, every_step_comes_once, 0, 16);
    tcase_add_test(c, an_order_is_a_function_of_seed_and_epoch);
    tcase_add_test(c, shuffling_is_fair);
    tcase_add_test(c, buckets_hold_similar_lengths);
    tcase_add_test(c, chunks_begin_afresh_with_each_group);
    tcase_add_test(c, arrays_over_two_axes_in_double);
    tcase_add_test(c, symbols_of_arrays);
    tcase_add_test(c, a_validation_file_of_arrays);
    tcase_add_loop_test(c, faults_of_arrays, 0, sizeof FAULTS / sizeof *FAULTS);
    tcase_add_test(c, arrays_that_do_not_fit);
    tcase_add_test(c, a_truncated_archive);
}

int main(void) { return run_suite("dataset_arrays", add_tests); }
