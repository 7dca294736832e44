/* chain.h: a network of another tool as layers, each of which feeds the next.
 *
 * The readers of formats (torch.c, keras.c) find the layers in the names and shapes of tensors; what is here puts
 * them in order, writes them as a spec, gives their tensors the paths that maps.h looks for, and computes what the
 * other tool would (recurrent.h). */
#ifndef EXCHANGE_CHAIN_H
#define EXCHANGE_CHAIN_H

#include "exchange/maps.h"
#include "exchange/recurrent.h"

enum { CHAIN_MAX_LAYERS = 256 };

typedef enum layer_kind { LAYER_EMBEDDING, LAYER_DENSE, LAYER_NORM, LAYER_RECURRENT } layer_kind;
enum { RESET_AFTER = 1, PROJECTED = 2, RECTIFIED = 4, GENERAL = 8, ALL_FLAGS = 15 };

/* A line of layers.def. */
typedef struct layer_info {
    const char *format, *cell;
    layer_kind kind;
    recurrence equations;
    const char *order;
    int flags;
} layer_info;
extern const layer_info layer_table[];
extern const size_t layer_count;

/* The first line with so many gates, these flags under `mask`, and this cell (NULL: any); NULL: there is none. */
const layer_info *layer_find(const char *format, layer_kind kind, size_t gates, int mask, int flags, const char *cell);

/* Another line that the same tensors fit, or NULL. */
const layer_info *layer_other(const layer_info *l, int mask);

typedef struct chain_tensor {
    const char *own;  /* its name in the file */
    const char *word; /* "weight_ih" */
    int layer;        /* of the stack, from 0 */
    bool reverse;
    shape shape;
    const double *values;
} chain_tensor;

typedef struct chain_layer {
    const char *path;        /* what the tool calls it: "encoder.rnn"; "h" when it is all there is, without a name */
    const char *word, *call; /* its variable in the spec; what its tensors begin with there */
    const layer_info *info;
    const layer_info *first;    /* what it is where it comes first, its rows and columns swapped; NULL: the same */
    int inputs, units, outputs; /* inputs: components, or classes; outputs: of both directions together */
    int layers;
    bool both, bias;
    ARRAY(chain_tensor) tensors;
    recurrent *part; /* [layers][1 + both] */
} chain_layer;

typedef struct chain {
    arena *arena;
    const char *format;
    ARRAY(chain_layer *) layers;
    foreigns loose;            /* tensors that belong to no layer: parameters of a model that the user writes */
    bool last;                 /* what follows the last recurrent layer reads its last step */
    ARRAY(const char *) notes; /* what no tensor says, and what has been assumed */
} chain;

/* "name=cell" as the command line gives them; a choice that no layer has taken is an error of chain_order. */
typedef struct chain_choices {
    const char *const *choice;
    size_t count;
    bool *taken;
    const char *order; /* "a,b,c", or NULL */
} chain_choices;
const char *chain_choice(arena *a, chain_choices *c, const char *path); /* the cell, or NULL */

/* Puts the layers in order: as `order` says; else as they stand, when each takes what the one before it gives; else the
 * first order that does. *other: another order fits, too. Returns NULL, or what is wrong. */
const char *chain_order(chain *c, const chain_choices *choices, bool *other);

/* Notes that the same tensors could be the cell `other` (NULL: nothing to note). */
void chain_note_other(chain *c, const chain_layer *l, const layer_info *other);

const chain_tensor *chain_find(const chain_layer *l, const char *word, int layer, bool reverse);

/* The spec as text; it names the variables. */
const char *chain_spec(chain *c, const char *word, const char *from);

/* All tensors under the paths that a spec gives them: those of chain_spec's text, or of any model `m` (NULL:
 * chain_spec's): a call that is called like a layer has its tensors; the other layers, in their order, belong to the
 * other calls with `weights` lines, in theirs. False and *error where these are not as many. */
bool chain_foreigns(const chain *c, const model *m, foreigns *all, const char **error);

/* Computes the last layer's outputs of one sequence: x[steps] tokens, or [steps][inputs] numbers. Tensors have been
 * checked by maps_import. */
void chain_run(const chain *c, const double *x, int steps, double *y);

/* ---- readers ----------------------------------------------------------------------------------------------------- */

/* Each makes a chain of the tensors of a file. NULL: *error says what is wrong. */
chain *torch_read(arena *a, const tensors *file, chain_choices *choices, const char **error);
chain *keras_read(arena *a, const tensors *file, chain_choices *choices, const char **error);

/* A tensor's values as doubles; NULL when it does not hold real numbers or has more than two dimensions. */
const double *chain_values(arena *a, const tensor *t, shape *out);

#endif
