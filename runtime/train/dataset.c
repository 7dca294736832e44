/* dataset.c: the data set behind dataset.h is a text or a file of arrays; what both share is here. */
#define _GNU_SOURCE 1
#include "train/dataset.h"
#include "train/array_data.h"
#include "train/dataset_split.h"
#include "train/fault.h"
#include "train/text_data.h"
#include <math.h>
#include <stdlib.h>

static const double SHARE_ROUNDING = 1e-9; /* 0.3 * 10 is 3 */
static const double SHARE_SUM = 1e-6;      /* how near to 1 shares add up */

struct dataset {
    text_data *text; /* one of them */
    array_data *arrays;
    char *summary;
};

data_split data_split_of(const data_options *o, size_t n)
{
    double train = o->split[PART_TRAIN], validate = o->split[PART_VALIDATE], test = o->split[PART_TEST];
    if (o->validation) {
        train += validate;
        validate = 0;
    }
    size_t a = (size_t)floor((double)n * train + SHARE_ROUNDING);
    size_t b = (size_t)floor((double)n * validate + SHARE_ROUNDING);
    if (a == 0 && train > 0) a = 1;
    if (a > n || (validate <= 0 && test <= 0)) a = n;
    if (b > n - a || test <= 0) b = n - a;
    return (data_split){.first = {0, a, a + b, n}};
}

static bool check_options(const data_options *o, char **error)
{
    const double *s = o->split;
    int sources = (o->text != NULL) + (o->words != NULL) + (o->arrays != NULL);
    if (sources != 1)
        return fault_set(error, "%s: give one of --text, --words and --data", sources ? "too much data" : "no data");
    if (!(s[PART_TRAIN] >= 0 && s[PART_VALIDATE] >= 0 && s[PART_TEST] >= 0 &&
          fabs(s[PART_TRAIN] + s[PART_VALIDATE] + s[PART_TEST] - 1) <= SHARE_SUM))
        return fault_set(error,
                         "the shares %g, %g and %g of training, validation and test must not be negative and must "
                         "add up to 1",
                         s[PART_TRAIN], s[PART_VALIDATE], s[PART_TEST]);
    return true;
}

dataset *dataset_open(const data_options *o, const char *vocabulary_of, char **error)
{
    *error = NULL;
    if (!check_options(o, error)) return NULL;
    dataset *d = calloc(1, sizeof *d);
    if (!d) return fault_no_memory(error), NULL;
    if (o->arrays)
        d->arrays = array_data_open(o, error);
    else
        d->text = text_data_open(o, vocabulary_of, error);
    if (d->arrays || d->text) return d;
    free(d);
    return NULL;
}

void dataset_close(dataset *d)
{
    if (!d) return;
    text_data_close(d->text);
    array_data_close(d->arrays);
    free(d->summary);
    free(d);
}

size_t dataset_symbols(const dataset *d)
{
    return d->text ? text_data_symbols(d->text) : array_data_symbols(d->arrays);
}

size_t dataset_classes(const dataset *d, const char *value)
{
    return d->text ? text_data_symbols(d->text) : array_data_classes(d->arrays, value);
}

size_t dataset_dimension(const dataset *d, const char *value, size_t rank, size_t k)
{
    return d->text ? 0 : array_data_dimension(d->arrays, value, rank, k);
}

const tensor *dataset_array(const dataset *d, const char *value)
{
    return d->text ? NULL : array_data_array(d->arrays, value);
}

size_t dataset_steps(const dataset *d) { return d->text ? text_data_steps(d->text) : array_data_steps(d->arrays); }

const char *dataset_vocabulary(const dataset *d) { return d->text ? text_data_vocabulary(d->text) : NULL; }

bool dataset_bind(dataset *d, const trainable *m, char **error)
{
    *error = NULL;
    bool ok = d->text ? text_data_bind(d->text, m, error) : array_data_bind(d->arrays, m, error);
    if (!ok) return false;
    free(d->summary);
    d->summary = d->text ? text_data_summary(d->text) : array_data_summary(d->arrays);
    return d->summary || fault_no_memory(error);
}

size_t dataset_batches(dataset *d, data_part part, uint64_t epoch)
{
    return d->text ? text_data_batches(d->text, part) : array_data_batches(d->arrays, part, epoch);
}

data_batch dataset_batch(dataset *d, data_part part, uint64_t epoch, size_t index)
{
    return d->text ? text_data_batch(d->text, part, index) : array_data_batch(d->arrays, part, epoch, index);
}

const char *dataset_summary(const dataset *d) { return d->summary ? d->summary : ""; }
