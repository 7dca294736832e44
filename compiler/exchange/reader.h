/* reader.h: what the readers of formats share: from tensors one by one to the layers of a chain. */
#ifndef EXCHANGE_READER_H
#define EXCHANGE_READER_H

#include "exchange/chain.h"

typedef struct reader {
    chain *c;
    chain_choices *choices;
    const char *error; /* NULL: all is well so far */
} reader;

/* The layer of this path, made where it is new. */
chain_layer *reader_layer(chain *c, const char *path);

/* The layer's tensor, of this rank; NULL after setting the error. */
const chain_tensor *reader_need(reader *r, const chain_layer *l, const char *word, int layer, bool reverse, int rank);

static inline const double *reader_values(const chain_tensor *t) { return t ? t->values : NULL; }

#endif
