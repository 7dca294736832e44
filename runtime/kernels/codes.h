/* codes.h: what the functions of generated C return, and what it means. */
#ifndef RUNTIME_KERNELS_CODES_H
#define RUNTIME_KERNELS_CODES_H

#include "kernels/inline.h"

enum {
    RNN_OK = 0,
    RNN_BAD_ARGUMENT = -1, /* a null pointer, or a size out of its range */
    RNN_BAD_LENGTH = -2,   /* the length of a sequence is negative or beyond the array */
    RNN_BAD_TOKEN = -3,    /* a token inside a sequence is negative or beyond its vocabulary */
    RNN_BAD_WEIGHTS = -4,  /* the bytes given to `load` are damaged, or no file of weights */
    RNN_OTHER_WEIGHTS = -5 /* they are those of another model, type of numbers or version of the format */
};

/* An English sentence for a code, without a full stop. */
RNN_INLINE const char *rnn_strerror(int code)
{
    switch (code) {
    case RNN_OK: return "no error";
    case RNN_BAD_ARGUMENT: return "an argument is null or out of range";
    case RNN_BAD_LENGTH: return "the length of a sequence is out of range";
    case RNN_BAD_TOKEN: return "a token is out of range";
    case RNN_BAD_WEIGHTS: return "the weights are damaged";
    case RNN_OTHER_WEIGHTS: return "the weights are those of another model";
    }
    return "unknown error code";
}

#endif
