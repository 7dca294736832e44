/* torch.h: names of PyTorch. torch_read stands in chain.h, beside the readers of other formats. */
#ifndef EXCHANGE_TORCH_H
#define EXCHANGE_TORCH_H

#include "exchange/maps.h"

/* The name that PyTorch gives a tensor of the model: "h.0.backward.weight_ih" is "h.weight_ih_l0_reverse". */
const char *torch_name(arena *a, const foreign *f);

#endif
