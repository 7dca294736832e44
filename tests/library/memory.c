/* memory.c none|tcc STRIDE SPEC: one allocation after the other (or each STRIDEth) fails, then all from there on; each
 * time the library must say so, or do without, and nothing may be lost. Linked with --wrap=malloc and so on: all of the
 * library's allocations come by here. */
#include "rnnc.h"
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LOST = 16 << 10 }; /* bytes that libc keeps for itself: a buffer of stdio, a table of locales */

static atomic_long count, fail_from, fail_to;

static int fails(void)
{
    long n = atomic_fetch_add(&count, 1) + 1;
    return n >= fail_from && n <= fail_to;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t to, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n);
void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t to, size_t n) { return fails() ? NULL : __real_aligned_alloc(to, n); }

/* Everything once: 0 when all went well, 1 when a fault was told, -1 when a fault was not. */
static int once(const char *path, rnnc_jit how)
{
    rnnc_options o = {.jit = how};
    rnnc_error e[6] = {{RNNC_OK, ""}};
    rnnc_model *m = rnnc_compile_file(path, &o);
    rnnc_status status = rnnc_status_of(m);
    if (status != RNNC_OK && !*rnnc_error_of(m)) return -1;
    if (how == RNNC_JIT_NONE || status != RNNC_OK) return rnnc_free(m), status == RNNC_BUG ? -1 : status != RNNC_OK;
    rnnc_weights *w = rnnc_weights_new(m, 1, &e[0]);
    rnnc_state *s = rnnc_state_new(m, &e[1]);
    const int x[6] = {0, 1, 1, 2, 2, 3}, y[6] = {1, 2, 2, 3, 3, 0};
    const void *inputs[] = {x, y};
    float grads[1000];
    rnnc_call call = {.sequences = 2, .steps = {3}, .inputs = inputs, .grads = grads, .state = s};
    if (w) rnnc_grad(m, w, &call, &e[2]);
    if (w) rnnc_weights_save(w, "weights.safetensors", &e[3]);
    if (w && e[3].status == RNNC_OK) rnnc_weights_load(w, "weights.safetensors", &e[4]);
    rnnc_weights_free(w);
    rnnc_state_free(s);
    rnnc_free(m);
    int told = 0;
    for (int i = 0; i < 6; i++) {
        if (e[i].status != RNNC_OK && !*e[i].text) return -1;
        if (e[i].status == RNNC_BUG || e[i].status == RNNC_BAD_CALL) return -1;
        told |= e[i].status != RNNC_OK;
    }
    return told;
}

static int fail_everywhere(const char *path, rnnc_jit how, int stride, int all_after)
{
    fail_from = fail_to = -1;
    if (once(path, how) != 0) return printf("memory: with enough memory it fails\n"), 1;
    count = 0;
    once(path, how);
    long most = count, told = 0;
    size_t before = mallinfo2().uordblks;
    for (long i = 1; i <= most; i += stride) {
        count = 0;
        fail_from = i;
        fail_to = all_after ? 1L << 40 : i;
        int result = once(path, how);
        if (result < 0) return printf("memory: allocation %ld of %ld fails, and nobody says so\n", i, most), 1;
        told += result;
    }
    fail_from = fail_to = -1;
    if (once(path, how) != 0) return printf("memory: afterwards it fails\n"), 1;
    long lost = (long)mallinfo2().uordblks - (long)before;
    printf("memory: %ld allocations, %ld faults told, %ld bytes lost\n", most, told, lost);
    return lost > MOST_LOST || told == 0;
}

int main(int argc, char **argv)
{
    int bad = 0;
    rnnc_jit how = strcmp(argv[1], "none") == 0 ? RNNC_JIT_NONE : RNNC_JIT_TCC;
    for (int all_after = 0; all_after < 2; all_after++)
        bad += fail_everywhere(argv[argc - 1], how, atoi(argv[2]), all_after);
    return bad != 0;
}
