/* prepare.c: checkpoint, settings, data, model, in the order in which each needs the others; see prepare.h.
 *
 * `train { }` says how data are cut into batches, so the spec is checked once before the data are read, with a stand-in
 * for sizes that come from data; then again with those. */
#include "driver/prepare.h"
#include "driver/data_sizes.h"
#include "train/room.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAND_IN = 5 };

void prepare_begin(prepared *p, const options *o) { *p = (prepared){.o = o, .arena = arena_new()}; }

void prepare_end(prepared *p)
{
    dataset_close(p->data);
    compiled_close(&p->c);
    free(p->params);
    free(p->state);
    checkpoint_words_free(&p->words);
    arena_free(p->arena);
}

/* Without a validation, training writes no best.safetensors: the last.safetensors that lies there instead, or NULL. */
static const char *last_for_best(prepared *p, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    if (strcmp(file, "best.safetensors") != 0 || access(path, F_OK) == 0) return NULL;
    const char *last = arena_printf(p->arena, "%.*slast.safetensors", (int)(file - path), path);
    return access(last, F_OK) == 0 ? last : NULL;
}

int prepare_checkpoint(prepared *p, const char *path)
{
    char *error = NULL;
    const char *last = last_for_best(p, path);
    if (last)
        return command_fault(EXIT_SYSTEM,
                             "%s: there is no such file, but %s: training writes best.safetensors when it validates, "
                             "first after an epoch, "
                             "and not where there is too little data to validate on",
                             path, last);
    int code = command_can_read(path);
    if (code) return code;
    p->checkpoint = path;
    if (checkpoint_peek(path, &p->words, &error)) return 0;
    return command_fault_line(EXIT_SPEC, error);
}

static int open_data(prepared *p)
{
    const data_options *d = &p->s.data;
    char *error = NULL;
    int code = command_can_read(d->text ? d->text : d->words ? d->words : d->arrays);
    if (!code && d->validation) code = command_can_read(d->validation);
    if (code) return code;
    p->data = dataset_open(d, p->words.vocabulary, &error);
    return p->data ? 0 : command_fault_line(EXIT_SPEC, error);
}

/* Checks the spec with a stand-in for sizes from data. Definitions that only spoil a good spec are another spec's. */
static int check_first(prepared *p, compiled *c)
{
    compile_options how = {
        .definitions = p->words.definitions, .data_size = STAND_IN, .silent = p->words.definitions != NULL};
    int code = compiled_check(c, p->arena, p->o, &how);
    if (code != EXIT_SPEC || !p->words.definitions) return code;
    how = (compile_options){.data_size = STAND_IN, .quiet = true};
    code = compiled_check(c, p->arena, p->o, &how);
    if (code) return code;
    return command_fault(EXIT_SPEC,
                         "%s: it was trained with %s, which does not fit the spec: it belongs to another one",
                         p->checkpoint, p->words.definitions);
}

/* ---- sizes that come from data ----------------------------------------------------------------------------------- */

static size_t classes(const void *data, const char *value) { return dataset_classes(data, value); }

static size_t dimension(const void *data, const char *value, size_t rank, size_t k)
{
    return dataset_dimension(data, value, rank, k);
}

static const tensor *array(const void *data, const char *value) { return dataset_array(data, value); }

static int read_sizes(prepared *p, const model *m)
{
    const char *path = p->s.data.arrays;
    data_source s = {classes, dimension, path ? array : NULL, p->data, path, false};
    return data_sizes_read(p->arena, m, &s, &p->data_sizes);
}

int prepare_data(prepared *p, bool to_train)
{
    compiled first;
    int code = check_first(p, &first);
    if (!code) code = settings_read(&p->s, p->o, first.p.model, to_train);
    if (!code) code = open_data(p);
    if (!code) command_stage(p->o, "spec, data");
    p->c = first; /* until it is compiled: which files it is made of */
    return code ? code : read_sizes(p, first.p.model);
}

static int bind(prepared *p)
{
    char *error = NULL;
    if (!p->data) return 0;
    if (!p->c.p.loss)
        return command_fault(EXIT_SPEC, "%s: the model '%s' has no loss", p->o->operands.data[0], p->c.t.model);
    if (dataset_bind(p->data, &p->c.t, &error)) return 0;
    return command_fault_line(EXIT_SPEC, error);
}

/* Steps of a call, those of its first axis; `block` where the data are no arrays. */
static size_t call_steps(const prepared *p, size_t block)
{
    const model *m = p->c.p.model;
    size_t found = p->data && p->s.data.arrays ? p->s.data.chunk : block;
    for (size_t i = 1; !found && i < m->variables.len; i++) {
        const model_variable *v = &m->variables.data[i];
        size_t axes = (size_t)__builtin_popcount(v->type.axes), rank = v->type.token ? 0 : (size_t)v->type.shape.rank;
        if (v->kind == VARIABLE_INPUT && axes > 1) found = dataset_dimension(p->data, v->path, axes + rank, 1);
    }
    return found ? found : block;
}

int prepare_model(prepared *p, size_t sequences, size_t steps, double calls, prepare_use use)
{
    const char *last = p->words.code ? strrchr(p->words.code, ',') : NULL;
    compile_options how = {.definitions = p->words.definitions,
                           .data_sizes = p->data_sizes,
                           .data_size = p->data ? dataset_symbols(p->data) : 0,
                           .sequences = sequences,
                           .steps = steps,
                           .calls = calls,
                           .generates = use != PREPARE_TO_TRAIN,
                           .tiers = use != PREPARE_TO_RUN,
                           .optimised = p->words.code && strncmp(last ? last + 2 : p->words.code, "cc", 2) == 0};
    int code = p->data ? 0 : check_first(p, &p->c);
    if (!code) code = compiled_check(&p->c, p->arena, p->o, &how);
    if (!code) how.call_steps = call_steps(p, steps);
    if (!code) code = compiled_load(&p->c, &how);
    if (code) return code;
    p->params = room_zeroed(p->c.t.size * p->c.t.real_size);
    p->state = room_zeroed(p->c.t.state_bytes);
    if (!p->params || !p->state) return command_fault(EXIT_SYSTEM, "out of memory");
    return bind(p);
}

int prepare_seed(prepared *p, uint64_t seed)
{
    dataset_close(p->data);
    p->data = NULL;
    p->s.data.seed = seed;
    int code = open_data(p);
    return code ? code : bind(p);
}

int prepare_weights(prepared *p, const char *path)
{
    char *error = NULL;
    checkpoint c = {.model = &p->c.t, .params = p->params, .definitions = p->c.definitions};
    int code = command_can_read(path);
    if (code) return code;
    bool good = checkpoint_read(path, &c, &error);
    free((char *)c.vocabulary);
    if (good) spec_warn_other(path, p->words.hash, p->c.hash);
    return good ? 0 : command_fault_line(EXIT_SPEC, error);
}
