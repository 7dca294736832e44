/* programs.c: program_evaluation: small programs in Python, and what they print.
 *
 * A program is one expression that has been put into `nesting` operations, one after the other: a sum or difference
 * with a number, a product with a small number, a choice, two assignments, a loop. Some of these need statements
 * before the expression. Names are letters, each used once; what is computed is followed in whole numbers of 64 bits:
 * the limits of the parameters keep it far below their end. */
#include "tasks/tasks.h"
#include <stdio.h>
#include <string.h>

const char task_characters[] = "0123456789-.+*()=<>: \nabcdefghijklmnopqrstuvwxyz";

/* Room for the largest program: see the limits of its parameters; an operation adds less than 80 characters. */
enum { TEXT_ROOM = 1024 };

typedef struct program {
    chance *chance;
    size_t digits;
    char statements[TEXT_ROOM], expression[TEXT_ROOM];
    long long value; /* of the expression */
    char name;       /* the next one that is free; x counts loops */
} program;

typedef enum operation { SUM, PRODUCT, CHOICE, NAMES, LOOP, OPERATIONS } operation;

/* A number of at most `digits` digits, from 1. */
static long long number(program *p)
{
    long long above = 1;
    for (size_t i = 0; i < p->digits; i++) above *= 10;
    return 1 + (long long)chance_below(p->chance, (size_t)(above - 1));
}

static void set_expression(program *p, const char *text, long long value)
{
    memmove(p->expression, text, strlen(text) + 1);
    p->value = value;
}

/* The expression + or - a number, either on the left. */
static void make_sum(program *p)
{
    char text[2 * TEXT_ROOM];
    long long n = number(p);
    int minus = (int)chance_below(p->chance, 2), left = (int)chance_below(p->chance, 2);
    if (left)
        snprintf(text, sizeof text, "(%s%c%lld)", p->expression, minus ? '-' : '+', n);
    else
        snprintf(text, sizeof text, "(%lld%c%s)", n, minus ? '-' : '+', p->expression);
    set_expression(p, text, left ? p->value + (minus ? -n : n) : n + (minus ? -p->value : p->value));
}

/* A number that is small enough to multiply by, or to count to. */
static long long small_number(program *p) { return 1 + (long long)chance_below(p->chance, 4 * p->digits); }

static void make_product(program *p)
{
    char text[2 * TEXT_ROOM];
    long long n = small_number(p);
    if (chance_below(p->chance, 2))
        snprintf(text, sizeof text, "(%s*%lld)", p->expression, n);
    else
        snprintf(text, sizeof text, "(%lld*%s)", n, p->expression);
    set_expression(p, text, p->value * n);
}

static void make_choice(program *p)
{
    char text[2 * TEXT_ROOM];
    long long a = number(p), b = number(p), other = number(p);
    int greater = (int)chance_below(p->chance, 2);
    snprintf(text, sizeof text, "(%s if %lld%c%lld else %lld)", p->expression, a, greater ? '>' : '<', b, other);
    set_expression(p, text, (greater ? a > b : a < b) ? p->value : other);
}

static char new_name(program *p) { return p->name++; }

static void add_statements(program *p, const char *text)
{
    strncat(p->statements, text, TEXT_ROOM - strlen(p->statements) - 1);
}

/* a=...; b=...; (a+b) or (a-b) */
static void make_names(program *p)
{
    char text[2 * TEXT_ROOM], a = new_name(p), b = new_name(p);
    long long n = number(p);
    int minus = (int)chance_below(p->chance, 2);
    snprintf(text, sizeof text, "%c=%s\n%c=%lld\n", a, p->expression, b, n);
    add_statements(p, text);
    snprintf(text, sizeof text, "(%c%c%c)", a, minus ? '-' : '+', b);
    set_expression(p, text, p->value + (minus ? -n : n));
}

/* a=...; for x in range(k):a+=n */
static void make_loop(program *p)
{
    char text[2 * TEXT_ROOM], a = new_name(p);
    long long n = number(p), times = small_number(p);
    int minus = (int)chance_below(p->chance, 2);
    snprintf(text, sizeof text, "%c=%s\nfor x in range(%lld):%c%c=%lld\n", a, p->expression, times, a,
             minus ? '-' : '+', n);
    add_statements(p, text);
    snprintf(text, sizeof text, "%c", a);
    set_expression(p, text, p->value + times * (minus ? -n : n));
}

static void put_text(task_sequence *s, task_array_id array, const char *text)
{
    for (; *text; text++) task_put(s, array, (double)(strchr(task_characters, *text) - task_characters));
}

void task_program_evaluation(task_sequence *s)
{
    program p = {.chance = &s->chance, .digits = task_whole(s, TASK_PARAMETER_program_evaluation_length), .name = 'a'};
    char text[TEXT_ROOM];
    long long n = number(&p);
    snprintf(text, sizeof text, "%lld", n);
    set_expression(&p, text, n);
    for (size_t i = task_whole(s, TASK_PARAMETER_program_evaluation_nesting); i > 0; i--) {
        switch ((operation)chance_below(&s->chance, OPERATIONS)) {
        case SUM: make_sum(&p); break;
        case PRODUCT: make_product(&p); break;
        case CHOICE: make_choice(&p); break;
        case NAMES: make_names(&p); break;
        case LOOP: make_loop(&p); break;
        case OPERATIONS: break;
        }
    }
    put_text(s, TASK_ARRAY_program_evaluation_source, p.statements);
    put_text(s, TASK_ARRAY_program_evaluation_source, "print(");
    put_text(s, TASK_ARRAY_program_evaluation_source, p.expression);
    put_text(s, TASK_ARRAY_program_evaluation_source, ")");
    snprintf(text, sizeof text, ".%lld.", p.value); /* a mark on either side */
    put_text(s, TASK_ARRAY_program_evaluation_y, text + 1);
    text[strlen(text) - 1] = '\0';
    put_text(s, TASK_ARRAY_program_evaluation_before, text);
}
