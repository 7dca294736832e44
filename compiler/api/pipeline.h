/* pipeline.h: the compiler as one call. See pipeline.c for the stages in order. */
#ifndef API_PIPELINE_H
#define API_PIPELINE_H

#include "emit/emit.h"
#include "lower/lower.h"
#include "model/model.h"

/* The stages whose result can be printed, in order. */
#define STAGES(X) X(tree) X(model) X(graph) X(derive) X(passes) X(plan) X(program) X(c)
#define STAGE_CHOICE(name) "|" #name
#define STAGE_CHOICES &STAGES(STAGE_CHOICE)[1] /* "tree|model|..." */
#define STAGE_ENUMERATOR(name) STAGE_##name,
typedef enum stage { STAGES(STAGE_ENUMERATOR) STAGE_COUNT } stage;

/* Which graph `loss` and `grad` are made from: a build trains with the training graph and evaluates with the inference
 * graph; `run` wants the gradients of the inference graph; `gradcheck` wants the loss of the training graph; `explain`
 * wants to show the outputs beside the gradients. */
typedef enum purpose { FOR_BUILD, FOR_RUN, FOR_GRADCHECK, FOR_EXPLAIN } purpose;

typedef struct pipeline_options {
    const char *path;  /* the spec */
    const char *model; /* which; NULL: the only one */
    model_define *defines;
    size_t define_count;
    int data_size; /* stands in for sizes that come from data; 0: they must be defined */
    /* The text of `use "path"`, NUL-terminated, NULL when it cannot be read; `load` NULL: files, from the spec's
     * folder. */
    const char *(*load)(void *context, const char *path, size_t *length);
    void *load_context;
    void (*passed)(const void *context, const char *what); /* told when a stage is done; NULL */
    const void *passed_context;
    purpose purpose;
    lower_probes probes; /* of loss and grad; with a seed, these are there without a loss, too */
    int block_rows;      /* of blocks of steps, however small the products; 0: as suits the cache */
    bool loss_parts;     /* of `loss`, what each sequence adds to each loss is an output: see loss_part */
    bool own_memory;     /* nothing is computed again, or takes the place of another value */
    emit_options emit;
} pipeline_options;

/* Later steps of values; later steps of data; all steps, and more than twice. */
typedef enum segments_need { SEGMENTS_NEED_LATER, SEGMENTS_NEED_DATA, SEGMENTS_NEED_ALL } segments_need;

/* All that the stages made, on one arena. */
typedef struct pipeline {
    arena *arena;
    pipeline_options options;
    names *names;
    sources *sources;
    diags *diags;
    const char *text; /* of the spec */
    size_t length;
    model *model;
    graph *forward, *loss, *grad;      /* loss, grad: NULL without a loss */
    node_id later;                     /* what reads a later step, so that there is no `step`; or NO_NODE */
    bool many_axes;                    /* the model has several time axes, so that there is no `step` */
    bool segments_forbidden;           /* emit.segment was asked for, but the sequence cannot be cut: */
    const char *segments_forbidden_by; /* because of this reading; NULL: the model has several time axes, or none */
    segments_need segments_need;       /* and this is what it needs */
    emit_model programs;
    emitted c; /* empty after pipeline_plan */
} pipeline;

/* Where to stop, and where to print what that stage made; `to` NULL: run all stages and print none. */
typedef struct pipeline_dump {
    stage stage;
    text *to;
} pipeline_dump;

/* Reads the spec. NULL, or why the file cannot be read. */
const char *pipeline_read(pipeline *p, arena *a, const pipeline_options *o);

/* The same for a spec that is in memory; o->path only names it. */
void pipeline_open_text(pipeline *p, arena *a, const pipeline_options *o, const char *spec);

/* The first stages: parse and check. False when there are errors; they are in p->diags, and warnings in any case. */
bool pipeline_check(pipeline *p);

/* The stages after the check. Cannot fail: nothing is wrong with a checked model. pipeline_plan stops before the C, for
 * those who want other C than that of a build (loaded.h). */
void pipeline_compile(pipeline *p, pipeline_dump dump);
void pipeline_plan(pipeline *p, pipeline_dump dump);

/* Tells who wants to know that a stage is done. */
void pipeline_passed(const pipeline *p, const char *what);

/* Header and source as one text that needs no header of its own. */
const char *pipeline_one_text(arena *a, const emitted *c);

#endif
