/* free_run.c: sequence by sequence, what the model says against what was wanted; see free_run.h. */
#include "train/free_run.h"
#include "train/fault.h"
#include "train/metrics.h"
#include <stdlib.h>
#include <string.h>

/* ---- one sequence of a batch ------------------------------------------------------------------------------------- */

/* Arrays of one sequence: what runner_given points to. */
typedef struct one_sequence {
    const trainable *m;
    runner_given given;
    void **buffer; /* of each input; NULL: none */
} one_sequence;

/* False: no memory. sequence_close either way. */
static bool sequence_open(one_sequence *d, const trainable *m)
{
    *d = (one_sequence){.m = m};
    d->given.input = calloc(m->inputs + 1, sizeof *d->given.input);
    d->buffer = calloc(m->inputs + 1, sizeof *d->buffer);
    return d->given.input && d->buffer;
}

static void sequence_close(one_sequence *d)
{
    for (size_t i = 0; d->buffer && i < d->m->inputs; i++) free(d->buffer[i]);
    free(d->buffer);
    free(d->given.input);
    *d = (one_sequence){0};
}

/* Copies sequence n of a batch. False: no memory. */
static bool sequence_take(one_sequence *d, const data_batch *b, size_t n)
{
    const trainable *m = d->m;
    for (int a = 1; a <= m->axes; a++) {
        d->given.steps[a] = b->steps[a];
        d->given.length[a] = b->lengths[a] ? (size_t)b->lengths[a][n] : b->steps[a];
    }
    for (size_t i = 0; i < m->inputs; i++) {
        const train_value *v = &m->input[i];
        size_t rows = 1, bytes = v->components * (v->token ? sizeof(int) : m->real_size);
        for (int a = 1; a <= m->axes; a++)
            if (v->axes >> a & 1) rows *= b->steps[a];
        free(d->buffer[i]);
        d->given.input[i] = d->buffer[i] = malloc(rows * bytes + 1);
        if (!d->buffer[i]) return false;
        const char *from = (const char *)b->input[i] + n * bytes;
        for (size_t k = 0; k < rows; k++)
            memcpy((char *)d->buffer[i] + k * bytes, from + k * b->sequences * bytes, bytes);
    }
    return true;
}

/* ---- a part ------------------------------------------------------------------------------------------------------ */

/* The target that the distribution of `generate` is held against; -1: there is none. */
static int target_of(const trainable *m)
{
    for (size_t i = 0; i < m->inputs; i++) {
        const train_value *v = &m->input[i];
        if (v->target && v->token && !v->aligned && metrics_output(m, v) == m->generate_output) return (int)i;
    }
    return -1;
}

bool free_run_check(const trainable *m, char **error)
{
    if (!runner_check(m, error)) return false;
    return target_of(m) >= 0 || fault_set(error, "the model '%s' has no target that '%s' is held against", m->model,
                                          m->output[m->generate_output].name);
}

/* Holds the symbols against those of the target, up to its own end. */
static bool add(const runner *r, const runner_given *given, const beam_result *said, free_metrics *to)
{
    const trainable *m = r->m;
    const int *wanted = given->input[target_of(m)];
    size_t count = 0;
    while (count < given->length[m->generate_axis] && wanted[count] != m->generate_end) count++;
    size_t *row = malloc((count + 1) * sizeof *row);
    if (!row) return false;
    size_t edits = edit_distance(said->symbol, said->count, wanted, count, row);
    free(row);
    to->sequences++;
    to->right += edits == 0;
    to->symbols += (double)count;
    to->edits += (double)edits;
    return bleu_add(&to->bleu, said->symbol, said->count, wanted, count);
}

static bool is_absent(const trainable *m, const runner_given *given)
{
    for (int a = 1; a <= m->axes; a++)
        if (given->length[a] == 0) return true;
    return false;
}

static bool run_sequence(runner *r, const runner_given *given, const sample_options *o, free_metrics *to, char **error)
{
    const trainable *m = r->m;
    sample_options own = *o;
    beam_result said;
    if (is_absent(m, given)) return true;
    int first = m->generate_first >= 0 ? m->generate_first : ((const int *)given->input[m->generate_input])[0];
    if (!own.length) own.length = 2 * given->steps[m->generate_axis];
    if (!sample_sequence(r, given, first, &own, &said)) return fault_pass(error, r->error);
    bool good = add(r, given, &said, to) || fault_no_memory(error);
    free(said.symbol);
    return good;
}

bool free_run_part(const trainable *m, const void *params, dataset *d, data_part part, const sample_options *o,
                   free_metrics *to, char **error)
{
    runner r;
    one_sequence one;
    bool good = runner_open(&r, m, params, o->beam ? o->beam : 1);
    good = sequence_open(&one, m) && good;
    if (!good) fault_no_memory(error);
    size_t batches = dataset_batches(d, part, 0);
    for (size_t i = 0; good && i < batches; i++) {
        data_batch b = dataset_batch(d, part, 0, i);
        for (size_t n = 0; good && n < b.sequences; n++)
            good = sequence_take(&one, &b, n) ? run_sequence(&r, &one.given, o, to, error) : fault_no_memory(error);
    }
    sequence_close(&one);
    runner_close(&r);
    return good;
}
