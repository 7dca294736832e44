/* bleu.c: counts n-grams; see bleu.h. */
#include "train/bleu.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How many n-grams of `said` are in `wanted`, where each of those serves once. */
static double matches(const int *said, size_t said_count, const int *wanted, size_t wanted_count, size_t n, bool *used)
{
    double found = 0;
    memset(used, 0, wanted_count * sizeof *used);
    for (size_t i = 0; i + n <= said_count; i++)
        for (size_t k = 0; k + n <= wanted_count; k++) {
            if (used[k] || memcmp(said + i, wanted + k, n * sizeof *said) != 0) continue;
            used[k] = true;
            found++;
            break;
        }
    return found;
}

bool bleu_add(bleu *b, const int *said, size_t said_count, const int *wanted, size_t wanted_count)
{
    bool *used = malloc(wanted_count + 1);
    if (!used) return false;
    for (size_t n = 1; n <= BLEU_MOST; n++) {
        b->match[n - 1] += matches(said, said_count, wanted, wanted_count, n, used);
        b->grams[n - 1] += said_count >= n ? (double)(said_count - n + 1) : 0;
    }
    b->said += (double)said_count;
    b->wanted += (double)wanted_count;
    free(used);
    return true;
}

double bleu_score(const bleu *b)
{
    double log_mean = 0;
    for (int n = 0; n < BLEU_MOST; n++) {
        if (b->match[n] == 0) return 0;
        log_mean += log(b->match[n] / b->grams[n]) / BLEU_MOST;
    }
    double brevity = b->said < b->wanted ? 1 - b->wanted / b->said : 0;
    return exp(brevity + log_mean);
}
