/* checkpoint.c: tests of checkpoints: what is written is read back to the bit, and what is damaged, cut off or of
 * another model is refused with one clear line, nothing being touched. */
#define _GNU_SOURCE 1
#include "train/checkpoint.h"
#include "train/safetensors.h"
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/rnnc-checkpoint-XXXXXX";

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static size_t count_files(bool remove)
{
    size_t n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            n++;
            if (remove) unlink(e->d_name);
        }
    closedir(d);
    return n;
}

static void empty_folder(void) { count_files(true); }
static void remove_folder(void) { rmdir(folder); }

static void save(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

static unsigned char *slurp(const char *path, size_t *n)
{
    struct stat s;
    ck_assert_int_eq(stat(path, &s), 0);
    FILE *f = fopen(path, "rb");
    unsigned char *data = malloc((size_t)s.st_size + 1);
    *n = (size_t)s.st_size;
    ck_assert(f && data && fread(data, 1, *n, f) == *n && fclose(f) == 0);
    return data;
}

enum { SIZE = 8, STATE_BYTES = 5 };

static train_param params[] = {
    {.name = "W", .rank = 2, .dims = {2, 2}, .offset = 0, .size = 4},
    {.name = "cell.b", .rank = 1, .dims = {3}, .offset = 4, .size = 3},
    {.name = "state", .rank = 0, .dims = {0}, .offset = 7, .size = 1}, /* not the carried one */
};

static trainable model_of(size_t real_size)
{
    return (trainable){.model = "m",
                       .hash = "0123abcd",
                       .real_size = real_size,
                       .size = SIZE,
                       .param = params,
                       .params = sizeof params / sizeof *params,
                       .state_bytes = STATE_BYTES};
}

/* A run with its own arrays. Different seeds give different contents. */
typedef struct run {
    trainable model;
    checkpoint c;
    unsigned char params[SIZE * sizeof(double)], state[STATE_BYTES];
} run;

static void fill(void *array, size_t n, size_t real_size, int seed)
{
    for (size_t i = 0; i < n; i++) {
        double v = sin((double)i + 10 * seed) / 3;
        if (real_size == sizeof v)
            ((double *)array)[i] = v;
        else
            ((float *)array)[i] = (float)v;
    }
}

static void run_begin(run *r, size_t real_size, optimiser_rule rule, int seed)
{
    *r = (run){.model = model_of(real_size)};
    optimiser_options o = optimiser_defaults(rule, SCHEDULE_plateau);
    r->c = (checkpoint){.model = &r->model, .params = r->params, .state = r->state, .definitions = "H=2"};
    r->c.optimiser = optimiser_new(&o, &r->model);
    fill(r->params, SIZE, real_size, seed);
    for (int s = 0; s < r->c.optimiser->slots; s++) fill(r->c.optimiser->slot[s], SIZE, real_size, seed + s + 1);
    for (int i = 0; i < STATE_BYTES; i++) r->state[i] = (unsigned char)(seed * 40 + i);
}

static void run_end(run *r) { optimiser_free(r->c.optimiser); }

static void write_ok(const char *path, const checkpoint *c)
{
    char *error = NULL;
    ck_assert_msg(checkpoint_write(path, c, &error), "%s", error);
    ck_assert_ptr_null(error);
}

static void read_ok(const char *path, checkpoint *c)
{
    char *error = NULL;
    ck_assert_msg(checkpoint_read(path, c, &error), "%s", error);
    ck_assert_ptr_null(error);
}

/* One line that begins with the path and contains `part`. */
static void refused(const char *path, checkpoint *c, const char *part)
{
    char *error = NULL;
    ck_assert_msg(!checkpoint_read(path, c, &error), "%s was accepted", path);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strncmp(error, path, strlen(path)) == 0 && !strchr(error, '\n'), "%s", error);
    ck_assert_msg(strstr(error, part) != NULL, "'%s' lacks '%s'", error, part);
    free(error);
}

static void same_run(const run *a, const run *b)
{
    const optimiser *p = a->c.optimiser, *q = b->c.optimiser;
    ck_assert_mem_eq(a->params, b->params, SIZE * a->model.real_size);
    ck_assert_mem_eq(a->state, b->state, STATE_BYTES);
    for (int s = 0; s < p->slots; s++) ck_assert_mem_eq(p->slot[s], q->slot[s], SIZE * a->model.real_size);
    ck_assert_mem_eq(&a->c.progress, &b->c.progress, sizeof a->c.progress);
    ck_assert(p->updates == q->updates && p->bad_epochs == q->bad_epochs);
    ck_assert_mem_eq(&p->scale, &q->scale, sizeof p->scale);
    ck_assert_mem_eq(&p->best, &q->best, sizeof p->best);
}

static const size_t real_sizes[] = {sizeof(float), sizeof(double)};

START_TEST(round_trip_is_exact)
{
    run a, b;
    size_t n, again;
    run_begin(&a, real_sizes[_i], RULE_adam, 1);
    run_begin(&b, real_sizes[_i], RULE_adam, 2);
    a.c.progress = (progress){UINT64_MAX, 1 + (UINT64_C(1) << 53), 77, 0.1, 3, UINT64_C(1) << 63, 1.0 / 3, 9};
    a.c.optimiser->updates = UINT64_MAX - 1;
    a.c.optimiser->scale = 0x1.fffffffffffffp-1022;
    a.c.optimiser->best = nextafter(2, 3);
    a.c.optimiser->bad_epochs = 4;
    a.c.vocabulary = "[\"\\n\", \"a\", \"\\u00e9\", \"\xc3\xa9\", \"\\\"\"]";
    write_ok("c", &a.c);
    read_ok("c", &b.c);
    same_run(&a, &b);
    ck_assert_str_eq(a.c.vocabulary, b.c.vocabulary);
    ck_assert_str_eq(b.c.definitions, "H=2");
    write_ok("again", &b.c);
    unsigned char *x = slurp("c", &n), *y = slurp("again", &again);
    ck_assert(n == again && memcmp(x, y, n) == 0);
    free(x);
    free(y);
    free((char *)b.c.vocabulary);
    a.c.vocabulary = NULL;
    a.c.progress.best_loss = a.c.optimiser->best = INFINITY;
    a.c.progress.loss_sum = -0.0;
    write_ok("c", &a.c);
    read_ok("c", &b.c);
    same_run(&a, &b);
    ck_assert_ptr_null(b.c.vocabulary);
    run_end(&a);
    run_end(&b);
}
END_TEST

START_TEST(every_rule_round_trips)
{
    run a, b;
    run_begin(&a, sizeof(float), (optimiser_rule)_i, 1);
    run_begin(&b, sizeof(float), (optimiser_rule)_i, 2);
    write_ok("c", &a.c);
    read_ok("c", &b.c);
    same_run(&a, &b);
    run_end(&a);
    run_end(&b);
}
END_TEST

/* Reads a file that must be refused, with an optimiser, weights alone and peeking, and checks that nothing changed. */
static void refused_untouched(const char *path, run *r, const run *before)
{
    char *error = NULL;
    checkpoint_words w;
    optimiser *p = r->c.optimiser;
    refused(path, &r->c, "");
    r->c.optimiser = NULL;
    refused(path, &r->c, "");
    r->c.optimiser = p;
    ck_assert(!checkpoint_peek(path, &w, &error) && error && !w.vocabulary && !w.definitions);
    free(error);
    same_run(r, before);
}

START_TEST(every_flipped_bit_is_refused)
{
    run a, b, before;
    size_t n;
    run_begin(&a, sizeof(float), RULE_momentum, 1);
    run_begin(&b, sizeof(float), RULE_momentum, 2);
    run_begin(&before, sizeof(float), RULE_momentum, 2);
    a.c.vocabulary = "[\"\\n\", \"a\", \"\xc3\xa9\", \"\\\"\"]";
    write_ok("c", &a.c);
    unsigned char *data = slurp("c", &n);
    ck_assert_uint_lt(n, 4000);
    int f = open("c", O_WRONLY);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        off_t at = (off_t)(bit / 8);
        unsigned char flipped = data[at] ^ (unsigned char)(1u << bit % 8);
        ck_assert(pwrite(f, &flipped, 1, at) == 1);
        refused_untouched("c", &b, &before);
        ck_assert(pwrite(f, &data[at], 1, at) == 1);
    }
    close(f);
    read_ok("c", &b.c);
    same_run(&a, &b);
    free((char *)b.c.vocabulary);
    free(data);
    run_end(&a);
    run_end(&b);
    run_end(&before);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    run a, b, before;
    size_t n;
    run_begin(&a, sizeof(double), RULE_adam, 1);
    run_begin(&b, sizeof(double), RULE_adam, 2);
    run_begin(&before, sizeof(double), RULE_adam, 2);
    write_ok("c", &a.c);
    unsigned char *data = slurp("c", &n);
    save("cut", data, n);
    for (size_t cut = n; cut-- > 0;) {
        ck_assert_int_eq(truncate("cut", (off_t)cut), 0);
        refused_untouched("cut", &b, &before);
    }
    save("longer", data, n + 1);
    refused_untouched("longer", &b, &before);
    refused("missing", &b.c, "No such file");
    free(data);
    run_end(&a);
    run_end(&b);
    run_end(&before);
}
END_TEST

/* The order of entries is not what is checked: other tools sort them. */
START_TEST(order_does_not_matter)
{
    run a, b;
    tensors t = {0}, turned = {0};
    run_begin(&a, sizeof(float), RULE_adam, 1);
    run_begin(&b, sizeof(float), RULE_adam, 2);
    write_ok("c", &a.c);
    ck_assert(safetensors_read("c", &t));
    for (size_t i = t.note_count; i-- > 0;) tensors_note(&turned, t.notes[i].key, t.notes[i].value);
    for (size_t i = t.len; i-- > 0;)
        tensors_add(&turned, t.data[i].name, t.data[i].dtype, t.data[i].rank, t.data[i].dims, t.data[i].data);
    ck_assert(safetensors_write("turned", &turned));
    read_ok("turned", &b.c);
    same_run(&a, &b);
    tensors_note(&turned, "epoch", "1");
    ck_assert(safetensors_write("turned", &turned));
    refused("turned", &b.c, "turned: the checksum is wrong; the file is damaged");
    tensors_free(&t);
    tensors_free(&turned);
    run_end(&a);
    run_end(&b);
}
END_TEST

START_TEST(other_models_are_refused)
{
    run a, b;
    run_begin(&a, sizeof(float), RULE_adam, 1);
    run_begin(&b, sizeof(float), RULE_adam, 2);
    write_ok("c", &a.c);
    train_param other[3];
    memcpy(other, params, sizeof other);
    b.model.param = other;

    other[0].dims[1] = 3;
    refused("c", &b.c, "c: the tensor 'W' has shape (2, 2), the model has (2, 3); 'rnnc check -v' lists");
    b.c.definitions = "H=9";
    refused("c", &b.c, "the model has (2, 3); it was made with H=2, this is H=9: the same -D fits");
    b.c.definitions = "H=2";
    b.model.model = "n";
    refused("c", &b.c, "the model has (2, 3); it belongs to model 'm', this is model 'n': give the spec");
    other[0] = params[0];
    other[1].name = "cell.a";
    refused("c", &b.c, "c: the tensor 'cell.a' (3) is missing");
    other[1] = params[1];
    b.model.params = 2;
    refused("c", &b.c, "c: the tensor 'state' belongs to no parameter");
    b.model.params = 3;

    b.model.hash = "f00";
    refused("c", &b.c, "c: belongs to model 'm', this is model 'n'");
    b.model.model = "m";
    b.c.definitions = "H=3";
    refused("c", &b.c, "c: was made with H=2, this is H=3");
    b.c.definitions = "H=2";
    refused("c", &b.c, "c: the spec has changed since (hash 0123abcd, now f00)");
    optimiser *p = b.c.optimiser;
    b.c.optimiser = NULL;
    read_ok("c", &b.c);
    b.c.optimiser = p;
    b.model.hash = a.model.hash;
    b.model.state_bytes = 4;
    refused("c", &b.c, "c: the carried state has 5 bytes, the model's has 4");
    run_end(&a);
    run_end(&b);
}
END_TEST

START_TEST(other_runs_are_refused)
{
    run a, b, c;
    run_begin(&a, sizeof(float), RULE_adam, 1);
    run_begin(&b, sizeof(float), RULE_adamw, 2);
    run_begin(&c, sizeof(double), RULE_adam, 2);
    write_ok("c", &a.c);
    refused("c", &b.c, "c: was trained by adam, not by adamw");
    refused("c", &c.c, "c: 'W' is F32, but the model computes in F64");
    optimiser *p = a.c.optimiser;
    a.c.optimiser = NULL;
    write_ok("c", &a.c);
    a.c.optimiser = p;
    refused("c", &a.c, "c: holds weights, but no state of an optimiser");
    run_end(&a);
    run_end(&b);
    run_end(&c);
}
END_TEST

START_TEST(plain_weights_are_enough)
{
    run r;
    tensors t = {0};
    run_begin(&r, sizeof(double), RULE_adam, 1);
    optimiser *p = r.c.optimiser;
    r.c.optimiser = NULL;
    r.c.progress.epoch = 7;
    unsigned char state[STATE_BYTES];
    memcpy(state, r.state, sizeof state);
    /* F32, bf16 (1 is 0x3f80, -2 is 0xc000) and f64, in another order, with metadata of another tool. */
    tensors_note(&t, "format", "pt");
    tensors_add(&t, "state", DTYPE_F64, 0, NULL, (double[]){0.1});
    tensors_add(&t, "W", DTYPE_F32, 2, (size_t[]){2, 2}, (float[]){1, 2, 3, 4});
    tensors_add(&t, "cell.b", DTYPE_BF16, 1, (size_t[]){3}, (uint16_t[]){0x3f80, 0, 0xc000});
    ck_assert(safetensors_write("w", &t));
    read_ok("w", &r.c);
    ck_assert_mem_eq(r.params, ((double[]){1, 2, 3, 4, 1, 0, -2, 0.1}), sizeof r.params);
    ck_assert_mem_eq(r.state, state, sizeof state);
    ck_assert(r.c.progress.epoch == 0 && isinf(r.c.progress.best_loss) && !r.c.vocabulary);
    r.c.optimiser = p;
    refused("w", &r.c, "w: holds weights, but no state of an optimiser: begin with --init");
    r.c.optimiser = NULL;
    tensors_add(&t, "optimiser/0/W", DTYPE_F32, 0, NULL, NULL);
    ck_assert(safetensors_write("w", &t));
    refused("w", &r.c, "w: the tensor 'optimiser/0/W' belongs to no parameter");
    tensors_free(&t);
    tensors_add(&t, "state", DTYPE_I32, 0, NULL, NULL);
    tensors_add(&t, "W", DTYPE_F32, 2, (size_t[]){2, 2}, NULL);
    tensors_add(&t, "cell.b", DTYPE_F32, 1, (size_t[]){3}, NULL);
    ck_assert(safetensors_write("w", &t));
    refused("w", &r.c, "w: 'state' is I32, expected F32, F64, F16 or BF16");
    tensors_free(&t);
    r.c.optimiser = p;
    run_end(&r);
}
END_TEST

START_TEST(weights_of_a_checkpoint_and_peeking)
{
    run a, b;
    char *error = NULL;
    checkpoint_words w;
    run_begin(&a, sizeof(float), RULE_adam, 1);
    run_begin(&b, sizeof(double), RULE_sgd, 2);
    a.c.vocabulary = "[\"a\"]";
    a.c.progress.epoch = 3;
    write_ok("c", &a.c);
    optimiser *p = b.c.optimiser;
    b.c.optimiser = NULL;
    read_ok("c", &b.c);
    for (int i = 0; i < SIZE; i++) ck_assert(((double *)b.params)[i] == (double)((float *)a.params)[i]);
    ck_assert(b.c.progress.epoch == 3);
    ck_assert_str_eq(b.c.vocabulary, "[\"a\"]");
    free((char *)b.c.vocabulary);
    b.c.optimiser = p;
    ck_assert(checkpoint_peek("c", &w, &error));
    ck_assert_str_eq(w.vocabulary, "[\"a\"]");
    ck_assert_str_eq(w.definitions, "H=2");
    ck_assert(!w.flags && !w.settings && !w.data);
    checkpoint_words_free(&w);
    a.c.flags = "rate=0.1\nbatch=3";
    a.c.settings = "rate = 0.1";
    a.c.data = "3 words";
    write_ok("c", &a.c);
    ck_assert(checkpoint_peek("c", &w, &error));
    ck_assert_str_eq(w.flags, a.c.flags);
    ck_assert_str_eq(w.settings, a.c.settings);
    ck_assert_str_eq(w.data, a.c.data);
    checkpoint_words_free(&w);
    a.c.vocabulary = a.c.definitions = NULL;
    write_ok("c", &a.c);
    ck_assert(checkpoint_peek("c", &w, &error) && !w.vocabulary && !w.definitions);
    checkpoint_words_free(&w);
    ck_assert(checkpoint_tensor_of_run("optimiser/1/W") && checkpoint_tensor_of_run("carried/state"));
    ck_assert(!checkpoint_tensor_of_run("state") && !checkpoint_tensor_of_run("optimiser.0.W"));
    run_end(&a);
    run_end(&b);
}
END_TEST

START_TEST(full_disk_leaves_the_old_file)
{
    run a, b;
    struct stat s;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    run_begin(&a, sizeof(float), RULE_adam, 1);
    run_begin(&b, sizeof(float), RULE_adam, 2);
    write_ok("c", &a.c);
    ck_assert_int_eq(stat("c", &s), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    for (rlim_t size = 0; size < (rlim_t)s.st_size; size += 97) {
        char *error = NULL;
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, limit.rlim_max}); /* libcheck writes files, too: */
        bool ok = checkpoint_write("c", &b.c, &error);
        setrlimit(RLIMIT_FSIZE, &limit); /* so it must be back before it does */
        ck_assert(!ok);
        ck_assert_msg(strncmp(error, "c: cannot be written: ", 22) == 0 && !strchr(error, '\n'), "%s", error);
        free(error);
    }
    ck_assert_uint_eq(count_files(false), 1);
    read_ok("c", &b.c);
    same_run(&a, &b);
    char *error = NULL;
    ck_assert(!checkpoint_write("no/such/folder", &b.c, &error) && strstr(error, "No such file"));
    free(error);
    run_end(&a);
    run_end(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *c = tcase_create("checkpoint");
    tcase_set_timeout(c, 120);
    tcase_add_unchecked_fixture(c, make_folder, remove_folder);
    tcase_add_checked_fixture(c, NULL, empty_folder);
    tcase_add_loop_test(c, round_trip_is_exact, 0, 2);
    tcase_add_loop_test(c, every_rule_round_trips, 0, RULE_COUNT);
    tcase_add_test(c, every_flipped_bit_is_refused);
    tcase_add_test(c, every_truncation_is_refused);
    tcase_add_test(c, order_does_not_matter);
    tcase_add_test(c, other_models_are_refused);
    tcase_add_test(c, other_runs_are_refused);
    tcase_add_test(c, plain_weights_are_enough);
    tcase_add_test(c, weights_of_a_checkpoint_and_peeking);
    tcase_add_test(c, full_disk_leaves_the_old_file);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
