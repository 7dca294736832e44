/* hello.h: made by rnnc 0.1.0 from the model `hello`; do not edit.
 * rnnc build hello.rnn --batch 16
 * This file is the output of a compiler and carries no licence of it: it is yours. */
#ifndef HELLO_H
#define HELLO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in numbers of `float`, for the arrays that the caller provides. */
#define HELLO_BATCH 16
#define HELLO_PARAMS 140
#define HELLO_PACKED 496
#define HELLO_STEP_WORK(T, batch) (16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    ((size_t)(batch) + 15) / 16 * 16 + \
    (size_t)(batch) * 16 + \
    ((size_t)(batch) * 4 + 15) / 16 * 16 + \
    16 + \
    ((size_t)(batch) * 4 + 15) / 16 * 16)
#define HELLO_FORWARD_ROWS(T, batch) ((size_t)(T) * (batch) > 160 ? 160 + (size_t)(batch) : (size_t)(T) * (batch)) /* in memory at once */
#define HELLO_FORWARD_WORK(T, batch) (16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    (HELLO_FORWARD_ROWS(T, batch) + 15) / 16 * 16 + \
    ((HELLO_FORWARD_ROWS(T, batch) + (size_t)(batch)) * 8 + 15) / 16 * 16 + \
    (HELLO_FORWARD_ROWS(T, batch) * 4 + 15) / 16 * 16 + \
    16)
#define HELLO_LOSS_ROWS(T, batch) ((size_t)(T) * (batch) > 160 ? 160 + (size_t)(batch) : (size_t)(T) * (batch)) /* in memory at once */
#define HELLO_LOSS_WORK(T, batch) (16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    (HELLO_LOSS_ROWS(T, batch) + 15) / 16 * 16 + \
    ((HELLO_LOSS_ROWS(T, batch) + (size_t)(batch)) * 8 + 15) / 16 * 16 + \
    (HELLO_LOSS_ROWS(T, batch) * 4 + 15) / 16 * 16 + \
    16 + \
    16 + \
    (HELLO_LOSS_ROWS(T, batch) + 15) / 16 * 16 + \
    16 + \
    16 + \
    16 + \
    16)
#define HELLO_GRAD_WORK(T, batch) (16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 8 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    16 + \
    16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    ((size_t)(T) * (size_t)(batch) * 8 + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 8 + 15) / 16 * 16 + \
    48)

/* What one call leaves for the next part of the same sequences. hello_reset starts new ones. */
typedef struct hello_state {
    uint64_t time[HELLO_BATCH]; /* steps seen */
    float h[1][HELLO_BATCH][8];
} hello_state;

/* Arguments of every function. Set what you do not use to 0: `hello_args a = {0};`. Every array is the caller's.
 * Arrays over time are laid out [step][sequence][component]; nothing is read or kept beyond a sequence's own length,
 * and outputs there are 0. */
typedef struct hello_args {
    size_t batch;                   /* sequences in this call, 1 to HELLO_BATCH */
    size_t T;                       /* steps of t, at least 1; step takes it for 1 */
    const int *lengths_t;           /* [batch]: own length of each sequence, 0 to T; NULL: all T */
    const float *params;            /* [HELLO_PARAMS], see hello_param_table */
    const float *packed;            /* [HELLO_PACKED]: what hello_pack made of params */
    const int *x;                   /* [T][batch]: 0 to 3 */
    const int *y;                   /* [T][batch]: 0 to 3; target */
    float *p;                       /* [T][batch][4]: written by step, forward and loss, unless NULL */
    float *hidden;                  /* [T][batch][8]: written by step, forward and loss, unless NULL */
    hello_state *state;             /* goes on from there, and is updated; NULL: a fresh start, nothing kept */
    float *work;                    /* memory of the call: HELLO_*_WORK */
    float *loss;                    /* written by loss and grad: one value */
    const float *norms;             /* [1]: what each loss is divided by; NULL: its own count */
    float *grads;                   /* [HELLO_PARAMS], laid out like params: grad ADDS to it */
    uint64_t seed;                  /* of random masks */
    uint64_t update;                /* number of the update, for new masks each time */
    uint64_t sequence;              /* number of the first sequence, where a batch is split */
} hello_args;

/* Every function is reentrant, allocates nothing and prints nothing. */
void hello_init(float *params, uint64_t seed); /* initial values */
void hello_pack(const float *params, float *packed); /* after every change of params */
void hello_reset(hello_state *state); /* new sequences */

/* These return 0, or one of the codes below 0 and write nothing. */
int hello_step(const hello_args *args); /* one step: what the state holds goes on */
int hello_forward(const hello_args *args); /* all steps */
int hello_loss(const hello_args *args); /* all steps and the loss */
int hello_grad(const hello_args *args); /* loss and its gradient by every parameter */
enum { HELLO_OK = 0, HELLO_BAD_ARGUMENT = -1, HELLO_BAD_LENGTH = -2, HELLO_BAD_TOKEN = -3 };

/* The parameters: name, rows and columns (row-major; a vector has one column), where it begins in params. */
typedef struct hello_param { const char *name; size_t rows, columns, offset; } hello_param;
enum { HELLO_PARAM_COUNT = 5 };
const hello_param *hello_param_table(void);

/* The sizes above as numbers, and the size of the state in bytes. `steps`, read for sizes of WORK, has one number
 * for each time axis. */
typedef enum hello_size {
    HELLO_SIZE_PARAMS,
    HELLO_SIZE_PACKED,
    HELLO_SIZE_STATE_BYTES,
    HELLO_SIZE_STEP,
    HELLO_SIZE_FORWARD,
    HELLO_SIZE_LOSS,
    HELLO_SIZE_GRAD
} hello_size;
size_t hello_sizes(hello_size what, size_t batch, const size_t *steps);

#ifdef __cplusplus
}
#endif
#endif
