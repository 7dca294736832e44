/* tiny_lstm.h: made by rnnc 0.1.0 from the model `tiny_lstm`; do not edit.
 * rnnc build tiny_lstm.rnn --batch 4
 * This file is the output of a compiler and carries no licence of it: it is yours. */
#ifndef TINY_LSTM_H
#define TINY_LSTM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes in numbers of `float`, for the arrays that the caller provides. */
#define TINY_LSTM_BATCH 4
#define TINY_LSTM_PARAMS 101
#define TINY_LSTM_PACKED 672
#define TINY_LSTM_STEP_WORK(T, batch) (16 + \
    (size_t)(batch) * 16 + \
    (size_t)(batch) * 16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    ((size_t)(batch) * 8 + 15) / 16 * 16 + \
    ((size_t)(batch) + 15) / 16 * 16 + \
    ((size_t)(batch) + 15) / 16 * 16)
#define TINY_LSTM_FORWARD_ROWS(T, batch) ((size_t)(T) * (batch) > 160 ? 160 + (size_t)(batch) : (size_t)(T) * (batch)) /* in memory at once */
#define TINY_LSTM_FORWARD_WORK(T, batch) (16 + \
    TINY_LSTM_FORWARD_ROWS(T, batch) * 16 + \
    (size_t)(batch) * 16 + \
    ((TINY_LSTM_FORWARD_ROWS(T, batch) + (size_t)(batch)) * 4 + 15) / 16 * 16 + \
    ((TINY_LSTM_FORWARD_ROWS(T, batch) + (size_t)(batch)) * 4 + 15) / 16 * 16 + \
    (TINY_LSTM_FORWARD_ROWS(T, batch) + 15) / 16 * 16)
#define TINY_LSTM_LOSS_ROWS(T, batch) ((size_t)(T) * (batch) > 160 ? 160 + (size_t)(batch) : (size_t)(T) * (batch)) /* in memory at once */
#define TINY_LSTM_LOSS_WORK(T, batch) (16 + \
    TINY_LSTM_LOSS_ROWS(T, batch) * 16 + \
    (size_t)(batch) * 16 + \
    ((TINY_LSTM_LOSS_ROWS(T, batch) + (size_t)(batch)) * 4 + 15) / 16 * 16 + \
    ((TINY_LSTM_LOSS_ROWS(T, batch) + (size_t)(batch)) * 4 + 15) / 16 * 16 + \
    (TINY_LSTM_LOSS_ROWS(T, batch) + 15) / 16 * 16 + \
    (TINY_LSTM_LOSS_ROWS(T, batch) + 15) / 16 * 16 + \
    (TINY_LSTM_LOSS_ROWS(T, batch) + 15) / 16 * 16 + \
    16 + \
    16 + \
    16)
#define TINY_LSTM_GRAD_WORK(T, batch) (16 + \
    (size_t)(T) * (size_t)(batch) * 16 + \
    (size_t)(batch) * 16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    16 + \
    ((size_t)(T) * (size_t)(batch) + 15) / 16 * 16 + \
    ((size_t)(T) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 4 + 15) / 16 * 16 + \
    (((size_t)(T) + 1) * (size_t)(batch) * 4 + 15) / 16 * 16)

/* What one call leaves for the next part of the same sequences. tiny_lstm_reset starts new ones. */
typedef struct tiny_lstm_state {
    uint64_t time[TINY_LSTM_BATCH]; /* steps seen */
    float h_c[1][TINY_LSTM_BATCH][4];
    float h[1][TINY_LSTM_BATCH][4];
} tiny_lstm_state;

/* Arguments of every function. Set what you do not use to 0: `tiny_lstm_args a = {0};`. Every array is the caller's.
 * Arrays over time are laid out [step][sequence][component]; nothing is read or kept beyond a sequence's own length,
 * and outputs there are 0. */
typedef struct tiny_lstm_args {
    size_t batch;                   /* sequences in this call, 1 to TINY_LSTM_BATCH */
    size_t T;                       /* steps of t, at least 1; step takes it for 1 */
    const int *lengths_t;           /* [batch]: own length of each sequence, 0 to T; NULL: all T */
    const float *params;            /* [TINY_LSTM_PARAMS], see tiny_lstm_param_table */
    const float *packed;            /* [TINY_LSTM_PACKED]: what tiny_lstm_pack made of params */
    const float *x;                 /* [T][batch][1] */
    const float *y;                 /* [T][batch][1]; target */
    float *out;                     /* [T][batch][1]: written by step, forward and loss, unless NULL */
    tiny_lstm_state *state;         /* goes on from there, and is updated; NULL: a fresh start, nothing kept */
    float *work;                    /* memory of the call: TINY_LSTM_*_WORK */
    float *loss;                    /* written by loss and grad: one value */
    const float *norms;             /* [1]: what each loss is divided by; NULL: its own count */
    float *grads;                   /* [TINY_LSTM_PARAMS], laid out like params: grad ADDS to it */
    float *d_x;                     /* [T][batch][1]: written by grad, unless NULL */
    uint64_t seed;                  /* of random masks */
    uint64_t update;                /* number of the update, for new masks each time */
    uint64_t sequence;              /* number of the first sequence, where a batch is split */
} tiny_lstm_args;

/* Every function is reentrant, allocates nothing and prints nothing. */
void tiny_lstm_init(float *params, uint64_t seed); /* initial values */
void tiny_lstm_pack(const float *params, float *packed); /* after every change of params */
void tiny_lstm_reset(tiny_lstm_state *state); /* new sequences */

/* These return 0, or one of the codes below 0 and write nothing. */
int tiny_lstm_step(const tiny_lstm_args *args); /* one step: what the state holds goes on */
int tiny_lstm_forward(const tiny_lstm_args *args); /* all steps */
int tiny_lstm_loss(const tiny_lstm_args *args); /* all steps and the loss */
int tiny_lstm_grad(const tiny_lstm_args *args); /* loss and its gradient by every parameter */
enum { TINY_LSTM_OK = 0, TINY_LSTM_BAD_ARGUMENT = -1, TINY_LSTM_BAD_LENGTH = -2 };

/* The parameters: name, rows and columns (row-major; a vector has one column), where it begins in params. */
typedef struct tiny_lstm_param { const char *name; size_t rows, columns, offset; } tiny_lstm_param;
enum { TINY_LSTM_PARAM_COUNT = 14 };
const tiny_lstm_param *tiny_lstm_param_table(void);

/* The sizes above as numbers, and the size of the state in bytes. `steps`, read for sizes of WORK, has one number
 * for each time axis. */
typedef enum tiny_lstm_size {
    TINY_LSTM_SIZE_PARAMS,
    TINY_LSTM_SIZE_PACKED,
    TINY_LSTM_SIZE_STATE_BYTES,
    TINY_LSTM_SIZE_STEP,
    TINY_LSTM_SIZE_FORWARD,
    TINY_LSTM_SIZE_LOSS,
    TINY_LSTM_SIZE_GRAD
} tiny_lstm_size;
size_t tiny_lstm_sizes(tiny_lstm_size what, size_t batch, const size_t *steps);

#ifdef __cplusplus
}
#endif
#endif
