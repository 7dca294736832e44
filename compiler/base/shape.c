/* shape.c: how shapes combine. Comes in: shapes of operands; goes out: the result's, or that they do not agree. */
#include "base/shape.h"

/* Whether `a` stretches to exactly `to`. */
static bool stretches(shape a, shape to)
{
    if (a.rank == 0 || shape_equal(a, to)) return true;
    if (to.rank != 2) return false;
    if (a.rank == 1) return a.dim[0] == to.dim[0];
    return a.dim[0] == 1 && a.dim[1] == to.dim[1];
}

bool shape_broadcast(shape a, shape b, shape *out)
{
    if (stretches(a, b)) {
        *out = b;
        return true;
    }
    if (stretches(b, a)) {
        *out = a;
        return true;
    }
    return false;
}

bool shape_matmul(shape a, bool ta, shape b, bool tb, shape *out)
{
    if (a.rank == 0 || b.rank == 0) return false;
    int m = a.dim[ta ? 1 : 0], inner_a = a.dim[ta ? 0 : 1];
    int inner_b = b.dim[tb ? 1 : 0], n = b.dim[tb ? 0 : 1];
    if (inner_a != inner_b) return false;
    *out = b.rank == 1 && !tb ? shape_vector(m) : shape_matrix(m, n);
    return true;
}

const char *shape_text(arena *a, shape s)
{
    if (s.rank == 0) return arena_printf(a, "scalar");
    if (s.rank == 1) return arena_printf(a, "(%d)", s.dim[0]);
    return arena_printf(a, "(%d, %d)", s.dim[0], s.dim[1]);
}
