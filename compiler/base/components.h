/* components.h: strongly connected components of any directed graph: which nodes lie on a cycle together.
 *
 * Comes in: numbers of nodes and a function that tells their edges; goes out: a number per node. */
#ifndef BASE_COMPONENTS_H
#define BASE_COMPONENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The k-th edge that leaves `from`, k = 0, 1, ...; false: there are not so many. One that does not count leads back to
 * `from`, which changes nothing. */
typedef bool components_edge(const void *graph, uint32_t from, uint32_t k, uint32_t *to);

/* Numbers from 1 the components of what can be reached from the roots, in an order in which what is reached comes
 * first, into component[], and returns how many there are. Nodes have numbers below `nodes`. */
int components_find(uint32_t nodes, const uint32_t *root, size_t roots, components_edge *edge, const void *graph,
                    int *component);

#endif
