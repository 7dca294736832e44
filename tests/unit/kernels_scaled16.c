/* kernels_scaled16.c: kernels_scaled.c for integers of 16 bits. */
#define MATRIX_BITS 16
#include "kernels_scaled.c"
