/* shape.h: shapes of values, and how they combine: the rules of the model and of the graph. */
#ifndef BASE_SHAPE_H
#define BASE_SHAPE_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct shape {
    int rank;   /* 0, 1 or 2; in the model also -1: unknown, which no function here takes but shape_equal */
    int dim[2]; /* dim[i] = 1 for i >= rank */
} shape;
#define SCALAR ((shape){0, {1, 1}})
static inline shape shape_vector(int n) { return (shape){1, {n, 1}}; }
static inline shape shape_matrix(int m, int n) { return (shape){2, {m, n}}; }
static inline int shape_size(shape s) { return s.dim[0] * s.dim[1]; }
static inline bool shape_equal(shape a, shape b)
{
    return a.rank == b.rank && a.dim[0] == b.dim[0] && a.dim[1] == b.dim[1];
}
/* The common shape of elementwise operands: equal shapes; a scalar with anything; a vector (m) with a matrix (m,n),
 * which scales its rows; a row (1,n) with a matrix (m,n), which scales its columns. False when they do not agree: *out
 * stays. */
bool shape_broadcast(shape a, shape b, shape *out);
/* The shape of op(a) @ op(b), op transposing where ta, tb; a vector is a column. False when they do not agree: *out
 * stays. */
bool shape_matmul(shape a, bool ta, shape b, bool tb, shape *out);
const char *shape_text(arena *a, shape s); /* "scalar", "(8)", "(4, 8)" */

#endif
