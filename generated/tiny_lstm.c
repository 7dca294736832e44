/* tiny_lstm.c: made by rnnc 0.1.0 from the model `tiny_lstm`; do not edit.
 * rnnc build tiny_lstm.rnn --batch 4
 * This file is the output of a compiler and carries no licence of it: it is yours. */
#include "tiny_lstm.h"

typedef float real;
#define REAL_IS_DOUBLE 0
#include "rnn.h"

/* What loss k is divided by: the caller's number, or its own count. */
#define NORM(k, own) (args->norms ? args->norms[k] : (own))

/* Own length of a sequence. */
RNN_SHARED size_t length_t(const tiny_lstm_args *args, size_t seq)
{
    return args->lengths_t ? (size_t)args->lengths_t[seq] : args->T;
}

/* Has a sequence this step? 0 or 1. */
static size_t is_present(const tiny_lstm_args *args, size_t seq)
{
    return args->lengths_t ? (size_t)args->lengths_t[seq] : 1;
}

/* Is any sequence shorter than the arrays? */
RNN_SHARED int is_ragged(const tiny_lstm_args *args)
{
    for (size_t seq = 0; seq < args->batch; seq++) {
        if (args->lengths_t && (size_t)args->lengths_t[seq] != args->T) return 1;
    }
    return 0;
}

/* Steps of a sequence before this call. */
static uint64_t time_of(const tiny_lstm_args *args, size_t seq)
{
    return args->state ? args->state->time[seq] : 0;
}

/* Where each matrix lies in packed. */
enum {
    AT_packed_h_Ui = 0, /* h.Ui, h.Uf, h.Uo, h.Ug, packed for products */
    AT_packed_h_Wi = 16, /* h.Wi, h.Wf, h.Wo, h.Wg, packed for products */
    AT_packed_out_W = 80, /* out.W, packed for products */
    AT_packed_out_W_transposed = 144, /* out.W', packed for products */
    AT_packed_h_Wi_transposed = 160, /* h.Wi', h.Wf', h.Wo', h.Wg', packed for products */
    AT_packed_h_Ui_transposed = 416 /* h.Ui', h.Uf', h.Uo', h.Ug', packed for products */
};

/* Where each parameter lies in params and grads. */
enum {
    AT_h_Wi = 0, /* h.Wi (4, 4) */
    AT_h_Ui = 16, /* h.Ui (4, 1) */
    AT_h_bi = 20, /* h.bi (4) */
    AT_h_Wf = 24, /* h.Wf (4, 4) */
    AT_h_Uf = 40, /* h.Uf (4, 1) */
    AT_h_bf = 44, /* h.bf (4) */
    AT_h_Wo = 48, /* h.Wo (4, 4) */
    AT_h_Uo = 64, /* h.Uo (4, 1) */
    AT_h_bo = 68, /* h.bo (4) */
    AT_h_Wg = 72, /* h.Wg (4, 4) */
    AT_h_Ug = 88, /* h.Ug (4, 1) */
    AT_h_bg = 92, /* h.bg (4) */
    AT_out_W = 96, /* out.W (1, 4) */
    AT_out_b = 100 /* out.b (1) */
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

/* `contract` for a matrix of 1 x 16. */
RNN_SHARED void contract_1x16(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 16, 1, A, am, ak, B, C, cm, accumulate);
}

/* h.c before the first step: from the call before, or the boundary values. */
RNN_SHARED void load_h_c(const tiny_lstm_args *args, real *h_c_all)
{
    const size_t batch = args->batch;
    for (size_t seq = 0; seq < batch; seq++) {
        real *to = h_c_all + seq * 4;
        const uint64_t seen = time_of(args, seq);
        for (size_t unit = 0; unit < 4; unit++) {
            to[unit] = seen > 0 ? args->state->h_c[0][seq][unit] : 0;
        }
    }
}

/* h before the first step: from the call before, or the boundary values. */
RNN_SHARED void load_h(const tiny_lstm_args *args, real *h_all)
{
    const size_t batch = args->batch;
    for (size_t seq = 0; seq < batch; seq++) {
        real *to = h_all + seq * 4;
        const uint64_t seen = time_of(args, seq);
        for (size_t unit = 0; unit < 4; unit++) {
            to[unit] = seen > 0 ? args->state->h[0][seq][unit] : 0;
        }
    }
}

/* `contract` for a matrix of 4 x 16. */
RNN_SHARED void contract_4x16(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 16, 4, A, am, ak, B, C, cm, accumulate);
}

/* `contract` for a matrix of 4 x 1. */
RNN_SHARED void contract_4x1(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 1, 4, A, am, ak, B, C, cm, accumulate);
}

/* out for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_out(const tiny_lstm_args *args, int ragged, const real *out_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    if (args->out) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const int valid = !ragged || t < length_t(args, seq);
                real *to = args->out + (t * batch + seq);
                const real value = out_all[t * batch + seq];
                to[0] = valid ? value : 0;
            }
        }
    }
}

/* h.c for the next call. */
RNN_SHARED void save_h_c(const tiny_lstm_args *args, const real *h_c_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (length_t(args, seq) == 0) continue;
            const size_t t = length_t(args, seq);
            memcpy(args->state->h_c[0][seq], h_c_all + (t * batch + seq) * 4, 4 * sizeof(real));
        }
    }
}

/* h for the next call. */
RNN_SHARED void save_h(const tiny_lstm_args *args, const real *h_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (length_t(args, seq) == 0) continue;
            const size_t t = length_t(args, seq);
            memcpy(args->state->h[0][seq], h_all + (t * batch + seq) * 4, 4 * sizeof(real));
        }
    }
}

/* The arguments for some steps of all. The caller's arrays are of `batch` sequences. */
RNN_SHARED tiny_lstm_args segment_of(const tiny_lstm_args *args, size_t first, size_t steps, size_t batch, int *lengths)
{
    tiny_lstm_args part = *args;
    part.T = args->T - first < steps ? args->T - first : steps;
    if (part.x) part.x += first * batch;
    if (part.d_x) part.d_x += first * batch;
    if (part.y) part.y += first * batch;
    if (part.out) part.out += first * batch;
    for (size_t seq = 0; args->lengths_t && seq < args->batch; seq++) {
        const size_t own = (size_t)args->lengths_t[seq];
        lengths[seq] = (int)(own <= first ? 0 : own - first < part.T ? own - first : part.T);
    }
    if (args->lengths_t) part.lengths_t = lengths;
    return part;
}

/* The steps of this call, for the next. */
RNN_SHARED void save_time(const tiny_lstm_args *args)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) args->state->time[seq] += length_t(args, seq);
    }
}

/* The input x as the loops read it; nothing beyond the end of a sequence. */
RNN_SHARED void read_x(const tiny_lstm_args *args, int ragged, real *x_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || t < length_t(args, seq);
            x_all[t * batch + seq] = valid ? (real)args->x[t * batch + seq] : 0;
        }
    }
}

/* `contract` for a matrix of 1 x 4. */
RNN_SHARED void contract_1x4(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 4, 1, A, am, ak, B, C, cm, accumulate);
}

/* `outer` for a matrix of 1 x 4. */
RNN_SHARED void outer_1x4(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)
{
    outer_small(1, 4, rows, A, ar, am, B, br, C, cm);
}

/* `contract` for a matrix of 16 x 4. */
RNN_SHARED void contract_16x4(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 4, 16, A, am, ak, B, C, cm, accumulate);
}

/* `outer` for a matrix of 4 x 4. */
RNN_SHARED void outer_4x4(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)
{
    outer_small(4, 4, rows, A, ar, am, B, br, C, cm);
}

/* `outer` for a matrix of 4 x 1. */
RNN_SHARED void outer_4x1(int rows, const real *A, size_t ar, size_t am, const real *B, size_t br, real *C, size_t cm)
{
    outer_small(4, 1, rows, A, ar, am, B, br, C, cm);
}

/* `contract` for a matrix of 16 x 1. */
RNN_SHARED void contract_16x1(int M, const real *A, size_t am, size_t ak, const real *B, real *C, size_t cm,
                             int accumulate)
{
    contract_small(M, 1, 16, A, am, ak, B, C, cm, accumulate);
}

/* d_x for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_d_x(const tiny_lstm_args *args, int ragged, const real *d_x_all)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    if (args->d_x) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const int valid = !ragged || t < length_t(args, seq);
                real *to = args->d_x + (t * batch + seq);
                const real value = d_x_all[t * batch + seq];
                to[0] = valid ? value : 0;
            }
        }
    }
}

/* out for the caller; 0 beyond the end of a sequence. */
RNN_SHARED void write_out_step(const tiny_lstm_args *args, int ragged, const real *out_all)
{
    const size_t batch = args->batch;
    if (args->out) {
        for (size_t seq = 0; seq < batch; seq++) {
            const int valid = !ragged || is_present(args, seq);
            real *to = args->out + seq;
            const real value = out_all[seq];
            to[0] = valid ? value : 0;
        }
    }
}

/* h.c for the next call. */
RNN_SHARED void save_h_c_step(const tiny_lstm_args *args, const real *h_c_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (!is_present(args, seq)) continue;
            memcpy(args->state->h_c[0][seq], h_c_all + (batch + seq) * 4, 4 * sizeof(real));
        }
    }
}

/* h for the next call. */
RNN_SHARED void save_h_step(const tiny_lstm_args *args, const real *h_all)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (!is_present(args, seq)) continue;
            memcpy(args->state->h[0][seq], h_all + (batch + seq) * 4, 4 * sizeof(real));
        }
    }
}

/* The steps of this call, for the next. */
RNN_SHARED void save_time_step(const tiny_lstm_args *args)
{
    const size_t batch = args->batch;
    if (args->state) {
        for (size_t seq = 0; seq < batch; seq++) args->state->time[seq] += is_present(args, seq);
    }
}

/* Do the arguments have what step needs? */
static int check_step(const tiny_lstm_args *args)
{
    if (!args || args->batch < 1 || args->batch > TINY_LSTM_BATCH || !args->params || !args->packed || !args->work)
        return TINY_LSTM_BAD_ARGUMENT;
    if (!args->x) return TINY_LSTM_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, 1)) return TINY_LSTM_BAD_LENGTH;
    return TINY_LSTM_OK;
}

/* ---- step: 168 batch flops in matrix products; memory: see the macro TINY_LSTM_STEP_WORK ---- */
int tiny_lstm_step(const tiny_lstm_args *args)
{
    const int status = check_step(args);
    if (status) return status;
    const size_t batch = args->batch;
    const int ragged = args->lengths_t != NULL;
    const real *params = args->params;
    real *work = args->work;
    real *const h_i_Ui_x_x4_all = work; /* [1][batch][16]: h.i.Ui_x (4), h.f.Uf_x (4), h.o.Uo_x (4), h.g.Ug_x (4) */
    work += batch * 16;
    real *const h_i_Wi_h_x4_all = work; /* [batch][16]: h.i.Wi_h (4), h.f.Wf_h (4), h.o.Wo_h (4), h.g.Wg_h (4) */
    work += batch * 16;
    real *const h_c_all = work; /* [2][batch][4]: h.c (4) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const h_all = work; /* [2][batch][4]: h (4) */
    work += (batch * 8 + 15) / 16 * 16;
    real *const out_W_h_all = work; /* [1][batch][1]: out.W_h (1) */
    work += (batch + 15) / 16 * 16;
    real *const out_all = work; /* [1][batch][1]: out (1) */
    work += (batch + 15) / 16 * 16;

    load_h_c(args, h_c_all);
    load_h(args, h_all);

    /* one step of t */
    /* h.Ui @ x[t] */
    /* h.Uf @ x[t] */
    /* h.Uo @ x[t] */
    /* h.Ug @ x[t] */
    contract_1x16((int)batch, args->x, 1, 1, args->packed + AT_packed_h_Ui, h_i_Ui_x_x4_all, 16, 0);
    /* h.Wi @ h[t-1] */
    /* h.Wf @ h[t-1] */
    /* h.Wo @ h[t-1] */
    /* h.Wg @ h[t-1] */
    contract_4x16((int)batch, h_all, 4, 1, args->packed + AT_packed_h_Wi, h_i_Wi_h_x4_all, 16, 0);
    for (size_t row = 0; row < batch; row++) {
        const real *h_i_Wi_h_row = h_i_Wi_h_x4_all + row * 16;
        const real *h_i_Ui_x_row = h_i_Ui_x_x4_all + row * 16;
        const real *h_bi_row = params + AT_h_bi;
        const real *h_f_Wf_h_row = h_i_Wi_h_x4_all + row * 16 + 4;
        const real *h_f_Uf_x_row = h_i_Ui_x_x4_all + row * 16 + 4;
        const real *h_bf_row = params + AT_h_bf;
        const real *h_o_Wo_h_row = h_i_Wi_h_x4_all + row * 16 + 8;
        const real *h_o_Uo_x_row = h_i_Ui_x_x4_all + row * 16 + 8;
        const real *h_bo_row = params + AT_h_bo;
        const real *h_g_Wg_h_row = h_i_Wi_h_x4_all + row * 16 + 12;
        const real *h_g_Ug_x_row = h_i_Ui_x_x4_all + row * 16 + 12;
        const real *h_bg_row = params + AT_h_bg;
        const real *h_c_prev = h_c_all + row * 4;
        real *to_h_c = h_c_all + (batch + row) * 4;
        real *to_h = h_all + (batch + row) * 4;
        RNN_INDEPENDENT
        for (size_t unit = 0; unit < 4; unit++) {
            /* lstm.rnn:9  i = sigmoid(Wi @ h[t-1] + Ui @ x + bi) */
            const real h_i = real_sigmoid(h_i_Wi_h_row[unit] + h_i_Ui_x_row[unit] + h_bi_row[unit]);
            /* lstm.rnn:10  f = sigmoid(Wf @ h[t-1] + Uf @ x + bf) */
            const real h_f = real_sigmoid(h_f_Wf_h_row[unit] + h_f_Uf_x_row[unit] + h_bf_row[unit]);
            /* lstm.rnn:11  o = sigmoid(Wo @ h[t-1] + Uo @ x + bo) */
            const real h_o = real_sigmoid(h_o_Wo_h_row[unit] + h_o_Uo_x_row[unit] + h_bo_row[unit]);
            /* lstm.rnn:12  g = tanh (Wg @ h[t-1] + Ug @ x + bg) */
            const real h_g = real_tanh(h_g_Wg_h_row[unit] + h_g_Ug_x_row[unit] + h_bg_row[unit]);
            /* lstm.rnn:13  c = f * c[t-1] + i * g */
            const real h_c = h_f * h_c_prev[unit] + h_i * h_g;
            /* lstm.rnn:14  h = o * tanh(c) */
            const real h = h_o * real_tanh(h_c);
            to_h_c[unit] = h_c;
            to_h[unit] = h;
        }
    }

    /* out.W @ h[t] */
    contract_4x1((int)batch, h_all + batch * 4, 4, 1, args->packed + AT_packed_out_W, out_W_h_all, 1, 0);
    for (size_t row = 0; row < batch; row++) {
        const real *out_W_h_row = out_W_h_all + row;
        const real *out_b_row = params + AT_out_b;
        real *to_out = out_all + row;
        /* dense.rnn:4  y = if bias then W @ x + b else W @ x */
        const real out = out_W_h_row[0] + out_b_row[0];
        to_out[0] = out;
    }
    write_out_step(args, ragged, out_all);
    save_h_c_step(args, h_c_all);
    save_h_step(args, h_all);
    save_time_step(args);
    return 0;
}

/* Do the arguments have what forward needs? */
static int check_forward(const tiny_lstm_args *args)
{
    if (!args || args->batch < 1 || args->batch > TINY_LSTM_BATCH || !args->params || !args->packed || !args->work)
        return TINY_LSTM_BAD_ARGUMENT;
    if (args->T < 1 || !args->x) return TINY_LSTM_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return TINY_LSTM_BAD_LENGTH;
    return TINY_LSTM_OK;
}

/* Some steps of forward. What they read of the steps before stands in front of theirs. */
static void segment_forward(const tiny_lstm_args *args, const tiny_lstm_args *all_args, size_t segment_index)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *work = args->work;
    const size_t segment_steps = all_args->T < 160 / all_args->batch + 1 ? all_args->T : 160 / all_args->batch + 1;
    const size_t segment_first = segment_index * segment_steps;
    real *const h_i_Ui_x_x4_all = work; /* [segment_steps][batch][16]: h.i.Ui_x (4), h.f.Uf_x (4), h.o.Uo_x (4), h.g.Ug_x (4) */
    work += segment_steps * batch * 16;
    real *const h_i_Wi_h_x4_all = work; /* [batch][16]: h.i.Wi_h (4), h.f.Wf_h (4), h.o.Wo_h (4), h.g.Wg_h (4) */
    work += batch * 16;
    real *const h_c_all = work; /* [segment_steps + 1][batch][4]: h.c (4) */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16;
    real *const h_all = work; /* [segment_steps + 1][batch][4]: h (4) */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16;
    real *const out_W_h_all = work; /* [segment_steps][batch][1]: out.W_h (1) */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const out_all = out_W_h_all; /* out (1): in the place of what nothing reads any more */

    /* h.Ui @ x[t] */
    /* h.Uf @ x[t] */
    /* h.Uo @ x[t] */
    /* h.Ug @ x[t] */
    contract_1x16((int)(T * batch), args->x, 1, 1, args->packed + AT_packed_h_Ui, h_i_Ui_x_x4_all, 16, 0);
    if (segment_first == 0) {
        load_h_c(args, h_c_all);
    }
    if (segment_first == 0) {
        load_h(args, h_all);
    }

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* h.Wi @ h[t-1] */
        /* h.Wf @ h[t-1] */
        /* h.Wo @ h[t-1] */
        /* h.Wg @ h[t-1] */
        contract_4x16((int)batch, h_all + t * batch * 4, 4, 1, args->packed + AT_packed_h_Wi, h_i_Wi_h_x4_all, 16, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *h_i_Wi_h_row = h_i_Wi_h_x4_all + row * 16;
            const real *h_i_Ui_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16;
            const real *h_bi_row = params + AT_h_bi;
            const real *h_f_Wf_h_row = h_i_Wi_h_x4_all + row * 16 + 4;
            const real *h_f_Uf_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 4;
            const real *h_bf_row = params + AT_h_bf;
            const real *h_o_Wo_h_row = h_i_Wi_h_x4_all + row * 16 + 8;
            const real *h_o_Uo_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 8;
            const real *h_bo_row = params + AT_h_bo;
            const real *h_g_Wg_h_row = h_i_Wi_h_x4_all + row * 16 + 12;
            const real *h_g_Ug_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 12;
            const real *h_bg_row = params + AT_h_bg;
            const real *h_c_prev = h_c_all + (t * batch + row) * 4;
            real *to_h_c = h_c_all + ((t + 1) * batch + row) * 4;
            real *to_h = h_all + ((t + 1) * batch + row) * 4;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 4; unit++) {
                /* lstm.rnn:9  i = sigmoid(Wi @ h[t-1] + Ui @ x + bi) */
                const real h_i = real_sigmoid(h_i_Wi_h_row[unit] + h_i_Ui_x_row[unit] + h_bi_row[unit]);
                /* lstm.rnn:10  f = sigmoid(Wf @ h[t-1] + Uf @ x + bf) */
                const real h_f = real_sigmoid(h_f_Wf_h_row[unit] + h_f_Uf_x_row[unit] + h_bf_row[unit]);
                /* lstm.rnn:11  o = sigmoid(Wo @ h[t-1] + Uo @ x + bo) */
                const real h_o = real_sigmoid(h_o_Wo_h_row[unit] + h_o_Uo_x_row[unit] + h_bo_row[unit]);
                /* lstm.rnn:12  g = tanh (Wg @ h[t-1] + Ug @ x + bg) */
                const real h_g = real_tanh(h_g_Wg_h_row[unit] + h_g_Ug_x_row[unit] + h_bg_row[unit]);
                /* lstm.rnn:13  c = f * c[t-1] + i * g */
                const real h_c = h_f * h_c_prev[unit] + h_i * h_g;
                /* lstm.rnn:14  h = o * tanh(c) */
                const real h = h_o * real_tanh(h_c);
                to_h_c[unit] = h_c;
                to_h[unit] = h;
            }
        }
    }

    /* out.W @ h[t] */
    contract_4x1((int)(T * batch), h_all + batch * 4, 4, 1, args->packed + AT_packed_out_W, out_W_h_all, 1, 0);
    for (size_t row = 0; row < T * batch; row++) {
        const real *out_W_h_row = out_W_h_all + row;
        const real *out_b_row = params + AT_out_b;
        real *to_out = out_all + row;
        /* dense.rnn:4  y = if bias then W @ x + b else W @ x */
        const real out = out_W_h_row[0] + out_b_row[0];
        to_out[0] = out;
    }
    write_out(args, ragged, out_all);
    save_h_c(args, h_c_all);
    /* h.c for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_c_all + seq * 4;
            real *from = to + T * batch * 4;
            for (size_t unit = 0; unit < 4; unit++) {
                to[unit] = from[unit];
            }
        }
    }
    save_h(args, h_all);
    /* h for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_all + seq * 4;
            real *from = to + T * batch * 4;
            for (size_t unit = 0; unit < 4; unit++) {
                to[unit] = from[unit];
            }
        }
    }
}

/* ---- forward: 168 T batch flops in matrix products; memory: see the macro TINY_LSTM_FORWARD_WORK ---- */
int tiny_lstm_forward(const tiny_lstm_args *args)
{
    const int status = check_forward(args);
    if (status) return status;
    const size_t batch = args->batch;
    const size_t segment_steps = args->T < 160 / args->batch + 1 ? args->T : 160 / args->batch + 1;
    const size_t segment_count = (args->T + segment_steps - 1) / segment_steps;
    for (size_t segment_index = 0; segment_index < segment_count; segment_index++) {
        int segment_lengths[TINY_LSTM_BATCH];
        const tiny_lstm_args segment_args = segment_of(args, segment_index * segment_steps, segment_steps, batch, segment_lengths);
        segment_forward(&segment_args, args, segment_index);
    }

    save_time(args);
    return 0;
}

/* Do the arguments have what loss needs? */
static int check_loss(const tiny_lstm_args *args)
{
    if (!args || args->batch < 1 || args->batch > TINY_LSTM_BATCH || !args->params || !args->packed || !args->work)
        return TINY_LSTM_BAD_ARGUMENT;
    if (args->T < 1 || !args->x || !args->y || !args->loss) return TINY_LSTM_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return TINY_LSTM_BAD_LENGTH;
    return TINY_LSTM_OK;
}

/* Some steps of loss. What they read of the steps before stands in front of theirs. */
static void segment_loss(const tiny_lstm_args *args, const tiny_lstm_args *all_args, size_t segment_index)
{
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *work = args->work;
    const size_t segment_steps = all_args->T < 160 / all_args->batch + 1 ? all_args->T : 160 / all_args->batch + 1;
    const size_t segment_first = segment_index * segment_steps;
    real *const h_i_Ui_x_x4_all = work; /* [segment_steps][batch][16]: h.i.Ui_x (4), h.f.Uf_x (4), h.o.Uo_x (4), h.g.Ug_x (4) */
    work += segment_steps * batch * 16;
    real *const h_i_Wi_h_x4_all = work; /* [batch][16]: h.i.Wi_h (4), h.f.Wf_h (4), h.o.Wo_h (4), h.g.Wg_h (4) */
    work += batch * 16;
    real *const h_c_all = work; /* [segment_steps + 1][batch][4]: h.c (4) */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16;
    real *const h_all = work; /* [segment_steps + 1][batch][4]: h (4) */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16;
    real *const out_W_h_all = work; /* [segment_steps][batch][1]: out.W_h (1) */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const loss_1_all = work; /* [segment_steps][batch][1]: loss.1 (1) */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const loss_all = work; /* [segment_steps][batch][1]: loss scalar */
    work += (segment_steps * batch + 15) / 16 * 16;
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const out_all = out_W_h_all; /* out (1): in the place of what nothing reads any more */

    /* h.Ui @ x[t] */
    /* h.Uf @ x[t] */
    /* h.Uo @ x[t] */
    /* h.Ug @ x[t] */
    contract_1x16((int)(T * batch), args->x, 1, 1, args->packed + AT_packed_h_Ui, h_i_Ui_x_x4_all, 16, 0);
    if (segment_first == 0) {
        load_h_c(args, h_c_all);
    }
    if (segment_first == 0) {
        load_h(args, h_all);
    }

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* h.Wi @ h[t-1] */
        /* h.Wf @ h[t-1] */
        /* h.Wo @ h[t-1] */
        /* h.Wg @ h[t-1] */
        contract_4x16((int)batch, h_all + t * batch * 4, 4, 1, args->packed + AT_packed_h_Wi, h_i_Wi_h_x4_all, 16, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *h_i_Wi_h_row = h_i_Wi_h_x4_all + row * 16;
            const real *h_i_Ui_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16;
            const real *h_bi_row = params + AT_h_bi;
            const real *h_f_Wf_h_row = h_i_Wi_h_x4_all + row * 16 + 4;
            const real *h_f_Uf_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 4;
            const real *h_bf_row = params + AT_h_bf;
            const real *h_o_Wo_h_row = h_i_Wi_h_x4_all + row * 16 + 8;
            const real *h_o_Uo_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 8;
            const real *h_bo_row = params + AT_h_bo;
            const real *h_g_Wg_h_row = h_i_Wi_h_x4_all + row * 16 + 12;
            const real *h_g_Ug_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 12;
            const real *h_bg_row = params + AT_h_bg;
            const real *h_c_prev = h_c_all + (t * batch + row) * 4;
            real *to_h_c = h_c_all + ((t + 1) * batch + row) * 4;
            real *to_h = h_all + ((t + 1) * batch + row) * 4;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 4; unit++) {
                /* lstm.rnn:9  i = sigmoid(Wi @ h[t-1] + Ui @ x + bi) */
                const real h_i = real_sigmoid(h_i_Wi_h_row[unit] + h_i_Ui_x_row[unit] + h_bi_row[unit]);
                /* lstm.rnn:10  f = sigmoid(Wf @ h[t-1] + Uf @ x + bf) */
                const real h_f = real_sigmoid(h_f_Wf_h_row[unit] + h_f_Uf_x_row[unit] + h_bf_row[unit]);
                /* lstm.rnn:11  o = sigmoid(Wo @ h[t-1] + Uo @ x + bo) */
                const real h_o = real_sigmoid(h_o_Wo_h_row[unit] + h_o_Uo_x_row[unit] + h_bo_row[unit]);
                /* lstm.rnn:12  g = tanh (Wg @ h[t-1] + Ug @ x + bg) */
                const real h_g = real_tanh(h_g_Wg_h_row[unit] + h_g_Ug_x_row[unit] + h_bg_row[unit]);
                /* lstm.rnn:13  c = f * c[t-1] + i * g */
                const real h_c = h_f * h_c_prev[unit] + h_i * h_g;
                /* lstm.rnn:14  h = o * tanh(c) */
                const real h = h_o * real_tanh(h_c);
                to_h_c[unit] = h_c;
                to_h[unit] = h;
            }
        }
    }

    /* out.W @ h[t] */
    contract_4x1((int)(T * batch), h_all + batch * 4, 4, 1, args->packed + AT_packed_out_W, out_W_h_all, 1, 0);
    for (size_t row = 0; row < T * batch; row++) {
        const real *out_W_h_row = out_W_h_all + row;
        const real *out_b_row = params + AT_out_b;
        const real *y_row = args->y + row;
        real *to_out = out_all + row;
        real *to_loss_1 = loss_1_all + row;
        /* dense.rnn:4  y = if bias then W @ x + b else W @ x */
        const real out = out_W_h_row[0] + out_b_row[0];
        /* loss.1[t] = (out[t] - y[t])^2 */
        const real loss_1 = real_square(out - y_row[0]);
        to_out[0] = out;
        to_loss_1[0] = loss_1;
    }
    /* tiny_lstm.rnn:11  loss mean_square(out, y) */
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const real *from = loss_1_all + t * batch + seq;
            real *to = loss_all + t * batch + seq;
            to[0] = row_sum(1, from);
        }
    }
    /* sum over t of loss[t] */
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            const real *loss__row = loss_all + t * batch + seq;
            real *to_loss_sum_over = loss_sum_over_all;
            to_loss_sum_over[0] += loss__row[0];
        }
    }
    write_out(args, ragged, out_all);
    save_h_c(args, h_c_all);
    /* h.c for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_c_all + seq * 4;
            real *from = to + T * batch * 4;
            for (size_t unit = 0; unit < 4; unit++) {
                to[unit] = from[unit];
            }
        }
    }
    save_h(args, h_all);
    /* h for the segment behind */
    {
        for (size_t seq = 0; seq < batch; seq++) {
            real *to = h_all + seq * 4;
            real *from = to + T * batch * 4;
            for (size_t unit = 0; unit < 4; unit++) {
                to[unit] = from[unit];
            }
        }
    }
}

/* ---- loss: 168 T batch flops in matrix products; memory: see the macro TINY_LSTM_LOSS_WORK ---- */
int tiny_lstm_loss(const tiny_lstm_args *args)
{
    const int status = check_loss(args);
    if (status) return status;
    const size_t batch = args->batch;
    real *work = args->work;
    const size_t segment_steps = args->T < 160 / args->batch + 1 ? args->T : 160 / args->batch + 1;
    const size_t segment_count = (args->T + segment_steps - 1) / segment_steps;
    work += segment_steps * batch * 16; /* h_i_Ui_x_x4 is not used here */
    work += batch * 16; /* h_i_Wi_h_x4 is not used here */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16; /* h_c is not used here */
    work += ((segment_steps + 1) * batch * 4 + 15) / 16 * 16; /* h is not used here */
    work += (segment_steps * batch + 15) / 16 * 16; /* out_W_h is not used here */
    work += (segment_steps * batch + 15) / 16 * 16; /* loss_1 is not used here */
    work += (segment_steps * batch + 15) / 16 * 16; /* loss is not used here */
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const loss_count_all = work; /* [1]: loss.count scalar */
    work += 16;
    real *const loss_v2_all = work; /* [1]: loss scalar */
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
        int segment_lengths[TINY_LSTM_BATCH];
        const tiny_lstm_args segment_args = segment_of(args, segment_index * segment_steps, segment_steps, batch, segment_lengths);
        segment_loss(&segment_args, args, segment_index);
    }

    {
        const real *loss_count_row = loss_count_all;
        const real *loss_sum_over_row = loss_sum_over_all;
        real *to_loss_ = loss_v2_all;
        /* loss = (sum over t of loss[t]) / max(count(t), 1) */
        const real loss_ = loss_sum_over_row[0] / NORM(0, real_max(loss_count_row[0], 1.0f));
        to_loss_[0] = loss_;
    }

    *args->loss = loss_v2_all[0];
    save_time(args);
    return 0;
}

/* Do the arguments have what grad needs? */
static int check_grad(const tiny_lstm_args *args)
{
    if (!args || args->batch < 1 || args->batch > TINY_LSTM_BATCH || !args->params || !args->packed || !args->work)
        return TINY_LSTM_BAD_ARGUMENT;
    if (args->T < 1 || !args->x || !args->y || !args->loss || !args->grads) return TINY_LSTM_BAD_ARGUMENT;
    if (!lengths_fit(args->lengths_t, args->batch, args->T)) return TINY_LSTM_BAD_LENGTH;
    return TINY_LSTM_OK;
}

/* ---- grad: 504 T batch flops in matrix products; memory: see the macro TINY_LSTM_GRAD_WORK ---- */
int tiny_lstm_grad(const tiny_lstm_args *args)
{
    const int status = check_grad(args);
    if (status) return status;
    const size_t batch = args->batch;
    const size_t T = args->T;
    const int ragged = is_ragged(args);
    const real *params = args->params;
    real *grads = args->grads;
    real *work = args->work;
    real *const h_i_Ui_x_x4_all = work; /* [T][batch][16]: h.i.Ui_x (4), h.f.Uf_x (4), h.o.Uo_x (4), h.g.Ug_x (4) */
    work += T * batch * 16;
    real *const h_i_Wi_h_x4_all = work; /* [batch][16]: h.i.Wi_h (4), h.f.Wf_h (4), h.o.Wo_h (4), h.g.Wg_h (4) */
    work += batch * 16;
    real *const x_all = work; /* [T][batch][1]: x (1) */
    work += (T * batch + 15) / 16 * 16;
    real *const h_i_all = work; /* [T][batch][4]: h.i (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const h_f_all = work; /* [T][batch][4]: h.f (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const h_o_all = work; /* [T][batch][4]: h.o (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const h_g_all = work; /* [T][batch][4]: h.g (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const h_c_all = work; /* [T + 1][batch][4]: h.c (4) */
    work += ((T + 1) * batch * 4 + 15) / 16 * 16;
    real *const h_1_all = work; /* [T][batch][4]: h.1 (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const h_all = work; /* [T + 1][batch][4]: h (4) */
    work += ((T + 1) * batch * 4 + 15) / 16 * 16;
    real *const out_W_h_all = work; /* [T][batch][1]: out.W_h (1) */
    work += (T * batch + 15) / 16 * 16;
    real *const loss_all = work; /* [T][batch][1]: loss scalar */
    work += (T * batch + 15) / 16 * 16;
    real *const loss_sum_over_all = work; /* [1]: loss.sum_over scalar */
    work += 16;
    real *const loss_count_all = work; /* [1]: loss.count scalar */
    work += 16;
    real *const loss_3_all = work; /* [1]: loss.3 scalar */
    work += 16;
    real *const loss_v2_all = work; /* [1]: loss scalar */
    work += 16;
    real *const d_loss_div_all = work; /* [1]: d_loss.div scalar */
    work += 16;
    real *const d_out_all = work; /* [T][batch][1]: d_out (1) */
    work += (T * batch + 15) / 16 * 16;
    real *const d_out_matmul_all = work; /* [T][batch][4]: d_out.matmul (4) */
    work += (T * batch * 4 + 15) / 16 * 16;
    real *const d_h_c_carry_all = work; /* [T + 1][batch][4]: d_h.c.carry (4) */
    work += ((T + 1) * batch * 4 + 15) / 16 * 16;
    real *const d_h_carry_all = work; /* [T + 1][batch][4]: d_h.carry (4) */
    work += ((T + 1) * batch * 4 + 15) / 16 * 16;
    real *const d_h_i_1_x4_all = h_i_Ui_x_x4_all; /* d_h.i.1 (4), d_h.f.1 (4), d_h.o.1 (4), d_h.g.1 (4): in the place of what nothing reads any more */
    real *const loss_2_all = out_W_h_all; /* loss.2 (1): in the place of what nothing reads any more */
    real *const d_x_all = x_all; /* d_x (1): in the place of what nothing reads any more */

    read_x(args, ragged, x_all);
    /* h.Ui @ x[t] */
    /* h.Uf @ x[t] */
    /* h.Uo @ x[t] */
    /* h.Ug @ x[t] */
    contract_1x16((int)(T * batch), x_all, 1, 1, args->packed + AT_packed_h_Ui, h_i_Ui_x_x4_all, 16, 0);
    {
        size_t valid = 0;
        for (size_t seq = 0; seq < batch; seq++) {
            valid += length_t(args, seq);
        }
        loss_count_all[0] = (real)valid;
    }
    load_h_c(args, h_c_all);
    load_h(args, h_all);

    /* scan over t, forward */
    for (size_t t = 0; t < T; t++) {
        /* h.Wi @ h[t-1] */
        /* h.Wf @ h[t-1] */
        /* h.Wo @ h[t-1] */
        /* h.Wg @ h[t-1] */
        contract_4x16((int)batch, h_all + t * batch * 4, 4, 1, args->packed + AT_packed_h_Wi, h_i_Wi_h_x4_all, 16, 0);
        for (size_t row = 0; row < batch; row++) {
            const real *h_i_Wi_h_row = h_i_Wi_h_x4_all + row * 16;
            const real *h_i_Ui_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16;
            const real *h_bi_row = params + AT_h_bi;
            const real *h_f_Wf_h_row = h_i_Wi_h_x4_all + row * 16 + 4;
            const real *h_f_Uf_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 4;
            const real *h_bf_row = params + AT_h_bf;
            const real *h_o_Wo_h_row = h_i_Wi_h_x4_all + row * 16 + 8;
            const real *h_o_Uo_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 8;
            const real *h_bo_row = params + AT_h_bo;
            const real *h_g_Wg_h_row = h_i_Wi_h_x4_all + row * 16 + 12;
            const real *h_g_Ug_x_row = h_i_Ui_x_x4_all + (t * batch + row) * 16 + 12;
            const real *h_bg_row = params + AT_h_bg;
            const real *h_c_prev = h_c_all + (t * batch + row) * 4;
            real *to_h_i = h_i_all + (t * batch + row) * 4;
            real *to_h_f = h_f_all + (t * batch + row) * 4;
            real *to_h_o = h_o_all + (t * batch + row) * 4;
            real *to_h_g = h_g_all + (t * batch + row) * 4;
            real *to_h_c = h_c_all + ((t + 1) * batch + row) * 4;
            real *to_h_1 = h_1_all + (t * batch + row) * 4;
            real *to_h = h_all + ((t + 1) * batch + row) * 4;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 4; unit++) {
                /* lstm.rnn:9  i = sigmoid(Wi @ h[t-1] + Ui @ x + bi) */
                const real h_i = real_sigmoid(h_i_Wi_h_row[unit] + h_i_Ui_x_row[unit] + h_bi_row[unit]);
                /* lstm.rnn:10  f = sigmoid(Wf @ h[t-1] + Uf @ x + bf) */
                const real h_f = real_sigmoid(h_f_Wf_h_row[unit] + h_f_Uf_x_row[unit] + h_bf_row[unit]);
                /* lstm.rnn:11  o = sigmoid(Wo @ h[t-1] + Uo @ x + bo) */
                const real h_o = real_sigmoid(h_o_Wo_h_row[unit] + h_o_Uo_x_row[unit] + h_bo_row[unit]);
                /* lstm.rnn:12  g = tanh (Wg @ h[t-1] + Ug @ x + bg) */
                const real h_g = real_tanh(h_g_Wg_h_row[unit] + h_g_Ug_x_row[unit] + h_bg_row[unit]);
                /* lstm.rnn:13  c = f * c[t-1] + i * g */
                const real h_c = h_f * h_c_prev[unit] + h_i * h_g;
                /* h.1[t] = tanh(h.c[t]) */
                const real h_1 = real_tanh(h_c);
                /* lstm.rnn:14  h = o * tanh(c) */
                const real h = h_o * h_1;
                to_h_i[unit] = h_i;
                to_h_f[unit] = h_f;
                to_h_o[unit] = h_o;
                to_h_g[unit] = h_g;
                to_h_c[unit] = h_c;
                to_h_1[unit] = h_1;
                to_h[unit] = h;
            }
        }
        /* h beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(h_all + ((t + 1) * batch + seq) * 4, 0, 4 * sizeof(real));
            }
        }
    }

    /* out.W @ h[t] */
    contract_4x1((int)(T * batch), h_all + batch * 4, 4, 1, args->packed + AT_packed_out_W, out_W_h_all, 1, 0);
    {
        const real *loss_count_row = loss_count_all;
        real *to_loss_3 = loss_3_all;
        real *to_d_loss_div = d_loss_div_all;
        /* loss.3 = max(count(t), 1) */
        const real loss_3 = NORM(0, real_max(loss_count_row[0], 1.0f));
        const real d_loss_div = 1.0f / loss_3;
        to_loss_3[0] = loss_3;
        to_d_loss_div[0] = d_loss_div;
    }
    /* d_out.b = sum over t of d_out[t] */
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            const real *out_W_h_row = out_W_h_all + t * batch + seq;
            const real *out_b_row = params + AT_out_b;
            const real *y_row = args->y + t * batch + seq;
            const real *d_loss_div_row = d_loss_div_all;
            real *to_loss_2 = loss_2_all + t * batch + seq;
            real *to_d_out = d_out_all + t * batch + seq;
            real *to_d_out_b = grads + AT_out_b;
            /* dense.rnn:4  y = if bias then W @ x + b else W @ x */
            const real out = out_W_h_row[0] + out_b_row[0];
            /* loss.1[t] = out[t] - y[t] */
            const real loss_1 = out - y_row[0];
            /* loss.2[t] = loss.1[t]^2 */
            const real loss_2 = real_square(loss_1);
            /* d_out[t] = 1 / loss.3 * (2 * loss.1[t]) */
            const real d_out = d_loss_div_row[0] * (2.0f * loss_1);
            to_loss_2[0] = loss_2;
            to_d_out[0] = d_out;
            to_d_out_b[0] += d_out;
        }
    }
    /* tiny_lstm.rnn:11  loss mean_square(out, y) */
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const real *from = loss_2_all + t * batch + seq;
            real *to = loss_all + t * batch + seq;
            to[0] = row_sum(1, from);
        }
    }
    /* d_out beyond the end */
    if (ragged) {
        for (size_t t = 0; t < T; t++) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                d_out_all[t * batch + seq] = 0;
            }
        }
    }
    /* out.W' @ d_out[t] */
    contract_1x4((int)(T * batch), d_out_all, 1, 1, args->packed + AT_packed_out_W_transposed, d_out_matmul_all, 4, 0);
    /* d_out.W = sum over t of d_out[t] @ h[t]' */
    outer_1x4((int)(T * batch), d_out_all, 1, 1, h_all + batch * 4, 4, grads + AT_out_W, 4);
    /* d_h.c.carry beyond the end */
    for (size_t t = ragged ? 0 : T; t < T + 1; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const size_t own = length_t(args, seq);
            if (t < own) continue;
            memset(d_h_c_carry_all + (t * batch + seq) * 4, 0, 4 * sizeof(real));
        }
    }
    /* d_h.carry beyond the end */
    for (size_t t = ragged ? 0 : T; t < T + 1; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            const size_t own = length_t(args, seq);
            if (t < own) continue;
            memset(d_h_carry_all + (t * batch + seq) * 4, 0, 4 * sizeof(real));
        }
    }

    /* scan over t, backward */
    for (size_t t = T; t-- > 0;) {
        /* d_h.bi = sum over t of d_h.i.1[t] */
        /* d_h.bf = sum over t of d_h.f.1[t] */
        /* d_h.bo = sum over t of d_h.o.1[t] */
        /* d_h.bg = sum over t of d_h.g.1[t] */
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            const real *d_h_carry_next = d_h_carry_all + ((t + 1) * batch + seq) * 4;
            const real *d_out_matmul_row = d_out_matmul_all + (t * batch + seq) * 4;
            const real *h_o_row = h_o_all + (t * batch + seq) * 4;
            const real *h_1_row = h_1_all + (t * batch + seq) * 4;
            const real *d_h_c_carry_next = d_h_c_carry_all + ((t + 1) * batch + seq) * 4;
            const real *h_f_row = h_f_all + (t * batch + seq) * 4;
            const real *h_i_row = h_i_all + (t * batch + seq) * 4;
            const real *h_g_row = h_g_all + (t * batch + seq) * 4;
            const real *h_c_prev = h_c_all + (t * batch + seq) * 4;
            real *to_d_h_c_carry = d_h_c_carry_all + (t * batch + seq) * 4;
            real *to_d_h_g_1 = d_h_i_1_x4_all + (t * batch + seq) * 16 + 12;
            real *to_d_h_o_1 = d_h_i_1_x4_all + (t * batch + seq) * 16 + 8;
            real *to_d_h_f_1 = d_h_i_1_x4_all + (t * batch + seq) * 16 + 4;
            real *to_d_h_i_1 = d_h_i_1_x4_all + (t * batch + seq) * 16;
            real *to_d_h_bi = grads + AT_h_bi;
            real *to_d_h_bf = grads + AT_h_bf;
            real *to_d_h_bo = grads + AT_h_bo;
            real *to_d_h_bg = grads + AT_h_bg;
            RNN_INDEPENDENT
            for (size_t unit = 0; unit < 4; unit++) {
                /* d_h[t] = d_h.carry[t+1] + out.W' @ d_out[t] */
                const real d_h = d_h_carry_next[unit] + d_out_matmul_row[unit];
                /* d_h.c[t] = d_h.c.carry[t+1] + d_h[t] * h.o[t] * (1 - h.1[t]^2) */
                const real d_h_c = d_h_c_carry_next[unit] + d_h * h_o_row[unit] * (1.0f - real_square(h_1_row[unit]));
                /* d_h.c.carry[t] = d_h.c[t] * h.f[t] */
                const real d_h_c_carry = d_h_c * h_f_row[unit];
                /* d_h.g[t] = d_h.c[t] * h.i[t] */
                const real d_h_g = d_h_c * h_i_row[unit];
                /* d_h.g.1[t] = d_h.g[t] * (1 - h.g[t]^2) */
                const real d_h_g_1 = d_h_g * (1.0f - real_square(h_g_row[unit]));
                /* d_h.o[t] = d_h[t] * h.1[t] */
                const real d_h_o = d_h * h_1_row[unit];
                /* d_h.o.1[t] = d_h.o[t] * (h.o[t] * (1 - h.o[t])) */
                const real d_h_o_1 = d_h_o * (h_o_row[unit] * (1.0f - h_o_row[unit]));
                /* d_h.f[t] = d_h.c[t] * h.c[t-1] */
                const real d_h_f = d_h_c * h_c_prev[unit];
                /* d_h.f.1[t] = d_h.f[t] * (h.f[t] * (1 - h.f[t])) */
                const real d_h_f_1 = d_h_f * (h_f_row[unit] * (1.0f - h_f_row[unit]));
                /* d_h.i[t] = d_h.c[t] * h.g[t] */
                const real d_h_i = d_h_c * h_g_row[unit];
                /* d_h.i.1[t] = d_h.i[t] * (h.i[t] * (1 - h.i[t])) */
                const real d_h_i_1 = d_h_i * (h_i_row[unit] * (1.0f - h_i_row[unit]));
                to_d_h_c_carry[unit] = d_h_c_carry;
                to_d_h_g_1[unit] = d_h_g_1;
                to_d_h_o_1[unit] = d_h_o_1;
                to_d_h_f_1[unit] = d_h_f_1;
                to_d_h_i_1[unit] = d_h_i_1;
                to_d_h_bi[unit] += d_h_i_1;
                to_d_h_bf[unit] += d_h_f_1;
                to_d_h_bo[unit] += d_h_o_1;
                to_d_h_bg[unit] += d_h_g_1;
            }
        }
        /* d_h.i.1, d_h.f.1, d_h.o.1, d_h.g.1, d_h.c.carry beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(d_h_i_1_x4_all + (t * batch + seq) * 16, 0, 4 * sizeof(real));
                memset(d_h_i_1_x4_all + (t * batch + seq) * 16 + 4, 0, 4 * sizeof(real));
                memset(d_h_i_1_x4_all + (t * batch + seq) * 16 + 8, 0, 4 * sizeof(real));
                memset(d_h_i_1_x4_all + (t * batch + seq) * 16 + 12, 0, 4 * sizeof(real));
                memset(d_h_c_carry_all + (t * batch + seq) * 4, 0, 4 * sizeof(real));
            }
        }
        /* d_h.carry[t] = h.Wi' @ d_h.i.1[t] + h.Wf' @ d_h.f.1[t] + h.Wo' @ d_h.o.1[t] + h.Wg' @ d_h.g.1[t] */
        contract_16x4((int)batch, d_h_i_1_x4_all + t * batch * 16, 16, 1, args->packed + AT_packed_h_Wi_transposed, d_h_carry_all + t * batch * 4, 4, 0);
        /* d_h.carry beyond the end */
        if (ragged) {
            for (size_t seq = 0; seq < batch; seq++) {
                const size_t own = length_t(args, seq);
                if (t < own) continue;
                memset(d_h_carry_all + (t * batch + seq) * 4, 0, 4 * sizeof(real));
            }
        }
    }

    /* d_h.Wi = sum over t of d_h.i.1[t] @ h[t-1]' */
    outer_4x4((int)(T * batch), d_h_i_1_x4_all, 16, 1, h_all, 4, grads + AT_h_Wi, 4);
    /* d_h.Ui = sum over t of d_h.i.1[t] @ x[t]' */
    outer_4x1((int)(T * batch), d_h_i_1_x4_all, 16, 1, x_all, 1, grads + AT_h_Ui, 1);
    /* d_h.Wf = sum over t of d_h.f.1[t] @ h[t-1]' */
    outer_4x4((int)(T * batch), d_h_i_1_x4_all + 4, 16, 1, h_all, 4, grads + AT_h_Wf, 4);
    /* d_h.Uf = sum over t of d_h.f.1[t] @ x[t]' */
    outer_4x1((int)(T * batch), d_h_i_1_x4_all + 4, 16, 1, x_all, 1, grads + AT_h_Uf, 1);
    /* d_h.Wo = sum over t of d_h.o.1[t] @ h[t-1]' */
    outer_4x4((int)(T * batch), d_h_i_1_x4_all + 8, 16, 1, h_all, 4, grads + AT_h_Wo, 4);
    /* d_h.Uo = sum over t of d_h.o.1[t] @ x[t]' */
    outer_4x1((int)(T * batch), d_h_i_1_x4_all + 8, 16, 1, x_all, 1, grads + AT_h_Uo, 1);
    /* d_h.Wg = sum over t of d_h.g.1[t] @ h[t-1]' */
    outer_4x4((int)(T * batch), d_h_i_1_x4_all + 12, 16, 1, h_all, 4, grads + AT_h_Wg, 4);
    /* d_h.Ug = sum over t of d_h.g.1[t] @ x[t]' */
    outer_4x1((int)(T * batch), d_h_i_1_x4_all + 12, 16, 1, x_all, 1, grads + AT_h_Ug, 1);
    /* d_x[t] = h.Ui' @ d_h.i.1[t] + h.Uf' @ d_h.f.1[t] + h.Uo' @ d_h.o.1[t] + h.Ug' @ d_h.g.1[t] */
    if (args->d_x) {
        contract_16x1((int)(T * batch), d_h_i_1_x4_all, 16, 1, args->packed + AT_packed_h_Ui_transposed, d_x_all, 1, 0);
    }
    /* sum over t of loss[t] */
    loss_sum_over_all[0] = 0;
    for (size_t t = 0; t < T; t++) {
        for (size_t seq = 0; seq < batch; seq++) {
            if (ragged && t >= length_t(args, seq)) continue;
            const real *loss__row = loss_all + t * batch + seq;
            real *to_loss_sum_over = loss_sum_over_all;
            to_loss_sum_over[0] += loss__row[0];
        }
    }
    {
        const real *loss_sum_over_row = loss_sum_over_all;
        const real *loss_3_row = loss_3_all;
        real *to_loss_ = loss_v2_all;
        /* loss = (sum over t of loss[t]) / loss.3 */
        const real loss_ = loss_sum_over_row[0] / loss_3_row[0];
        to_loss_[0] = loss_;
    }
    write_d_x(args, ragged, d_x_all);
    save_h_c(args, h_c_all);
    save_h(args, h_all);

    *args->loss = loss_v2_all[0];
    save_time(args);
    return 0;
}

void tiny_lstm_init(float *params, uint64_t seed)
{
    init_uniform(params + AT_h_Wi, 16, 0.5f, random_key(UINT64_C(8320783825262157271), seed, 0));
    init_uniform(params + AT_h_Ui, 4, 1.0f, random_key(UINT64_C(8322749752053020089), seed, 0));
    init_constant(params + AT_h_bi, 4, 0.0f);
    init_uniform(params + AT_h_Wf, 16, 0.5f, random_key(UINT64_C(8320771730634246950), seed, 0));
    init_uniform(params + AT_h_Uf, 4, 1.0f, random_key(UINT64_C(8322759647657673988), seed, 0));
    init_constant(params + AT_h_bf, 4, 1.0f);
    init_uniform(params + AT_h_Wo, 16, 0.5f, random_key(UINT64_C(8320781626238900849), seed, 0));
    init_uniform(params + AT_h_Uo, 4, 1.0f, random_key(UINT64_C(8322751951076276511), seed, 0));
    init_constant(params + AT_h_bo, 4, 0.0f);
    init_uniform(params + AT_h_Wg, 16, 0.5f, random_key(UINT64_C(8320772830145875161), seed, 0));
    init_uniform(params + AT_h_Ug, 4, 1.0f, random_key(UINT64_C(8322760747169302199), seed, 0));
    init_constant(params + AT_h_bg, 4, 0.0f);
    init_uniform(params + AT_out_W, 4, 0.5f, random_key(UINT64_C(3576414901813191964), seed, 0));
    init_constant(params + AT_out_b, 1, 0.0f);
}

void tiny_lstm_pack(const float *params, float *packed)
{
    pack_matrix(1, 4, params + AT_h_Ui, 1, 1, packed + AT_packed_h_Ui, 0, 0, 1);
    pack_matrix(1, 4, params + AT_h_Uf, 1, 1, packed + AT_packed_h_Ui, 0, 4, 1);
    pack_matrix(1, 4, params + AT_h_Uo, 1, 1, packed + AT_packed_h_Ui, 0, 8, 1);
    pack_matrix(1, 4, params + AT_h_Ug, 1, 1, packed + AT_packed_h_Ui, 0, 12, 1);
    pack_matrix(4, 4, params + AT_h_Wi, 1, 4, packed + AT_packed_h_Wi, 0, 0, 4);
    pack_matrix(4, 4, params + AT_h_Wf, 1, 4, packed + AT_packed_h_Wi, 0, 4, 4);
    pack_matrix(4, 4, params + AT_h_Wo, 1, 4, packed + AT_packed_h_Wi, 0, 8, 4);
    pack_matrix(4, 4, params + AT_h_Wg, 1, 4, packed + AT_packed_h_Wi, 0, 12, 4);
    memset(packed + AT_packed_out_W, 0, 64 * sizeof(real)); /* the padding */
    pack_matrix(4, 1, params + AT_out_W, 1, 4, packed + AT_packed_out_W, 0, 0, 4);
    memset(packed + AT_packed_out_W_transposed, 0, 16 * sizeof(real)); /* the padding */
    pack_matrix(1, 4, params + AT_out_W, 4, 1, packed + AT_packed_out_W_transposed, 0, 0, 1);
    memset(packed + AT_packed_h_Wi_transposed, 0, 256 * sizeof(real)); /* the padding */
    pack_matrix(4, 4, params + AT_h_Wi, 4, 1, packed + AT_packed_h_Wi_transposed, 0, 0, 16);
    pack_matrix(4, 4, params + AT_h_Wf, 4, 1, packed + AT_packed_h_Wi_transposed, 4, 0, 16);
    pack_matrix(4, 4, params + AT_h_Wo, 4, 1, packed + AT_packed_h_Wi_transposed, 8, 0, 16);
    pack_matrix(4, 4, params + AT_h_Wg, 4, 1, packed + AT_packed_h_Wi_transposed, 12, 0, 16);
    memset(packed + AT_packed_h_Ui_transposed, 0, 256 * sizeof(real)); /* the padding */
    pack_matrix(4, 1, params + AT_h_Ui, 1, 1, packed + AT_packed_h_Ui_transposed, 0, 0, 16);
    pack_matrix(4, 1, params + AT_h_Uf, 1, 1, packed + AT_packed_h_Ui_transposed, 4, 0, 16);
    pack_matrix(4, 1, params + AT_h_Uo, 1, 1, packed + AT_packed_h_Ui_transposed, 8, 0, 16);
    pack_matrix(4, 1, params + AT_h_Ug, 1, 1, packed + AT_packed_h_Ui_transposed, 12, 0, 16);
}

void tiny_lstm_reset(tiny_lstm_state *state)
{
    memset(state, 0, sizeof *state);
}

const tiny_lstm_param *tiny_lstm_param_table(void)
{
    static const tiny_lstm_param table[] = {
        {"h.Wi", 4, 4, AT_h_Wi},
        {"h.Ui", 4, 1, AT_h_Ui},
        {"h.bi", 4, 1, AT_h_bi},
        {"h.Wf", 4, 4, AT_h_Wf},
        {"h.Uf", 4, 1, AT_h_Uf},
        {"h.bf", 4, 1, AT_h_bf},
        {"h.Wo", 4, 4, AT_h_Wo},
        {"h.Uo", 4, 1, AT_h_Uo},
        {"h.bo", 4, 1, AT_h_bo},
        {"h.Wg", 4, 4, AT_h_Wg},
        {"h.Ug", 4, 1, AT_h_Ug},
        {"h.bg", 4, 1, AT_h_bg},
        {"out.W", 1, 4, AT_out_W},
        {"out.b", 1, 1, AT_out_b},
        {NULL, 0, 0, 0}
    };
    return table;
}

size_t tiny_lstm_sizes(tiny_lstm_size what, size_t batch, const size_t *steps)
{
    (void)batch;
    (void)steps;
    if (what == TINY_LSTM_SIZE_PARAMS) return TINY_LSTM_PARAMS;
    if (what == TINY_LSTM_SIZE_PACKED) return TINY_LSTM_PACKED;
    if (what == TINY_LSTM_SIZE_STATE_BYTES) return sizeof(tiny_lstm_state);
    if (what == TINY_LSTM_SIZE_STEP) return TINY_LSTM_STEP_WORK(steps[0], batch);
    if (what == TINY_LSTM_SIZE_FORWARD) return TINY_LSTM_FORWARD_WORK(steps[0], batch);
    if (what == TINY_LSTM_SIZE_LOSS) return TINY_LSTM_LOSS_WORK(steps[0], batch);
    if (what == TINY_LSTM_SIZE_GRAD) return TINY_LSTM_GRAD_WORK(steps[0], batch);
    return 0;
}
