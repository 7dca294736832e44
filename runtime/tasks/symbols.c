/* symbols.c: tasks whose data are symbols: copy_memory, temporal_order, parity, reber, reversal. */
#include "tasks/tasks.h"

void task_copy_memory(task_sequence *s)
{
    size_t delay = task_whole(s, TASK_PARAMETER_copy_memory_T);
    size_t length = task_whole(s, TASK_PARAMETER_copy_memory_length);
    size_t blank = task_whole(s, TASK_PARAMETER_copy_memory_symbols), call = blank + 1;
    for (size_t t = 0; t < delay + 2 * length; t++) {
        size_t at = t < length ? chance_below(&s->chance, blank) : t == delay + length - 1 ? call : blank;
        task_put(s, TASK_ARRAY_copy_memory_x, (double)at);
        if (t < delay + length) task_put(s, TASK_ARRAY_copy_memory_y, (double)blank);
    }
    const task_rows *x = &s->rows[TASK_ARRAY_copy_memory_x];
    for (size_t t = 0; t < length && !s->failed; t++)
        task_put(s, TASK_ARRAY_copy_memory_y, x->value[x->len - delay - 2 * length + t]);
}

void task_temporal_order(task_sequence *s)
{
    enum { FIRST_OF_TWO = 4, BEGIN = 6, END = 7 }; /* a to d are 0 to 3, X and Y 4 and 5 */
    size_t least = task_whole(s, TASK_PARAMETER_temporal_order_T);
    size_t steps = chance_between(&s->chance, least, least + least / 10);
    size_t first = chance_between(&s->chance, least / 10, least / 5);
    size_t second = chance_between(&s->chance, least / 2, least * 3 / 5);
    size_t one = chance_below(&s->chance, 2), two = chance_below(&s->chance, 2);
    for (size_t t = 0; t < steps; t++) {
        size_t symbol = chance_below(&s->chance, FIRST_OF_TWO);
        if (t == 0) symbol = BEGIN;
        if (t == steps - 1) symbol = END;
        if (t == first) symbol = FIRST_OF_TWO + one;
        if (t == second) symbol = FIRST_OF_TWO + two;
        task_put(s, TASK_ARRAY_temporal_order_x, (double)symbol);
    }
    task_put(s, TASK_ARRAY_temporal_order_y, (double)(2 * one + two));
}

void task_parity(task_sequence *s)
{
    size_t odd = 0;
    for (size_t t = chance_between(&s->chance, task_whole(s, TASK_PARAMETER_parity_shortest),
                                   task_whole(s, TASK_PARAMETER_parity_longest));
         t > 0; t--) {
        size_t bit = chance_below(&s->chance, 2);
        odd ^= bit;
        task_put(s, TASK_ARRAY_parity_x, (double)bit);
        task_put(s, TASK_ARRAY_parity_y, (double)odd);
    }
}

/* ---- the embedded Reber grammar ---------------------------------------------------------------------------------- */

const char task_reber_symbols[] = "BTPSXVE";
enum { REBER_SYMBOLS = 7 };
typedef enum reber { B, T, P, S, X, V, E } reber;

/* Reber's grammar: from each state two arcs, or twice the same. State 0 begins, END is behind the last symbol. */
enum { REBER_END = 7 };
static const struct {
    reber symbol;
    int to;
} reber_arcs[REBER_END][2] = {
    {{B, 1}, {B, 1}}, {{T, 2}, {P, 3}}, {{S, 2}, {X, 4}}, {{T, 3}, {V, 5}},
    {{X, 3}, {S, 6}}, {{P, 4}, {V, 6}}, {{E, 7}, {E, 7}},
};

/* The symbol `next`, and what could have stood in its place, follow the one before. */
static void put_reber(task_sequence *s, reber before, reber next, unsigned allowed)
{
    task_put(s, TASK_ARRAY_reber_x, before);
    task_put(s, TASK_ARRAY_reber_y, next);
    for (unsigned i = 0; i < REBER_SYMBOLS; i++) task_put(s, TASK_ARRAY_reber_allowed, allowed >> i & 1);
}

/* B, T or P, a string of the grammar, the same T or P, E: what is far apart must agree. */
void task_reber(task_sequence *s)
{
    reber outer = chance_below(&s->chance, 2) ? P : T, before = outer;
    put_reber(s, B, outer, 1u << T | 1u << P);
    for (int state = 0; state != REBER_END;) {
        size_t arc = chance_below(&s->chance, 2);
        reber next = reber_arcs[state][arc].symbol;
        put_reber(s, before, next, 1u << reber_arcs[state][0].symbol | 1u << reber_arcs[state][1].symbol);
        before = next;
        state = reber_arcs[state][arc].to;
    }
    put_reber(s, E, outer, 1u << outer);
    put_reber(s, outer, E, 1u << E);
}

/* ---- strings backwards ------------------------------------------------------------------------------------------- */

void task_reversal(task_sequence *s)
{
    size_t length = chance_between(&s->chance, task_whole(s, TASK_PARAMETER_reversal_shortest),
                                   task_whole(s, TASK_PARAMETER_reversal_longest));
    size_t mark = task_whole(s, TASK_PARAMETER_reversal_letters);
    for (size_t i = 0; i < length; i++) task_put(s, TASK_ARRAY_reversal_source, (double)chance_below(&s->chance, mark));
    const task_rows *source = &s->rows[TASK_ARRAY_reversal_source];
    task_put(s, TASK_ARRAY_reversal_before, (double)mark);
    for (size_t i = 1; i <= length && !s->failed; i++) {
        task_put(s, TASK_ARRAY_reversal_before, source->value[source->len - i]);
        task_put(s, TASK_ARRAY_reversal_y, source->value[source->len - i]);
    }
    task_put(s, TASK_ARRAY_reversal_y, (double)mark);
}
