/* passes.c: runs the passes of passes.def.
 *
 * Comes in: a verified graph, with or without adjoints; goes out: the same values from a graph that the plan
 * accepts, compacted, with numbered parts. */
#include "passes/rewrite.h"

typedef struct pass_info { const char *name; void (*run)(graph *g); bool required; } pass_info;

static const pass_info pass_table[PASS_COUNT] = {
#define PASS(name, required, why) [PASS_##name] = {#name, pass_##name, required},
#include "passes/passes.def"
};

const char *pass_name(pass p)
{
    return pass_table[p].name;
}

void passes_run(graph *g, unsigned disabled)
{
    graph_compact(g);
    for (int p = 0; p < PASS_COUNT; p++) {
        if (!pass_table[p].required && (disabled >> p & 1))
            continue;
        pass_table[p].run(g);
        graph_verify(g, pass_table[p].name);
        graph_compact(g);
    }
    graph_name_parts(g);
}
