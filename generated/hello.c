/* hello.c: made by rnnc 0.1.0 from the model `hello`; do not edit.
 * rnnc build hello.rnn --batch 16
 * This file is the output of a compiler and carries no licence of it: it is yours. */
#include "hello.h"

typedef float real;
#define REAL_IS_DOUBLE 0
#include "rnn.h"

/* What loss k is divided by: the caller's number, or its own count. */
#define NORM(k, own) (args->norms ? args->norms[k] : (own))

/* Own length of a sequence. */
RNN_SHARED size_t length_t(const hello_args *args, size_t seq)
{
    return args->lengths_t ? (size_t)args->lengths_t[seq] : args->T;
}

/* Has a sequence this step? 0 or 1. */
static size_t is_present(const hello_args *args, size_t seq)
{
    return args->lengths_t ? (size_t)args->lengths_t[seq] : 1;
}

/* Is any sequence shorter than the arrays? */
RNN_SHARED int is_ragged(const hello_args *args)
{
    for (size_t seq = 0; seq < args->batch; seq++) {
        if (args->lengths_t && (size_t)args->lengths_t[seq] != args->T) return 1;
    }
    return 0;
}

/* Steps of a sequence before this call. */
static uint64_t time_of(const hello_args *args, size_t seq)
{
    return args->state ? args->state->time[seq] : 0;
}

/* Where each matrix lies in packed. */
enum {
    AT_table_U = 0, /* U, a row for each token */
    AT_packed_W = 48, /* W, packed for products */
    AT_packed_V = 176, /* V, packed for products */
    AT_packed_V_transposed = 304, /* V', packed for products */
    AT_packed_W_transposed = 368 /* W', packed for products */
};

/* Where each parameter lies in params and grads. */
enum {
    AT_W = 0, /* W (8, 8) */
    AT_U = 64, /* U (8, 4) */
    AT_b = 96, /* b (8) */
    AT_V = 104, /* V (4, 8) */
    AT_c = 136 /* c (4) */
};

/* ==== what the functions share ==== */

/* Is each sequence as long as the arrays, or shorter? */
RNN_SHARED int lengths_fit(const int *lengths, size_t batch, size_t steps)
{
    for (size_t seq = 0; lengths && seq < batch; seq++) {
        if (lengths[seq] < 0 || (size_t)lengths[seq] > steps) return 0;
    }
    return 1;
}

/* Are the tokens of an input below its number of classes? Beyond the end of a sequence they may be anything. */
RNN_SHARED int tokens_fit_t(const hello_args *args, const int *tokens, int classes)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (args->lengths_t && t >= length_t(args, seq)) continue;
            const int token = tokens[t * batch + seq];
            if (token < 0 || token >= classes) return 0;
        }
    }
    return 1;
}

/* The input x as the loops read it; nothing beyond the end of a sequence. */
RNN_SHARED void read_x(const hello_args *args, int ragged, real *x_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || t < length_t(args, seq);
            x_all[t * batch + seq] = valid ? (real)args->x[t * batch + seq] : -1;
        }
    }
}

/* h before the first step: from the call before, or the boundary values. */
RNN_SHARED void load_h(const hello_args *args, real *h_all)
{
    const size_t batch = args->batch;
    for (size_t seq = 0; seq < batch; seq++) {
        real *to = h_all + seq * 8;
        const uint64_t seen = time_of(args, seq);
        for (size_t unit = 0; unit < 8; unit++) {
            to[unit] = seen > 0 ? args->state->h[0][seq][unit] : 0;
        }
    }
}

/* `contract` for a matrix of 8 x 8. */
RNN_SHARED void contract_8x8(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 8, 8, A, am, ak, B, C, cm, accumulate);
}

/* `contract` for a matrix of 8 x 4. */
RNN_SHARED void contract_8x4(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 4, 8, A, am, ak, B, C, cm, accumulate);
}

/* p for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_p(const hello_args *args, int ragged, const real *p_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    if (args->p) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const int valid = !ragged || t < length_t(args, seq);
                real *to = args->p + (t * batch + seq) * 4;
                if (valid) memcpy(to, p_all + (t * batch + seq) * 4, 4 * sizeof(real));
                else memset(to, 0, 4 * sizeof(real));
            }
        }
    }
}

/* hidden for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_hidden(const hello_args *args, int ragged, const real *h_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    if (args->hidden) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const int valid = !ragged || t < length_t(args, seq);
                real *to = args->hidden + (t * batch + seq) * 8;
                if (valid) memcpy(to, h_all + ((t + 1) * batch + seq) * 8, 8 * sizeof(real));
                else memset(to, 0, 8 * sizeof(real));
            }
        }
    }
}

/* h for the next call. */
RNN_SHARED void save_h(const hello_args *args, const real *h_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (length_t(args, seq) == 0) continue;
            const size_t t = length_t(args, seq);
            memcpy(args->state->h[0][seq], h_all + (t * batch + seq) * 8, 8 * sizeof(real));
        }
    }
}

/* The arguments for some steps of all. The caller's arrays are of `batch` sequences. */
RNN_SHARED hello_args segment_of(const hello_args *args, size_t first, size_t steps, size_t batch, int *lengths)
{
    hello_args part = *args;
    part.T = args->T - first < steps ? args->T - first : steps;
    if (part.x) part.x += first * batch;
    if (part.y) part.y += first * batch;
    if (part.p) part.p += first * batch * 4;
    if (part.hidden) part.hidden += first * batch * 8;
    for (size_t seq = 0; args->lengths_t && seq < args->batch; seq++) {
        const size_t own = (size_t)args->lengths_t[seq];
        lengths[seq] = (int)(own <= first ? 0 : own - first < part.T ? own - first : part.T);
    }
    if (args->lengths_t) part.lengths_t = lengths;
    return part;
}

/* The steps of this call, for the next. */
RNN_SHARED void save_time(const hello_args *args)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) args->state->time[seq] += length_t(args, seq);
    }
}

/* The input y as the loops read it; nothing beyond the end of a sequence. */
RNN_SHARED void read_y(const hello_args *args, int ragged, real *y_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || t < length_t(args, seq);
            y_all[t * batch + seq] = valid ? (real)args->y[t * batch + seq] : -1;
        }
    }
}

/* `contract` for a matrix of 4 x 8. */
RNN_SHARED void contract_4x8(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 8, 4, A, am, ak, B, C, cm, accumulate);
}

/* `outer` for a matrix of 4 x 8. */
RNN_SHARED void outer_4x8(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)
{
    outer_small(4, 8, rows, A, ar, am, B, br, C, cm);
}

/* `outer` for a matrix of 8 x 8. */
RNN_SHARED void outer_8x8(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)
{
    outer_small(8, 8, rows, A, ar, am, B, br, C, cm);
}

/* Are the tokens of an input below its number of classes? Beyond the end of a sequence they may be anything. */
RNN_SHARED int tokens_fit_t_step(const hello_args *args, const int *tokens, int classes)
{
    const size_t batch = args->batch;
    for (size_t seq = 0; seq < batch; seq++) {
        if (!is_present(args, seq)) continue;
        const int token = tokens[seq];
        if (token < 0 || token >= classes) return 0;
    }
    return 1;
}

/* The input x as the loops read it; nothing beyond the end of a sequence. */
RNN_SHARED void read_x_step(const hello_args *args, int ragged, real *x_all)
{
    const size_t batch = args->batch;
    for (size_t seq = 0; seq < batch; seq++) {
        const int valid = !ragged || is_present(args, seq);
        x_all[seq] = valid ? (real)args->x[seq] : -1;
    }
}

/* p for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_p_step(const hello_args *args, int ragged, const real *p_all)
{
    const size_t batch = args->batch;
    if (args->p) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || is_present(args, seq);
            real *to = args->p + seq * 4;
            if (valid) memcpy(to, p_all + seq * 4, 4 * sizeof(real));
            else memset(to, 0, 4 * sizeof(real));
        }
    }
}

/* hidden for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_hidden_step(const hello_args *args, int ragged, const real *h_all)
{
    const size_t batch = args->batch;
    if (args->hidden) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || is_present(args, seq);
            real *to = args->hidden + seq * 8;
            if (valid) memcpy(to, h_all + (batch + seq) * 8, 8 * sizeof(real));
            else memset(to, 0, 8 * sizeof(real));
        }
    }
}

/* h for the next call. */
RNN_SHARED void save_h_step(const hello_args *args, const real *h_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (!is_present(args, seq)) continue;
            memcpy(args->state->h[0][seq], h_all + (batch + seq) * 8, 8 * sizeof(real));
        }
    }
}

/* The steps of this call, for the next. */
RNN_SHARED void save_time_step(const hello_args *args)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) args->state->time[seq] += is_present(args, seq);
    }
}

/* Do the arguments have what step needs? */
static int check_step(const hello_args *args)
{
    if (!args || args->batch < 1 || args->batch > HELLO_BATCH || !args->params || !args->packed || !args->work)
        return HELLO_BAD_ARGUMENT;
    if (!args->x) return HELLO_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, 1)) return HELLO_BAD_LENGTH;
    if (!tokens_fit_t_step(args, args->x, 4)) return HELLO_BAD_TOKEN;
    return HELLO_OK;
}

/* ---- step: 192 batch flops in matrix products; memory: see the macro HELLO_STEP_WORK ---- */
int hello_step(const hello_args *args)
{
    const int status = check_step(args);
    if (status) return status;
    const size_t batch = args->batch;
    const int ragged = args->lengths_t != NULL;
    const real *params = args->params;
    real *work = args->work;
    real *const a_W_h_all = work; /* [batch][8]: a.W_h (8) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const x_all = work; /* [1][batch][1]: x scalar */
    work += (batch + 15) / 16 * 16;
    real *const h_all = work; /* [2][batch][8]: h (8) */
    work += batch * 16;
    real *const o_V_h_all = work; /* [1][batch][4]: o.V_h (4) */
    work += (batch * 4 + 15) / 16 * 16;
    real *const o_all = work; /* [4]: o (4) */
    work += 16;
    real *const p_all = work; /* [1][batch][4]: p (4) */
    work += (batch * 4 + 15) / 16 * 16;

    read_x_step(args, ragged, x_all);
    load_h(args, h_all);

    /* one step of t */
    /* W @ h[t-1] */
    contract_8x8((int)batch, h_all, 8, 1, args->packed + AT_packed_W, a_W_h_all, 8, 0);
    for (size_t row = 0; row < batch; row++) {
        const real *a_W_h_row = a_W_h_all + row * 8;
        const real *a_lookup_row = args->packed + AT_table_U + token_row(x_all[row], 4) * 8;
        const real *b_row = params + AT_b;
        real *to_h = h_all + (batch + row) * 8;
        RNN_INDEPENDENT
        for (size_t unit = 0; unit < 8; unit++) {
            /* hello.rnn:8  a = W @ h[t-1] + U @ onehot(x) + b */
            const real a = a_W_h_row[unit] + a_lookup_row[unit] + b_row[unit];
            /* hello.rnn:9  h = tanh(a) */
            const real h = real_tanh(a);
            to_h[unit] = h;
        }
    }

    /* V @ h[t] */
    contract_8x4((int)batch, h_all + batch * 8, 8, 1, args->packed + AT_packed_V, o_V_h_all, 4, 0);
    for (size_t seq = 0; seq < batch; seq++) {
        {
            const real *o_V_h_row = o_V_h_all + seq * 4;
            const real *c_row = params + AT_c;
            real *to_o = o_all;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 4; unit++) {
                /* hello.rnn:10  o = V @ h + c */
                const real o = o_V_h_row[unit] + c_row[unit];
                to_o[unit] = o;
            }
        }
        /* hello.rnn:11  p = softmax(o) */
        {
            const real *from = o_all;
            real *to = p_all + seq * 4;
            row_softmax(4, from, to);
        }
    }
    write_p_step(args, ragged, p_all);
    write_hidden_step(args, ragged, h_all);
    save_h_step(args, h_all);
    save_time_step(args);
    return 0;
}

/* Do the arguments have what forward needs? */
static int check_forward(const hello_args *args)
{
    if (!args || args->batch < 1 || args->batch > HELLO_BATCH || !args->params || !args->packed || !args->work)
        return HELLO_BAD_ARGUMENT;
    if (args->T < 1 || !args->x) return HELLO_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return HELLO_BAD_LENGTH;
    if (!tokens_fit_t(args, args->x, 4)) return HELLO_BAD_TOKEN;
    return HELLO_OK;
}

/* Some steps of forward. What they read of the steps before stands in front of theirs. */
static void segment_forward(const hello_args *args, const hello_args *all_args, size_t segment_index)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *work = args->work;
    const size_t segment_steps = all_args->T < 160 / all_args->batch + 1 ? all_args->T : 160 / all_args->batch + 1;
    const size_t segment_first = segment_index * segment_steps;
    real *const a_W_h_all = work; /* [batch][8]: a.W_h (8) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const x_all = work; /* [segment_steps][batch][1]: x scalar */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const h_all = work; /* [segment_steps + 1][batch][8]: h (8) */
    work += ((segment_steps + 1) * batch * 8 + 15) / 16 * 16;
    real *const o_V_h_all = work; /* [segment_steps][batch][4]: o.V_h (4) */
    work += (segment_steps * batch * 4 + 15) / 16 * 16;
    real *const o_all = work; /* [4]: o (4) */
    work += 16;
    real *const p_all = o_V_h_all; /* p (4): in the place of what nothing reads any more */

    read_x(args, ragged, x_all);
    if (segment_first == 0) {
        load_h(args, h_all);
    }

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* W @ h[t-1] */
        contract_8x8((int)batch, h_all + t * batch * 8, 8, 1, args->packed + AT_packed_W, a_W_h_all, 8, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *a_W_h_row = a_W_h_all + row * 8;
            const real *a_lookup_row = args->packed + AT_table_U + token_row(x_all[t * batch + row], 4) * 8;
            const real *b_row = params + AT_b;
            real *to_h = h_all + ((t + 1) * batch + row) * 8;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 8; unit++) {
                /* hello.rnn:8  a = W @ h[t-1] + U @ onehot(x) + b */
                const real a = a_W_h_row[unit] + a_lookup_row[unit] + b_row[unit];
                /* hello.rnn:9  h = tanh(a) */
                const real h = real_tanh(a);
                to_h[unit] = h;
            }
        }
    }

    /* V @ h[t] */
    contract_8x4((int)(T * batch), h_all + batch * 8, 8, 1, args->packed + AT_packed_V, o_V_h_all, 4, 0);
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            {
                const real *o_V_h_row = o_V_h_all + (t * batch + seq) * 4;
                const real *c_row = params + AT_c;
                real *to_o = o_all;
                RNN_INDEPENDENT
                for (size_t unit = 0; unit < 4; unit++) {
                    /* hello.rnn:10  o = V @ h + c */
                    const real o = o_V_h_row[unit] + c_row[unit];
                    to_o[unit] = o;
                }
            }
            /* hello.rnn:11  p = softmax(o) */
            {
                const real *from = o_all;
                real *to = p_all + (t * batch + seq) * 4;
                row_softmax(4, from, to);
            }
        }
    }
    write_p(args, ragged, p_all);
    write_hidden(args, ragged, h_all);
    save_h(args, h_all);
    /* h for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_all + seq * 8;
            real *from = to + T * batch * 8;
            for (size_t unit = 0; unit < 8; unit++) {
                to[unit] = from[unit];
            }
        }
    }
}

/* ---- forward: 192 T batch flops in matrix products; memory: see the macro HELLO_FORWARD_WORK ---- */
int hello_forward(const hello_args *args)
{
    const int status = check_forward(args);
    if (status) return status;
    const size_t batch = args->batch;
    const size_t segment_steps = args->T < 160 / args->batch + 1 ? args->T : 160 / args->batch + 1;
    const size_t segment_count = (args->T + segment_steps - 1) / segment_steps;
    for (size_t segment_index = 0; segment_index < segment_count; segment_index++) {
        int segment_lengths[HELLO_BATCH];
        const hello_args segment_args = segment_of(args, segment_index * segment_steps, segment_steps, batch, segment_lengths);
        segment_forward(&segment_args, args, segment_index);
    }

    save_time(args);
    return 0;
}

/* Do the arguments have what loss needs? */
static int check_loss(const hello_args *args)
{
    if (!args || args->batch < 1 || args->batch > HELLO_BATCH || !args->params || !args->packed || !args->work)
        return HELLO_BAD_ARGUMENT;
    if (args->T < 1 || !args->x || !args->y || !args->loss) return HELLO_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return HELLO_BAD_LENGTH;
    if (!tokens_fit_t(args, args->x, 4)) return HELLO_BAD_TOKEN;
    if (!tokens_fit_t(args, args->y, 4)) return HELLO_BAD_TOKEN;
    return HELLO_OK;
}

/* Some steps of loss. What they read of the steps before stands in front of theirs. */
static void segment_loss(const hello_args *args, const hello_args *all_args, size_t segment_index)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *work = args->work;
    const size_t segment_steps = all_args->T < 160 / all_args->batch + 1 ? all_args->T : 160 / all_args->batch + 1;
    const size_t segment_first = segment_index * segment_steps;
    real *const a_W_h_all = work; /* [batch][8]: a.W_h (8) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const x_all = work; /* [segment_steps][batch][1]: x scalar */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const h_all = work; /* [segment_steps + 1][batch][8]: h (8) */
    work += ((segment_steps + 1) * batch * 8 + 15) / 16 * 16;
    real *const o_V_h_all = work; /* [segment_steps][batch][4]: o.V_h (4) */
    work += (segment_steps * batch * 4 + 15) / 16 * 16;
    real *const o_all = work; /* [4]: o (4) */
    work += 16;
    real *const loss_logsumexp_all = work; /* [1]: loss.logsumexp scalar */
    work += 16;
    real *const y_all = work; /* [segment_steps][batch][1]: y scalar */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const loss_pick_all = work; /* [1]: loss.pick scalar */
    work += 16;
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const p_all = o_V_h_all; /* p (4): in the place of what nothing reads any more */

    read_x(args, ragged, x_all);
    read_y(args, ragged, y_all);
    if (segment_first == 0) {
        load_h(args, h_all);
    }

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* W @ h[t-1] */
        contract_8x8((int)batch, h_all + t * batch * 8, 8, 1, args->packed + AT_packed_W, a_W_h_all, 8, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *a_W_h_row = a_W_h_all + row * 8;
            const real *a_lookup_row = args->packed + AT_table_U + token_row(x_all[t * batch + row], 4) * 8;
            const real *b_row = params + AT_b;
            real *to_h = h_all + ((t + 1) * batch + row) * 8;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 8; unit++) {
                /* hello.rnn:8  a = W @ h[t-1] + U @ onehot(x) + b */
                const real a = a_W_h_row[unit] + a_lookup_row[unit] + b_row[unit];
                /* hello.rnn:9  h = tanh(a) */
                const real h = real_tanh(a);
                to_h[unit] = h;
            }
        }
    }

    /* V @ h[t] */
    contract_8x4((int)(T * batch), h_all + batch * 8, 8, 1, args->packed + AT_packed_V, o_V_h_all, 4, 0);
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            {
                const real *o_V_h_row = o_V_h_all + (t * batch + seq) * 4;
                const real *c_row = params + AT_c;
                real *to_o = o_all;
                RNN_INDEPENDENT
                for (size_t unit = 0; unit < 4; unit++) {
                    /* hello.rnn:10  o = V @ h + c */
                    const real o = o_V_h_row[unit] + c_row[unit];
                    to_o[unit] = o;
                }
            }
            /* hello.rnn:11  p = softmax(o) */
            /* logsumexp(o[t]) */
            {
                const real *from = o_all;
                real *to = p_all + (t * batch + seq) * 4;
                loss_logsumexp_all[0] = row_softmax_logsumexp(4, from, to);
            }
            /* pick(o[t], y[t]) */
            {
                const real *from = o_all;
                real *to = loss_pick_all;
                const real token = y_all[t * batch + seq];
                to[0] = token >= 0 && token < 4 ? from[(size_t)token] : 0;
            }
            /* sum over t of loss[t] */
            {
                const real *loss_logsumexp_row = loss_logsumexp_all;
                const real *loss_pick_row = loss_pick_all;
                real *to_loss_sum_over = loss_sum_over_all;
                /* hello.rnn:14  loss cross_entropy(p, y) */
                const real loss_ = loss_logsumexp_row[0] - loss_pick_row[0];
                to_loss_sum_over[0] += loss_;
            }
        }
    }
    write_p(args, ragged, p_all);
    write_hidden(args, ragged, h_all);
    save_h(args, h_all);
    /* h for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_all + seq * 8;
            real *from = to + T * batch * 8;
            for (size_t unit = 0; unit < 8; unit++) {
                to[unit] = from[unit];
            }
        }
    }
}

/* ---- loss: 192 T batch flops in matrix products; memory: see the macro HELLO_LOSS_WORK ---- */
int hello_loss(const hello_args *args)
{
    const int status = check_loss(args);
    if (status) return status;
    const size_t batch = args->batch;
    real *work = args->work;
    const size_t segment_steps = args->T < 160 / args->batch + 1 ? args->T : 160 / args->batch + 1;
    const size_t segment_count = (args->T + segment_steps - 1) / segment_steps;
    work += (batch * 8 + 15) / 16 * 16; /* a_W_h is not used here */
    work += (segment_steps * batch + 15) / 16 * 16; /* x is not used here */
    work += ((segment_steps + 1) * batch * 8 + 15) / 16 * 16; /* h is not used here */
    work += (segment_steps * batch * 4 + 15) / 16 * 16; /* o_V_h is not used here */
    work += 16; /* o is not used here */
    work += 16; /* loss_logsumexp is not used here */
    work += (segment_steps * batch + 15) / 16 * 16; /* y is not used here */
    work += 16; /* loss_pick is not used here */
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const loss_count_all = work; /* [1]: loss.count scalar */
    work += 16;
    real *const loss_all = work; /* [1]: loss scalar */
    work += 16;

    {
        size_t valid = 0;
        for (size_t seq = 0; seq < batch; seq++) {
            valid += length_t(args, seq);
        }
        loss_count_all[0] = (real)valid;
    }
    loss_sum_over_all[0] = 0;

    for (size_t segment_index = 0; segment_index < segment_count; segment_index++) {
        int segment_lengths[HELLO_BATCH];
        const hello_args segment_args = segment_of(args, segment_index * segment_steps, segment_steps, batch, segment_lengths);
        segment_loss(&segment_args, args, segment_index);
    }

    {
        const real *loss_count_row = loss_count_all;
        const real *loss_sum_over_row = loss_sum_over_all;
        real *to_loss_ = loss_all;
        /* loss = (sum over t of loss[t]) / max(count(t), 1) */
        const real loss_ = loss_sum_over_row[0] / NORM(0, real_max(loss_count_row[0], 1.0f));
        to_loss_[0] = loss_;
    }

    *args->loss = loss_all[0];
    save_time(args);
    return 0;
}

/* Do the arguments have what grad needs? */
static int check_grad(const hello_args *args)
{
    if (!args || args->batch < 1 || args->batch > HELLO_BATCH || !args->params || !args->packed || !args->work)
        return HELLO_BAD_ARGUMENT;
    if (args->T < 1 || !args->x || !args->y || !args->loss || !args->grads) return HELLO_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return HELLO_BAD_LENGTH;
    if (!tokens_fit_t(args, args->x, 4)) return HELLO_BAD_TOKEN;
    if (!tokens_fit_t(args, args->y, 4)) return HELLO_BAD_TOKEN;
    return HELLO_OK;
}

/* ---- grad: 576 T batch flops in matrix products; memory: see the macro HELLO_GRAD_WORK ---- */
int hello_grad(const hello_args *args)
{
    const int status = check_grad(args);
    if (status) return status;
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *grads = args->grads;
    real *work = args->work;
    real *const a_W_h_all = work; /* [batch][8]: a.W_h (8) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const x_all = work; /* [T][batch][1]: x scalar */
    work += (T * batch + 15) / 16 * 16;
    real *const h_all = work; /* [T + 1][batch][8]: h (8) */
    work += ((T + 1) * batch * 8 + 15) / 16 * 16;
    real *const o_V_h_all = work; /* [T][batch][4]: o.V_h (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const o_all = work; /* [4]: o (4) */
    work += 16;
    real *const loss_logsumexp_all = work; /* [1]: loss.logsumexp scalar */
    work += 16;
    real *const y_all = work; /* [T][batch][1]: y scalar */
    work += (T * batch + 15) / 16 * 16;
    real *const loss_pick_all = work; /* [1]: loss.pick scalar */
    work += 16;
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const loss_count_all = work; /* [1]: loss.count scalar */
    work += 16;
    real *const loss_1_all = work; /* [1]: loss.1 scalar */
    work += 16;
    real *const loss_all = work; /* [1]: loss scalar */
    work += 16;
    real *const d_loss_2_all = work; /* [1]: d_loss.2 scalar */
    work += 16;
    real *const d_loss_neg_all = work; /* [1]: d_loss.neg scalar */
    work += 16;
    real *const d_loss_softmax_all = work; /* [4]: d_loss.softmax (4) */
    work += 16;
    real *const d_o_matmul_all = work; /* [T][batch][8]: d_o.matmul (8) */
    work += (T * batch * 8 + 15) / 16 * 16;
    real *const d_h_carry_all = work; /* [T + 1][batch][8]: d_h.carry (8) */
    work += ((T + 1) * batch * 8 + 15) / 16 * 16;
    real *const d_a_1_all = work; /* [40]: d_a.1 (4, 8) */
    work += 48;
    real *const d_o_all = o_V_h_all; /* d_o (4): in the place of what nothing reads any more */
    real *const d_a_all = d_o_matmul_all; /* d_a (8): in the place of what nothing reads any more */

    read_x(args, ragged, x_all);
    read_y(args, ragged, y_all);
    {
        size_t valid = 0;
        for (size_t seq = 0; seq < batch; seq++) {
            valid += length_t(args, seq);
        }
        loss_count_all[0] = (real)valid;
    }
    load_h(args, h_all);

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* W @ h[t-1] */
        contract_8x8((int)batch, h_all + t * batch * 8, 8, 1, args->packed + AT_packed_W, a_W_h_all, 8, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *a_W_h_row = a_W_h_all + row * 8;
            const real *a_lookup_row = args->packed + AT_table_U + token_row(x_all[t * batch + row], 4) * 8;
            const real *b_row = params + AT_b;
            real *to_h = h_all + ((t + 1) * batch + row) * 8;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 8; unit++) {
                /* hello.rnn:8  a = W @ h[t-1] + U @ onehot(x) + b */
                const real a = a_W_h_row[unit] + a_lookup_row[unit] + b_row[unit];
                /* hello.rnn:9  h = tanh(a) */
                const real h = real_tanh(a);
                to_h[unit] = h;
            }
        }
        /* h beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(h_all + ((t + 1) * batch + seq) * 8, 0, 8 * sizeof(real));
            }
        }
    }

    /* V @ h[t] */
    contract_8x4((int)(T * batch), h_all + batch * 8, 8, 1, args->packed + AT_packed_V, o_V_h_all, 4, 0);
    {
        const real *loss_count_row = loss_count_all;
        real *to_loss_1 = loss_1_all;
        real *to_d_loss_2 = d_loss_2_all;
        /* loss.1 = max(count(t), 1) */
        const real loss_1 = NORM(0, real_max(loss_count_row[0], 1.0f));
        /* d_loss.2 = 1 / loss.1 */
        const real d_loss_2 = 1.0f / loss_1;
        to_loss_1[0] = loss_1;
        to_d_loss_2[0] = d_loss_2;
    }
    loss_sum_over_all[0] = 0;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            {
                const real *o_V_h_row = o_V_h_all + (t * batch + seq) * 4;
                const real *c_row = params + AT_c;
                real *to_o = o_all;
                RNN_INDEPENDENT
                for (size_t unit = 0; unit < 4; unit++) {
                    /* hello.rnn:10  o = V @ h + c */
                    const real o = o_V_h_row[unit] + c_row[unit];
                    to_o[unit] = o;
                }
            }
            /* softmax(o[t]) */
            /* logsumexp(o[t]) */
            {
                const real *from = o_all;
                real *to = d_loss_softmax_all;
                loss_logsumexp_all[0] = row_softmax_logsumexp(4, from, to);
            }
            /* pick(o[t], y[t]) */
            {
                const real *from = o_all;
                real *to = loss_pick_all;
                const real token = y_all[t * batch + seq];
                to[0] = token >= 0 && token < 4 ? from[(size_t)token] : 0;
            }
            /* sum over t of loss[t] */
            {
                const real *loss_logsumexp_row = loss_logsumexp_all;
                const real *loss_pick_row = loss_pick_all;
                const real *d_loss_2_row = d_loss_2_all;
                real *to_loss_sum_over = loss_sum_over_all;
                real *to_d_loss_neg = d_loss_neg_all;
                /* hello.rnn:14  loss cross_entropy(p, y) */
                const real loss_ = loss_logsumexp_row[0] - loss_pick_row[0];
                /* d_loss[t] = d_loss.2 */
                const real d_loss = d_loss_2_row[0];
                const real d_loss_neg = -d_loss;
                to_loss_sum_over[0] += loss_;
                to_d_loss_neg[0] = d_loss_neg;
            }
            /* d_c = sum over t of d_o[t] */
            {
                const real *y_row = y_all + t * batch + seq;
                const real *d_loss_neg_row = d_loss_neg_all;
                const real *d_loss_softmax_row = d_loss_softmax_all;
                const real *d_loss_2_row = d_loss_2_all;
                real *to_d_o = d_o_all + (t * batch + seq) * 4;
                real *to_d_c = grads + AT_c;
                const real y_row_at = y_row[0];
                const real d_loss_neg_row_at = d_loss_neg_row[0];
                const real d_loss_2_row_at = d_loss_2_row[0];
                RNN_INDEPENDENT
                for (size_t unit = 0; unit < 4; unit++) {
                    /* d_o[t] = -d_loss[t] * (y[t] == iota(4)) + softmax(o[t]) * d_loss.2 */
                    const real d_o = d_loss_neg_row_at * real_truth(y_row_at == (real)(int)unit) + d_loss_softmax_row[unit] * d_loss_2_row_at;
                    to_d_o[unit] = d_o;
                    to_d_c[unit] += d_o;
                }
            }
        }
    }
    {
        const real *loss_sum_over_row = loss_sum_over_all;
        const real *loss_1_row = loss_1_all;
        real *to_loss_ = loss_all;
        /* loss = (sum over t of loss[t]) / loss.1 */
        const real loss_ = loss_sum_over_row[0] / loss_1_row[0];
        to_loss_[0] = loss_;
    }
    /* d_o beyond the end */
    if (ragged) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(d_o_all + (t * batch + seq) * 4, 0, 4 * sizeof(real));
            }
        }
    }
    /* V' @ d_o[t] */
    contract_4x8((int)(T * batch), d_o_all, 4, 1, args->packed + AT_packed_V_transposed, d_o_matmul_all, 8, 0);
    /* d_V = sum over t of d_o[t] @ h[t]' */
    outer_4x8((int)(T * batch), d_o_all, 4, 1, h_all + batch * 8, 8, grads + AT_V, 8);
    memset(d_a_1_all, 0, 40 * sizeof(real));
    /* d_h.carry beyond the end */
    for (size_t t = ragged ? 0 : T; t < T + 1; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const size_t own = length_t(args, seq);
            if (t < own) continue;
            memset(d_h_carry_all + (t * batch + seq) * 8, 0, 8 * sizeof(real));
        }
    }

    /* scan over t, backward */
    for (size_t t = T; t-- > 0;) {
        /* d_a.1 = sum over t of scatter(x[t], d_a[t]) */
        /* d_b = sum over t of d_a[t] */
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            const real *d_h_carry_next = d_h_carry_all + ((t + 1) * batch + seq) * 8;
            const real *d_o_matmul_row = d_o_matmul_all + (t * batch + seq) * 8;
            const real *h_row = h_all + ((t + 1) * batch + seq) * 8;
            real *to_d_a = d_a_all + (t * batch + seq) * 8;
            real *to_d_a_1 = d_a_1_all + token_row(x_all[t * batch + seq], 4) * 8;
            real *to_d_b = grads + AT_b;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 8; unit++) {
                /* d_h[t] = d_h.carry[t+1] + V' @ d_o[t] */
                const real d_h = d_h_carry_next[unit] + d_o_matmul_row[unit];
                /* d_a[t] = d_h[t] * (1 - h[t]^2) */
                const real d_a = d_h * (1.0f - real_square(h_row[unit]));
                to_d_a[unit] = d_a;
                to_d_a_1[unit] += d_a;
                to_d_b[unit] += d_a;
            }
        }
        /* d_a beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(d_a_all + (t * batch + seq) * 8, 0, 8 * sizeof(real));
            }
        }
        /* d_h.carry[t] = W' @ d_a[t] */
        contract_8x8((int)batch, d_a_all + t * batch * 8, 8, 1, args->packed + AT_packed_W_transposed, d_h_carry_all + t * batch * 8, 8, 0);
        /* d_h.carry beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(d_h_carry_all + (t * batch + seq) * 8, 0, 8 * sizeof(real));
            }
        }
    }

    /* d_W = sum over t of d_a[t] @ h[t-1]' */
    outer_8x8((int)(T * batch), d_a_all, 8, 1, h_all, 8, grads + AT_W, 8);
    {
        const real *d_U_row = d_a_1_all;
        real *to_d_U = grads + AT_U;
        RNN_INDEPENDENT
        for (size_t unit = 0; unit < 8; unit++) {
            for (size_t col = 0; col < 4; col++) {
                to_d_U[unit * 4 + col] += d_U_row[unit + col * 8];
            }
        }
    }
    save_h(args, h_all);

    *args->loss = loss_all[0];
    save_time(args);
    return 0;
}

void hello_init(float *params, uint64_t seed)
{
    init_uniform(params + AT_W, 64, 0.353553391f, random_key(UINT64_C(12638237778090539702), seed, 0));
    init_uniform(params + AT_U, 32, 0.5f, random_key(UINT64_C(12638235579067283280), seed, 0));
    init_constant(params + AT_b, 8, 0.0f);
    init_uniform(params + AT_V, 32, 0.353553391f, random_key(UINT64_C(12638238877602167913), seed, 0));
    init_constant(params + AT_c, 4, 0.0f);
}

void hello_pack(const float *params, float *packed)
{
    row_clear(8, packed + AT_table_U + 32); /* the row of no token */
    pack_table(4, 8, params + AT_U, 1, 4, packed + AT_table_U, 8);
    memset(packed + AT_packed_W, 0, 128 * sizeof(real)); /* the padding */
    pack_matrix(8, 8, params + AT_W, 1, 8, packed + AT_packed_W, 0, 0, 8);
    memset(packed + AT_packed_V, 0, 128 * sizeof(real)); /* the padding */
    pack_matrix(8, 4, params + AT_V, 1, 8, packed + AT_packed_V, 0, 0, 8);
    memset(packed + AT_packed_V_transposed, 0, 64 * sizeof(real)); /* the padding */
    pack_matrix(4, 8, params + AT_V, 8, 1, packed + AT_packed_V_transposed, 0, 0, 4);
    memset(packed + AT_packed_W_transposed, 0, 128 * sizeof(real)); /* the padding */
    pack_matrix(8, 8, params + AT_W, 8, 1, packed + AT_packed_W_transposed, 0, 0, 8);
}

void hello_reset(hello_state *state)
{
    memset(state, 0, sizeof *state);
}

const hello_param *hello_param_table(void)
{
    static const hello_param table[] = {
        {"W", 8, 8, AT_W},
        {"U", 8, 4, AT_U},
        {"b", 8, 1, AT_b},
        {"V", 4, 8, AT_V},
        {"c", 4, 1, AT_c},
        {NULL, 0, 0, 0}
    };
    return table;
}

size_t hello_sizes(hello_size what, size_t batch, const size_t *steps)
{
    (void)batch;
    (void)steps;
    if (what == HELLO_SIZE_PARAMS) return HELLO_PARAMS;
    if (what == HELLO_SIZE_PACKED) return HELLO_PACKED;
    if (what == HELLO_SIZE_STATE_BYTES) return sizeof(hello_state);
    if (what == HELLO_SIZE_STEP) return HELLO_STEP_WORK(steps[0], batch);
    if (what == HELLO_SIZE_FORWARD) return HELLO_FORWARD_WORK(steps[0], batch);
    if (what == HELLO_SIZE_LOSS) return HELLO_LOSS_WORK(steps[0], batch);
    if (what == HELLO_SIZE_GRAD) return HELLO_GRAD_WORK(steps[0], batch);
    return 0;
}
