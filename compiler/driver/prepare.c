/* prepare.c: checkpoint, settings, data, model, in the order in which each needs the others; see prepare.h.
 *
 * `train { }` says how data are cut into batches, so the spec is checked once before the data are read, with a stand-in
 * for sizes that come from data; then again with those. */
#include "driver/prepare.h"
#include "train/room.h"
#include <stdlib.h>
#include <string.h>

enum { STAND_IN = 5 };

void prepare_begin(prepared *p, const options *o)
{
    *p = (prepared){ .o = o, .arena = arena_new() };
}

void prepare_end(prepared *p)
{
    dataset_close(p->data);
    compiled_close(&p->c);
    free(p->params);
    free(p->state);
    checkpoint_words_free(&p->words);
    arena_free(p->arena);
}

int prepare_fault(int code, char *error)
{
    command_fault(code, "%s", error ? error : "out of memory");
    free(error);
    return code;
}

int prepare_checkpoint(prepared *p, const char *path)
{
    char *error = NULL;
    int code = command_can_read(path);
    if (code) return code;
    p->checkpoint = path;
    if (checkpoint_peek(path, &p->words, &error)) return 0;
    return prepare_fault(EXIT_SPEC, error);
}

static int open_data(prepared *p)
{
    const data_options *d = &p->s.data;
    char *error = NULL;
    int code = command_can_read(d->text ? d->text : d->words ? d->words : d->arrays);
    if (!code && d->validation) code = command_can_read(d->validation);
    if (code) return code;
    p->data = dataset_open(d, p->words.vocabulary, &error);
    return p->data ? 0 : prepare_fault(EXIT_SPEC, error);
}

/* Checks the spec with a stand-in for sizes from data. Definitions that only spoil a good spec are another spec's. */
static int check_first(prepared *p, compiled *c)
{
    compile_options how = { .definitions = p->words.definitions,
                            .data_size = STAND_IN,
                            .silent = p->words.definitions != NULL };
    int code = compiled_check(c, p->arena, p->o, &how);
    if (code != EXIT_SPEC || !p->words.definitions) return code;
    how = (compile_options){ .data_size = STAND_IN, .quiet = true };
    code = compiled_check(c, p->arena, p->o, &how);
    if (code) return code;
    return command_fault(EXIT_SPEC,
                         "%s: it was trained with %s, which does not fit the spec: it belongs to another one",
                         p->checkpoint, p->words.definitions);
}

/* ---- sizes that come from data ----------------------------------------------------------------------------------- */

/* What the data say about one size: the number of classes of the tokens, the dimension of the reals it stands in. */
typedef struct data_size {
    size_t classes, extent;
    const char *of; /* whose extent that is */
} data_size;

static bool is_size(const tree_expr *e, const model_size *z)
{
    return e->kind == TREE_NAME && strcmp(e->name, z->word) == 0;
}

/* Adds what the array of an input or target says. Of tokens the largest number of classes counts; dimensions must be
 * the same. */
static int add_value(const prepared *p, const model_size *z, const model_variable *v, data_size *to)
{
    const tree_type *written = v->written;
    size_t before = (size_t)__builtin_popcount(v->type.axes);
    for (size_t i = 0; i < written->dims.len; i++) {
        if (!is_size(written->dims.data[i], z)) continue;
        size_t found = v->type.token ? dataset_classes(p->data, v->path)
                                     : dataset_dimension(p->data, v->path, before + written->dims.len, before + i);
        if (v->type.token && found > to->classes) to->classes = found;
        if (v->type.token || found == 0) continue;
        if (to->extent && to->extent != found)
            return command_fault(EXIT_SPEC, "%s: the size %s is %zu for '%s', but %zu for '%s': give them two sizes",
                                 p->s.data.arrays, z->word, to->extent, to->of, found, v->path);
        *to = (data_size){ to->classes, found, v->path };
    }
    return 0;
}

static int read_sizes(prepared *p, const model *m)
{
    text *t = text_new(p->arena);
    for (size_t i = 0; i < m->sizes.len; i++) {
        const model_size *z = m->sizes.data[i];
        data_size found = { 0 };
        for (size_t k = 1; z->from_data && k < m->variables.len; k++) {
            const model_variable *v = &m->variables.data[k];
            int code = v->kind == VARIABLE_INPUT && v->written ? add_value(p, z, v, &found) : 0;
            if (code) return code;
        }
        size_t size = found.extent ? found.extent : found.classes;
        if (size) text_put(t, " %s=%zu", z->word, size);
    }
    p->data_sizes = text_string(t);
    return 0;
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
    return prepare_fault(EXIT_SPEC, error);
}

int prepare_model(prepared *p, size_t sequences, size_t steps, double calls, prepare_use use)
{
    const char *last = p->words.code ? strrchr(p->words.code, ',') : NULL;
    compile_options how = { .definitions = p->words.definitions,
                            .data_sizes = p->data_sizes,
                            .data_size = p->data ? dataset_symbols(p->data) : 0,
                            .sequences = sequences,
                            .steps = steps,
                            .calls = calls,
                            .generates = use != PREPARE_TO_TRAIN,
                            .tiers = use != PREPARE_TO_RUN,
                            .optimised = p->words.code && strncmp(last ? last + 2 : p->words.code, "cc", 2) == 0 };
    int code = p->data ? 0 : check_first(p, &p->c);
    if (!code) code = compiled_check(&p->c, p->arena, p->o, &how);
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

int prepare_weights(prepared *p, const char *path, bool same)
{
    char *error = NULL;
    checkpoint c = { .model = &p->c.t, .params = p->params, .definitions = p->c.definitions, .same_spec = same };
    int code = command_can_read(path);
    if (code) return code;
    bool good = checkpoint_read(path, &c, &error);
    free((char *)c.vocabulary);
    return good ? 0 : prepare_fault(EXIT_SPEC, error);
}
