/* pool.c: what the programs of one model share: packed matrices and the state that calls leave for the next. */
#include "plan/planner.h"

pool *plan_pool_new(arena *a, const graph *inference)
{
    pool *p = ARENA_NEW(a, pool);
    bool axes_forbid;
    p->arena = a;
    p->carries = !node_some(plan_reads_later(inference, &axes_forbid)) && !axes_forbid && inference->axes == 1;
    array_push(a, &p->packings, (packing){0});
    array_push(a, &p->states, (state_slot){0});
    return p;
}

size_t plan_packed_size(int K, int N) { return ((size_t)N + PANEL - 1) / PANEL * PANEL * (size_t)K; }

size_t plan_packed_index(int k, int n, int K)
{
    return (size_t)(n / PANEL) * PANEL * (size_t)K + (size_t)k * PANEL + (size_t)(n % PANEL);
}

size_t plan_table_size(int K, int N) { return ((size_t)(K + 1) * (size_t)N + PANEL - 1) / PANEL * PANEL; }

int plan_state(program *p, state_slot slot)
{
    pool *shared = p->pool;
    for (size_t i = 1; i < shared->states.len; i++) {
        state_slot *s = &shared->states.data[i];
        if (s->name != slot.name || s->of != slot.of || s->columns != slot.columns) continue;
        s->rows = s->rows > slot.rows ? s->rows : slot.rows;
        return (int)i;
    }
    array_push(shared->arena, &shared->states, slot);
    return (int)shared->states.len - 1;
}
