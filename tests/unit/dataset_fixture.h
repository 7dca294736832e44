/* dataset_fixture.h: what the tests of data share: files in a folder of their own, and models as data sees them. */
#ifndef TESTS_DATASET_FIXTURE_H
#define TESTS_DATASET_FIXTURE_H

#include "train/dataset.h"
#include "train/npz.h"
#include "train/vocabulary.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/rnnc-dataset-XXXXXX";

static inline void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static inline void remove_folder(void)
{
    const char *names[] = {"a.txt", "b.txt", "a.npz", "b.npz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(names[i]);
    rmdir(folder);
}

static inline void save(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

static inline void save_text(const char *path, const char *text) { save(path, text, strlen(text)); }

/* ---- models, as data sees them ----------------------------------------------------------------------------------- */

/* x[t] : token(5), v : real(2), y[t] : real */
static train_value array_value[3] = {
    {.name = "x", .token = true, .classes = 5, .components = 1, .axes = 3},
    {.name = "v", .components = 2, .rank = 1, .dims = {2}, .axes = 1},
    {.name = "y", .target = true, .components = 1, .axes = 3},
};

/* m[t,s] : real(2) */
static train_value plane_value[1] = {{.name = "m", .components = 2, .rank = 1, .dims = {2}, .axes = 7}};

static inline trainable model_of(train_value *value, size_t values, int axes)
{
    return (trainable){.model = "net",
                       .real_size = 4,
                       .state_bytes = 8,
                       .max_sequences = 64,
                       .axes = axes,
                       .axis_name = {"b", "t", "s"},
                       .input = value,
                       .inputs = values};
}

static inline data_options text_options(size_t batch, size_t steps)
{
    return (data_options){.text = "a.txt", .split = {0.9, 0.05, 0.05}, .batch = batch, .steps = steps};
}

static inline data_options array_options(size_t batch)
{
    return (data_options){.arrays = "a.npz", .split = {0.9, 0.1, 0}, .batch = batch, .seed = 3};
}

static inline dataset *open_data(const data_options *o, const char *ids_of)
{
    char *error = NULL;
    dataset *d = dataset_open(o, ids_of, &error);
    ck_assert_msg(d != NULL, "%s", error ? error : "no message");
    return d;
}

static inline dataset *open_bound(const data_options *o, const trainable *m)
{
    char *error = NULL;
    dataset *d = open_data(o, NULL);
    bool ok = dataset_bind(d, m, &error);
    ck_assert_msg(ok, "%s", error ? error : "no message");
    return d;
}

/* Opening or binding fails with one line that holds `text`. */
static inline void refused(const data_options *o, const char *ids_of, const trainable *m, const char *text)
{
    char *error = NULL;
    dataset *d = dataset_open(o, ids_of, &error);
    bool ok = d && dataset_bind(d, m, &error);
    ck_assert_msg(!ok, "expected: %s", text);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error, text) != NULL, "'%s' lacks '%s'", error, text);
    ck_assert_ptr_null(strchr(error, '\n'));
    free(error);
    dataset_close(d);
}

static inline void assert_ids(const void *found, const char *ids)
{
    const int *id = found;
    for (size_t i = 0; ids[i]; i++) ck_assert_msg(id[i] == ids[i] - '0', "place %zu: %d for %c", i, id[i], ids[i]);
}

/* Runs the tests that `add` adds; what main returns. */
static inline int run_suite(const char *name, void (*add)(TCase *c))
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create("data");
    tcase_set_timeout(c, 60);
    tcase_add_unchecked_fixture(c, make_folder, remove_folder);
    add(c);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
