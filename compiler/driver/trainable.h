/* trainable.h: a spec as training sees it (train/trainable.h): checked, compiled in memory, ready to be called.
 *
 *     compiled c;
 *     int code = compiled_check(&c, a, o, &how);      what `train { }` says is then in c.p.model
 *     if (!code) code = compiled_load(&c, &how);      c.t can be trained
 *     compiled_close(&c);
 *
 * Memory comes from the arena, but for the memory of calls, which grows to what the largest call needs. */
#ifndef DRIVER_TRAINABLE_H
#define DRIVER_TRAINABLE_H

#include "api/tier.h"
#include "driver/command.h"
#include "train/tensor.h"
#include "train/trainable.h"

typedef struct compile_options {
    const char *definitions; /* "V=65 C=gru" of a checkpoint, for what no -D says; NULL */
    const char *data_sizes;  /* "V=65 D=3": what the data say, for what neither says; NULL */
    size_t data_size;        /* what other sizes `from data` are; 0: not known */
    bool quiet, silent;      /* print messages only when the spec is wrong; not even then */
    size_t sequences, steps; /* most sequences in a call, about how many steps */
    size_t call_steps;       /* how many exactly, along the first axis: for --checkpoint auto */
    double calls;            /* about how many: long work is worth a slower compiler */
    bool generates;          /* the model runs by itself, too: else there is loss and grad alone, where it has a loss */
    bool tiers;              /* code may become other code between two updates */
    bool optimised;          /* where there are tiers: begin with the last one */
} compile_options;

typedef struct compiled {
    arena *arena;
    const options *o;
    pipeline p;
    const char *definitions; /* all that another run needs to compile the same model */
    const char *hash;
    loaded l;
    bool open;
    tier tier;
    bool tiered;
    const char *code; /* what made it: tcc, cc */
    loaded_call call; /* its words are filled in anew by every call */
    void *work;
    size_t work_bytes;
    trainable t;
} compiled;

/* A warning where weights that fit were trained with another spec: their hash is not that of this one. NULL: nobody has
 * noted one in the file. */
void spec_warn_other(const char *path, const char *trained, const char *now);
/* The same of a file that has been read, and a checked model. */
void spec_warn(const char *path, const tensors *weights, const pipeline *p);

/* 0, or the exit status after messages. */
int compiled_check(compiled *c, arena *a, const options *o, const compile_options *how);
int compiled_load(compiled *c, const compile_options *how);
void compiled_close(compiled *c);

#endif
