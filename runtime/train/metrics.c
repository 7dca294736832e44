/* metrics.c: losses and how often a model is right; see metrics.h. */
#include "train/metrics.h"
#include "train/decode.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool fits(const train_value *out, const train_value *target)
{
    uint32_t axes = target->aligned ? 1u | 1u << target->aligned : target->axes;
    if (out->token || out->axes != axes || (target->aligned && !out->scale)) return false;
    return target->token ? out->rank == 1 && out->components == target->classes
                         : out->rank == target->rank && memcmp(out->dims, target->dims, sizeof out->dims) == 0;
}

int metrics_output(const trainable *m, const train_value *target)
{
    if (target->compared && fits(&m->output[target->compared - 1], target)) return target->compared - 1;
    if (!target->token) return -1; /* a shape alone says nothing: it may be a weight of the loss */
    int found = -1;
    for (size_t i = m->outputs; i-- > 0;)
        if (fits(&m->output[i], target) && (found < 0 || m->output[i].scale || !m->output[found].scale)) found = (int)i;
    return found;
}

bool meter_open(meter *r, const trainable *m, bool outputs)
{
    *r = (meter){.model = m, .outputs = outputs};
    r->state = malloc(m->state_bytes + 1);
    r->output = calloc(m->outputs + 1, sizeof *r->output);
    r->output_bytes = calloc(m->outputs + 1, sizeof *r->output_bytes);
    r->output_of = malloc((m->inputs + 1) * sizeof *r->output_of);
    r->target = calloc(m->inputs + 1, sizeof *r->target);
    r->measure = calloc(m->outputs + 1, sizeof *r->measure);
    r->loss = calloc(m->losses + 1, sizeof *r->loss);
    if (!r->loss || !r->state || !r->output || !r->output_bytes || !r->output_of || !r->target || !r->measure)
        return false;
    for (size_t i = 0; i < m->inputs; i++)
        r->output_of[i] = outputs && m->input[i].target ? metrics_output(m, &m->input[i]) : -1;
    return true;
}

void meter_close(meter *r)
{
    for (size_t i = 0; r->output && i < r->model->outputs; i++) free(r->output[i]);
    free(r->output);
    free(r->output_bytes);
    free(r->output_of);
    free(r->target);
    free(r->measure);
    free(r->loss);
    free(r->state);
    *r = (meter){0};
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static size_t rows_of(const trainable *m, const data_batch *b, uint32_t axes)
{
    size_t rows = 1;
    for (int a = 1; a <= m->axes; a++)
        if (axes >> a & 1) rows *= b->steps[a];
    return rows;
}

/* Is the row-major step inside sequence n? One that is empty along any axis is absent. */
static bool inside(const trainable *m, const data_batch *b, uint32_t axes, size_t n, size_t step)
{
    for (int a = m->axes; a >= 1; a--) {
        size_t length = b->lengths[a] ? (size_t)b->lengths[a][n] : b->steps[a];
        if (length == 0) return false;
        if (!(axes >> a & 1)) continue;
        if (step % b->steps[a] >= length) return false;
        step /= b->steps[a];
    }
    return true;
}

static bool is_ignored(const train_value *v, const data_batch *b, size_t input, size_t row)
{
    return v->ignores && v->token && b->input[input] && ((const int *)b->input[input])[row] == v->ignored;
}

/* ---- holding outputs against targets ----------------------------------------------------------------------------- */

static bool make_room_for(meter *r, const data_batch *b, size_t output)
{
    const train_value *v = &r->model->output[output];
    size_t bytes = rows_of(r->model, b, v->axes) * b->sequences * v->components * r->model->real_size;
    if (bytes <= r->output_bytes[output]) return true;
    free(r->output[output]);
    r->output[output] = malloc(bytes);
    r->output_bytes[output] = r->output[output] ? bytes : 0;
    return r->output[output] != NULL;
}

static bool make_room(meter *r, const data_batch *b)
{
    const trainable *m = r->model;
    for (size_t i = 0; i < m->inputs; i++)
        if (r->output_of[i] >= 0 && !make_room_for(r, b, (size_t)r->output_of[i])) return false;
    for (size_t i = 0; i < m->outputs; i++)
        if ((m->output[i].part || (r->outputs && m->output[i].measures)) && !make_room_for(r, b, i)) return false;
    return true;
}

static size_t likeliest(const trainable *m, const void *p, size_t first, size_t classes)
{
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (train_real(m, p, first + i) > train_real(m, p, first + best)) best = i;
    return best;
}

/* What is taken from the components of a row to have logarithms of chances, where they are logits. */
static double log_sum_of(const trainable *m, const void *p, size_t first, size_t classes)
{
    double most = train_real(m, p, first + likeliest(m, p, first, classes)), sum = 0;
    for (size_t i = 0; i < classes; i++) sum += exp(train_real(m, p, first + i) - most);
    return most + log(sum);
}

/* -log of the chance of the token. */
static double nats_of(const trainable *m, train_scale scale, const void *p, size_t first, size_t classes, int token)
{
    double own = train_real(m, p, first + (size_t)token);
    double least = m->real_size == sizeof(double) ? DBL_MIN : (double)FLT_MIN;
    return scale == TRAIN_LOGITS ? log_sum_of(m, p, first, classes) - own : -log(own > least ? own : least);
}

static void add_token(const meter *r, train_scale scale, const void *p, size_t first, size_t classes, int token,
                      class_tally *tally, target_sum *to)
{
    size_t best = likeliest(r->model, p, first, classes);
    to->tokens++;
    to->correct += best == (size_t)token;
    if (tally) {
        tally[best].guessed++;
        tally[token].there++;
        tally[token].right += best == (size_t)token;
    }
    if (scale == TRAIN_ANY_SCALE) return;
    to->chances++;
    to->nats += nats_of(r->model, scale, p, first, classes, token);
}

bool metrics_labels(const trainable *m, const train_value *v, const void *p, size_t sequences, size_t n, size_t steps,
                    size_t beam, int *label, size_t *count, double *score)
{
    double *log_p = malloc((steps * v->classes + 1) * sizeof *log_p);
    if (!log_p) return false;
    bool logits = m->output[metrics_output(m, v)].scale == TRAIN_LOGITS;
    for (size_t t = 0; t < steps; t++) {
        size_t first = (t * sequences + n) * v->classes;
        double all = logits ? log_sum_of(m, p, first, v->classes) : 0;
        for (size_t k = 0; k < v->classes; k++) {
            double own = train_real(m, p, first + k);
            log_p[t * v->classes + k] = logits ? own - all : log(own);
        }
    }
    bool good = true;
    if (beam)
        good = ctc_beam(log_p, steps, v->classes, v->blank, beam, label, count, score);
    else
        *count = ctc_greedy(log_p, steps, v->classes, v->blank, label, score);
    free(log_p);
    return good;
}

size_t edit_distance(const int *a, size_t a_count, const int *b, size_t b_count, size_t *row)
{
    for (size_t k = 0; k <= b_count; k++) row[k] = k;
    for (size_t i = 0; i < a_count; i++) {
        size_t diagonal = row[0]++;
        for (size_t k = 1; k <= b_count; k++) {
            size_t change = diagonal + (a[i] != b[k - 1]), least = row[k] < row[k - 1] ? row[k] : row[k - 1];
            diagonal = row[k];
            row[k] = change < least + 1 ? change : least + 1;
        }
    }
    return row[b_count];
}

static bool add_labels(const meter *r, const data_batch *b, size_t input, size_t beam)
{
    target_sum *to = &r->target[input];
    const train_value *v = &r->model->input[input];
    const void *p = r->output[r->output_of[input]];
    const int *labels = b->input[input];
    size_t steps = b->steps[v->aligned], rows = rows_of(r->model, b, v->axes);
    int *said = malloc((steps + 1) * sizeof *said), *wanted = malloc((rows + 1) * sizeof *wanted);
    size_t *row = malloc((rows + 1) * sizeof *row);
    bool good = said && wanted && row;
    for (size_t n = 0; good && n < b->sequences; n++) {
        size_t count = 0;
        for (; count < rows && inside(r->model, b, v->axes, n, count); count++)
            wanted[count] = labels[count * b->sequences + n];
        size_t frames = 0, decoded;
        double score;
        while (frames < steps && inside(r->model, b, 1u << v->aligned, n, frames)) frames++;
        good = metrics_labels(r->model, v, p, b->sequences, n, frames, 0, said, &decoded, &score);
        if (!good) break;
        size_t edits = edit_distance(said, decoded, wanted, count, row);
        to->labels += (double)count;
        to->edits += (double)edits;
        to->sequences += frames > 0 && count > 0;
        to->right += frames > 0 && count > 0 && edits == 0;
        if (!beam) continue;
        good = metrics_labels(r->model, v, p, b->sequences, n, frames, beam, said, &decoded, &score);
        if (good) to->beam_edits += (double)edit_distance(said, decoded, wanted, count, row);
    }
    free(said);
    free(wanted);
    free(row);
    return good;
}

/* Sequences of tokens, and those of them where the likeliest class is right at every step. */
static void add_whole(const meter *r, const data_batch *b, size_t input)
{
    target_sum *to = &r->target[input];
    const trainable *m = r->model;
    const train_value *v = &m->input[input];
    const void *out = r->output[r->output_of[input]];
    const int *target = b->input[input];
    size_t rows = rows_of(m, b, v->axes);
    for (size_t n = 0; n < b->sequences; n++) {
        size_t there = 0, right = 0;
        for (size_t s = 0; s < rows; s++) {
            size_t row = s * b->sequences + n;
            if (!inside(m, b, v->axes, n, s) || is_ignored(v, b, input, row)) continue;
            there++;
            right += likeliest(m, out, row * v->classes, v->classes) == (size_t)target[row];
        }
        to->sequences += there > 0;
        to->right += there > 0 && right == there;
    }
}

static void add_target(const meter *r, const data_batch *b, size_t input, const metrics *counted)
{
    target_sum *to = &r->target[input];
    const trainable *m = r->model;
    const train_value *v = &m->input[input];
    const void *out = r->output[r->output_of[input]], *target = b->input[input];
    train_scale scale = m->output[r->output_of[input]].scale;
    size_t rows = rows_of(m, b, v->axes);
    if (v->token && v->axes >> 1) add_whole(r, b, input);
    for (size_t s = 0; s < rows; s++)
        for (size_t n = 0; n < b->sequences; n++) {
            size_t row = s * b->sequences + n;
            if (!inside(m, b, v->axes, n, s) || is_ignored(v, b, input, row)) continue;
            if (v->token) {
                class_tally *tally = counted->tallied == input ? counted->tally : NULL;
                add_token(r, scale, out, row * v->classes, v->classes, ((const int *)target)[row], tally, to);
                continue;
            }
            for (size_t i = row * v->components; i < (row + 1) * v->components; i++) {
                double said = train_real(m, out, i), is = train_real(m, target, i), d = said - is;
                to->reals++;
                if (v->binary && scale == TRAIN_CHANCES) to->answers++, to->correct += (said > 0.5) == (is > 0.5);
                to->squares += d * d;
            }
        }
}

/* What the spec itself measures: valid steps of an output, each a number. */
static void add_measure(meter *r, const data_batch *b, size_t output)
{
    const train_value *v = &r->model->output[output];
    size_t rows = rows_of(r->model, b, v->axes);
    for (size_t s = 0; s < rows; s++)
        for (size_t n = 0; n < b->sequences; n++) {
            if (!inside(r->model, b, v->axes, n, s)) continue;
            r->measure[output].sum += train_real(r->model, r->output[output], s * b->sequences + n);
            r->measure[output].count++;
        }
}

/* What a sequence adds to a loss; nothing where it is absent. */
static void add_loss(meter *r, const data_batch *b, size_t output)
{
    const train_value *v = &r->model->output[output];
    loss_sum *to = &r->loss[v->loss];
    double sum = 0;
    for (size_t n = 0; n < b->sequences; n++)
        if (inside(r->model, b, 0, n, 0)) sum += train_real(r->model, r->output[output], n);
    if (v->part == TRAIN_SUM)
        to->sum += sum;
    else
        to->count += sum;
    to->total = v->part == TRAIN_TOTAL_COUNT;
}

/* ---- a part ------------------------------------------------------------------------------------------------------ */

int meter_part(meter *r, dataset *d, data_part part, const void *params, const void *packed, metrics *to)
{
    const trainable *m = r->model;
    size_t batches = dataset_batches(d, part, 0);
    for (size_t i = 0; i < batches; i++) {
        data_batch b = dataset_batch(d, part, 0, i);
        double loss = 0;
        if (b.fresh && m->state_bytes) m->reset(m->self, r->state);
        if (!make_room(r, &b)) return METER_NO_MEMORY;
        train_call call = {.sequences = b.sequences,
                           .input = b.input,
                           .output = r->output,
                           .params = params,
                           .packed = packed,
                           .state = m->state_bytes ? r->state : NULL,
                           .loss = &loss,
                           .sequence = b.first_sequence};
        memcpy(call.steps, b.steps, sizeof call.steps);
        memcpy(call.lengths, b.lengths, sizeof call.lengths);
        int code = m->run(m->self, TRAIN_LOSS, &call);
        if (code) return code;
        for (size_t k = 0; k < m->inputs; k++) {
            if (r->output_of[k] < 0) continue;
            if (!m->input[k].aligned)
                add_target(r, &b, k, to);
            else if (!add_labels(r, &b, k, to->beam))
                return METER_NO_MEMORY;
        }
        for (size_t k = 0; k < m->outputs; k++) {
            if (m->output[k].part) add_loss(r, &b, k);
            if (r->outputs && m->output[k].measures) add_measure(r, &b, k);
        }
    }
    return 0;
}

void metrics_finish(meter *r, metrics *to)
{
    to->loss = to->weight = 0;
    for (size_t i = 0; i < r->model->losses; i++) {
        const loss_sum *l = &r->loss[i];
        to->loss += l->total || !(l->count > 0) ? l->sum : l->sum / l->count;
        to->weight += l->count;
        r->loss[i] = (loss_sum){0};
    }
}

double tally_f1(class_tally t) { return t.guessed + t.there > 0 ? 2 * t.right / (t.guessed + t.there) : 0; }

double metrics_macro_f1(const metrics *m)
{
    double sum = 0, count = 0;
    for (size_t i = 0; m->tally && i < m->classes; i++) {
        if (m->tally[i].guessed + m->tally[i].there == 0) continue;
        sum += tally_f1(m->tally[i]);
        count++;
    }
    return count > 0 ? sum / count : NAN;
}
