/* passes.c: runs the passes of passes.def.
 *
 * Comes in: a verified graph, with or without adjoints; goes out: the same values from a graph that the plan
 * accepts, compacted, with numbered parts. */
#include "passes/rewrite.h"

typedef enum moment { AFTER, BOTH } moment;
typedef struct pass_info {
    const char *name;
    void (*run)(graph *g);
    bool required;
    moment when;
} pass_info;

static const pass_info pass_table[PASS_COUNT] = {
#define PASS(name, required, when, why) [PASS_##name] = {#name, pass_##name, required, when},
#include "passes/passes.def"
};

static void run(graph *g, const pass_info *p)
{
    p->run(g);
    graph_verify(g, p->name);
    graph_compact(g);
}

void passes_prepare(graph *g, unsigned disabled)
{
    graph_compact(g);
    for (int p = 0; p < PASS_COUNT; p++) {
        if (pass_table[p].when == BOTH && !(disabled >> p & 1)) run(g, &pass_table[p]);
    }
}

void passes_run(graph *g, unsigned disabled)
{
    graph_compact(g);
    for (int p = 0; p < PASS_COUNT; p++) {
        if (pass_table[p].required || !(disabled >> p & 1)) run(g, &pass_table[p]);
    }
    graph_name_parts(g);
}
