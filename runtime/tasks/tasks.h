/* tasks.h: data that need no download: tasks of the literature on recurrent networks, made from a seed.
 *
 * tasks.def lists them. Sequence number n of a task depends on its parameters, the seed and n alone, not on how many
 * there are, and is the same on every machine: chance.h. */
#ifndef TASKS_TASKS_H
#define TASKS_TASKS_H

#include "tasks/chance.h"
#include "train/tensor.h"

typedef enum task_id {
#define TASK(name, ...) TASK_##name,
#include "tasks/tasks.def"
    TASK_COUNT
} task_id;

/* Of all tasks: TASK_PARAMETER_sine_T. */
typedef enum task_parameter_id {
#define PARAMETER(task, name, ...) TASK_PARAMETER_##task##_##name,
#include "tasks/tasks.def"
    TASK_PARAMETER_COUNT
} task_parameter_id;

/* Of all tasks: TASK_ARRAY_adding_x. */
typedef enum task_array_id {
#define TENSOR(task, name, ...) TASK_ARRAY_##task##_##name,
#include "tasks/tasks.def"
    TASK_ARRAY_COUNT
} task_array_id;

typedef struct task {
    const char *name, *summary, *source;
} task;
extern const task tasks[TASK_COUNT];

typedef enum task_number { TASK_WHOLE, TASK_REAL_NUMBER } task_number;
typedef struct task_parameter {
    task_id task;
    const char *name;
    task_number kind;
    double value, least, most;
    const char *meaning;
} task_parameter;
extern const task_parameter task_parameters[TASK_PARAMETER_COUNT];

typedef enum task_steps { TASK_ONE, TASK_STEPS, TASK_VARIED } task_steps;
typedef struct task_array {
    task_id task;
    const char *name;
    dtype dtype;
    size_t width; /* 1: no dimension of its own */
    task_steps steps;
    const char *meaning;
} task_array;
extern const task_array task_arrays[TASK_ARRAY_COUNT];

/* What the tokens of program_evaluation stand for, in their order; the first TASK_DIGITS are those of its output. */
enum { TASK_DIGITS = 12, TASK_MARK = 11 };
extern const char task_characters[], task_reber_symbols[];

/* Values of all parameters, when nothing is said. */
void task_values(double value[TASK_PARAMETER_COUNT]);

/* False: parameter *a is above *b, which it must not be. */
bool task_agrees(task_id which, const double value[TASK_PARAMETER_COUNT], task_parameter_id *a, task_parameter_id *b);

/* Sequences first ... first + count - 1 of a task, as arrays; parameters are in their ranges and agree. False: there is
 * no memory, and out->error says so. */
bool task_make(task_id which, const double value[TASK_PARAMETER_COUNT], uint64_t seed, size_t first, size_t count,
               tensors *out);

/* ---- for the tasks ----------------------------------------------------------------------------------------------- */

typedef struct task_rows {
    double *value;
    size_t len, cap;
} task_rows;

typedef struct task_sequence {
    chance chance; /* of this sequence */
    const double *parameter;
    task_rows *rows; /* of each array */
    bool failed;     /* no memory */
} task_sequence;

/* Appends one component to an array of the task; the next step begins when a row is full. */
void task_put(task_sequence *s, task_array_id array, double value);
size_t task_whole(const task_sequence *s, task_parameter_id parameter);

#define TASK(name, ...) void task_##name(task_sequence *s);
#include "tasks/tasks.def"

#endif
