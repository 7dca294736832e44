/* shards.c: a batch in shards, by several threads.
 *
 * The function of an entry point is written for some sequences of a call, with work memory, loss and gradients of
 * its own: `grad_shard`. The exported function cuts the batch into fixed parts, at most one for each thread, runs
 * them at the same time where it is compiled with OpenMP and one after another elsewhere, and adds losses and
 * gradients up in the order of the shards: for the same number of threads the same bits, whoever computed them and
 * when. What a loss is divided by is found before, from the whole batch.
 *
 * A call that is over sooner than a thread starts is one shard. That follows from its sizes alone. */
#include "emit/writer.h"
#include "plan/cost.h"

/* Starting threads and waiting for them twice takes as long as about so many operations of a product on one. */
enum { WORTH_THREADS = 1000000 };
enum { ELEMENTWISE = 8 }; /* an elementwise operation takes as long as so many of a product */

size_t shard_count(const emit_options *o, entry e)
{
    return o->threads > 1 && o->batch > 1 && e != ENTRY_STEP ? (size_t)o->threads : 1;
}

/* Of equal size, but that the last may be smaller: an even number of sequences where there are many, since a product
 * takes the rows of a batch in tiles of even height, and a single one is slow. The macro PREFIX_SHARD says the same. */
size_t shard_rows(const emit_options *o)
{
    size_t rows = ((size_t)o->batch + (size_t)o->threads - 1) / (size_t)o->threads;
    return rows > 3 ? (rows + 1) / 2 * 2 : rows;
}

bool is_sharded(const writer *w, const program *p)
{
    return shard_count(w->options, p->entry) > 1 && plan_splits(p->graph);
}

/* The gradients of one shard, a whole number of lines of the cache. */
static size_t gradients_size(const graph *g)
{
    enum { LINE = 16 };
    return (graph_param_offset(g, g->params.len) + LINE - 1) / LINE * LINE;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static const char *steps_arguments(const writer *w, const char *of)
{
    text *t = text_new(w->arena);
    for (int i = 1; i <= w->g->axes; i++) text_put(t, "%s%s, ", of, w->g->axis[i].length);
    return text_string(t);
}

static const char *shard_macro(const writer *w, const program *p)
{
    return arena_printf(w->arena, "%s_%s_SHARD", c_upper(w->arena, w->options->prefix),
                        c_upper(w->arena, entry_name(p->entry)));
}

const char *shard_work(const writer *w, const program *p)
{
    const char *PREFIX = c_upper(w->arena, w->options->prefix);
    text *t = text_new(w->arena);
    text_put(t, "%s_THREADS * %s(%s%s_SHARD(batch))", PREFIX, shard_macro(w, p), steps_arguments(w, ""), PREFIX);
    if (p->entry == ENTRY_GRAD) text_put(t, " + (%s_THREADS - 1) * %zu", PREFIX, gradients_size(w->g));
    for (int k = 0; p->entry != ENTRY_FORWARD && k < w->g->losses; k++) {
        const program *norm = w->model->norms[k];
        writer of = *w;
        if (!norm) continue;
        of.p = norm;
        of.g = norm->graph;
        for (size_t b = 1; b < norm->buffers.len; b++) {
            if (norm->buffers.data[b].storage == STORE_WORK)
                text_put(t, " + \\\n    %s", c_buffer_size(&of, &norm->buffers.data[b], true));
        }
    }
    return text_string(t);
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

/* "2e+05 * (double)T * (double)batch" */
static const char *operations_of(const writer *w, const program *p)
{
    plan_tally c = {.count = 0};
    text *t = text_new(w->arena);
    plan_tally_region(&c, p->graph, p->top, 1, ELEMENTWISE);
    for (size_t i = 0; i < c.count; i++) {
        text_put(t, "%s%.0f.0", i ? " + " : "", c.operations[i]);
        for (int a = 1; a <= w->g->axes; a++) {
            if (c.axes[i] & axis_bit(a)) text_put(t, " * (double)%s", c_steps(w, a));
        }
        if (c.axes[i] & BATCH) text_put(t, " * (double)%s", c_use(w, "batch"));
    }
    return t->len ? text_string(t) : "0.0";
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

void write_advance(writer *w, const char *member, const char *first, int components)
{
    text_line(w->out, "if (part.%s) part.%s += %s;", member, member, c_times(w, first, components));
}

void write_shard_of(writer *w, bool draws)
{
    const graph *g = w->g, *training = w->model->grad ? w->model->grad->graph : NULL;
    text_blank(w->out);
    text_line(w->out, "/* Calls of fewer operations are over before a second thread has begun. */");
    text_line(w->out, "#ifndef WORTH_THREADS");
    text_line(w->out, "#define WORTH_THREADS %d.0", WORTH_THREADS);
    text_line(w->out, "#endif");
    text_blank(w->out);
    text_line(w->out, "/* The call for `rows` sequences, or those that are left, from `first` on. Arrays over time "
                      "keep the caller's stride. */");
    text_line(w->out, "static %s_args shard_of(const %s_args *args, size_t first, size_t rows)", w->options->prefix,
              w->options->prefix);
    text_block(w->out);
    text_line(w->out, "%s_args part = *args;", w->options->prefix);
    text_line(w->out, "part.batch = args->batch - first < rows ? args->batch - first : rows;");
    for (int a = 1; a <= g->axes; a++)
        write_advance(w, arena_printf(w->arena, "lengths_%s", g->axis[a].letter), "first", 1);
    for (uint32_t i = 0; i < g->inputs.len; i++) {
        if (!w->options->inference || has_input(w->model->forward, i))
            write_advance(w, c_field(w->arena, g, g->inputs.data[i].path), "first",
                          shape_size(g->inputs.data[i].type.shape));
        if (training && training->input_grad && node_some(training->input_grad[i]))
            write_advance(w, c_gradient_field(w->arena, g, i), "first", shape_size(g->inputs.data[i].type.shape));
    }
    for (uint32_t i = 0; i < g->outputs.len; i++) {
        type t = graph_type(g, g->outputs.data[i].node);
        if (t.axes & BATCH) write_advance(w, c_output_field(w->arena, g, i), "first", shape_size(t.shape));
    }
    if (draws) text_line(w->out, "part.sequence += first;");
    text_line(w->out, "return part;");
    text_close(w->out, NULL);
}

/* Do all shards add the same to a loss, or is it a sum over sequences? */
static bool is_of_no_sequence(const program *norm)
{
    for (size_t i = 1; i < norm->graph->nodes.len; i++) {
        const node *n = &norm->graph->nodes.data[i];
        if ((n->type.axes & BATCH) || (n->op == OP_count && (n->attr.over.axes & BATCH))) return false;
    }
    return true;
}

bool shard_norm(const writer *w, int loss)
{
    const program *norm = w->model->norms[loss];
    return norm && !is_of_no_sequence(norm);
}

static void write_norms(writer *w)
{
    for (int k = 0; k < w->g->losses; k++) {
        if (!w->model->norms[k])
            text_line(w->out, "norms[%d] = 1; /* a sum */", k);
        else if (shard_norm(w, k))
            text_line(w->out, "norms[%d] = args->norms ? args->norms[%d] : norm_%d(args);", k, k, k);
        else
            text_line(w->out, "norms[%d] = (real)shards; /* each has its share */", k);
    }
}

void write_parallel(writer *w, const char *counter, const char *count)
{
    text_puts(w->out, "#ifdef _OPENMP\n");
    text_put(w->out, "#pragma omp parallel for num_threads(%s) schedule(static, 1)\n", count);
    text_puts(w->out, "#endif\n");
    text_open(w->out, "for (int %s = 0; %s < %s; %s++)", counter, counter, count, counter);
}

static void write_sum_of_gradients(writer *w)
{
    size_t size = graph_param_offset(w->g, w->g->params.len);
    text_line(w->out, "/* each component of the gradients in the order of the shards */");
    write_parallel(w, "part", "shards");
    text_line(w->out,
              "const size_t begin = (size_t)%zu * (size_t)part / (size_t)shards, end = (size_t)%zu * "
              "((size_t)part + 1) / (size_t)shards;",
              size, size);
    text_open(w->out, "for (int shard = 1; shard < shards; shard++)");
    text_line(w->out, "const real *from = more + (size_t)(shard - 1) * %zu;", gradients_size(w->g));
    text_line(w->out, "RNN_INDEPENDENT");
    text_line(w->out, "for (size_t i = begin; i < end; i++) grads[i] += from[i];");
    text_close(w->out, NULL);
    text_close(w->out, NULL);
}

void write_shards(writer *w, const program *p)
{
    const char *prefix = w->options->prefix, *PREFIX = c_upper(w->arena, prefix), *word = entry_name(p->entry);
    bool grad = p->entry == ENTRY_GRAD, loss = grad || p->entry == ENTRY_LOSS;
    text *whole = w->out;
    w->out = text_new(w->arena);
    w->out->depth = 1;
    uses_open(w);
    text_line(w->out, "const double operations = %s;", operations_of(w, p));
    text_line(w->out, "const size_t rows = operations < WORTH_THREADS ? %s : %s_SHARD(batch);", c_use(w, "batch"),
              PREFIX);
    text_line(w->out, "const int shards = (int)((batch + rows - 1) / rows);");
    if (loss) {
        text_line(w->out, "real norms[%d], losses[%s_THREADS];", w->g->losses, PREFIX);
        write_norms(w);
    }
    text_line(w->out, "const size_t each = %s(%srows);", shard_macro(w, p), steps_arguments(w, "args->"));
    if (grad) text_line(w->out, "real *const grads = args->grads, *const more = args->work + (size_t)shards * each;");
    write_parallel(w, "shard", "shards");
    text_line(w->out, "const size_t first = (size_t)shard * rows;");
    text_line(w->out, "%s_args part = %s(args, first, rows);", prefix, c_use(w, "shard_of"));
    text_line(w->out, "part.work += (size_t)shard * each;");
    if (loss) {
        text_line(w->out, "part.norms = norms;");
        text_line(w->out, "part.loss = losses + shard;");
    }
    if (grad) {
        text_line(w->out, "if (shard > 0) part.grads = more + (size_t)(shard - 1) * %zu;", gradients_size(w->g));
        text_line(w->out, "if (shard > 0) memset(part.grads, 0, %zu * sizeof(real));",
                  graph_param_offset(w->g, w->g->params.len));
    }
    text_line(w->out, "%s_shard(&part, first, batch);", word);
    text_close(w->out, NULL);
    if (loss) {
        text_line(w->out, "real sum = 0;");
        text_line(w->out, "for (int shard = 0; shard < shards; shard++) sum += losses[shard];");
        text_line(w->out, "*args->loss = sum;");
    }
    if (grad) write_sum_of_gradients(w);
    text_line(w->out, "return 0;");
    const char *body = text_string(w->out);
    w->out = whole;
    text_blank(w->out);
    text_line(w->out, "int %s_%s(const %s_args *args)", prefix, word, prefix);
    text_block(w->out);
    text_line(w->out, "const int status = check_%s(args);", word);
    text_line(w->out, "if (status) return status;");
    write_steps_and_batch(w);
    text_puts(w->out, body);
    text_close(w->out, NULL);
    uses_close(w);
}
