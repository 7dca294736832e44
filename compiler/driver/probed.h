/* probed.h: a spec differentiated by more than its parameters: compiled with probes (lower/lower.h), with data and
 * parameters, ready for one call of `grad` after the other. In double.
 *
 *     probed m;
 *     int code = probed_check(&m, o, path, define, count);
 *     if (!code) code = probed_find(&m.p, "h", &v);                    the variable's number
 *     m.p.options.probes = (lower_probes){ &v, 1 };
 *     if (!code) code = probed_load(&m, sequences, steps);
 *     if (!code) code = probed_run(&m);                              m.loss, m.d_params, probed_adjoint(&m, v)
 *     probed_close(&m);
 *
 * Each returns 0, or the exit status after one message. */
#ifndef DRIVER_PROBED_H
#define DRIVER_PROBED_H

#include "driver/batch.h"
#include "driver/command.h"

typedef struct probed {
    const options *o;
    arena *arena;
    pipeline p;
    const graph *g; /* the interface */
    loaded l;
    bool open;
    batch b;
    double *params, *packed, *d_params, loss;
    double **d_input; /* by number; NULL: none */
    loaded_call call;
} probed;

/* `define`: instead of the -D of the options. */
int probed_check(probed *m, const options *o, const char *path, model_define *define, size_t count);

/* The variable that a word of the command line names: real, of a sequence; what it is another name of. */
int probed_find(const pipeline *p, const char *word, uint32_t *variable);
/* The words of a list, separated by commas; each variable once. */
int probed_find_list(const pipeline *p, const char *list, uint32_t **variable, size_t *count);

/* Compiles; takes data and parameters from --data, --weights and --init, or at random: `sequences` of `steps`. */
int probed_load(probed *m, size_t sequences, int steps);
int probed_run(probed *m);
void probed_close(probed *m);

/* Number of the variable's probe (seeded: of its seed) among the inputs of the graph. */
int probed_input(const graph *g, uint32_t variable, bool seeded);

#endif
