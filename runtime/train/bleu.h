/* bleu.h: how much of what was said stands in what should have been said: BLEU, Papineni, Roukos, Ward, Zhu, BLEU: a
 * method for automatic evaluation of machine translation, ACL (2002), of a corpus with one reference a sentence.
 *
 * For n = 1 to 4, the share of the said n-grams that the reference has, each at most as often as there; their geometric
 * mean, times exp(1 - reference / said) where less was said than wanted. Counts are of the whole corpus; nothing is
 * smoothed. */
#ifndef TRAIN_BLEU_H
#define TRAIN_BLEU_H

#include <stdbool.h>
#include <stddef.h>

enum { BLEU_MOST = 4 };

typedef struct bleu {
    double match[BLEU_MOST], grams[BLEU_MOST]; /* of n + 1 symbols: found in the reference; said */
    double said, wanted;                       /* symbols */
} bleu;

/* Adds a sentence. False: no memory. */
bool bleu_add(bleu *b, const int *said, size_t said_count, const int *wanted, size_t wanted_count);

/* From 0 to 1; 0 as long as nothing of some length was right. */
double bleu_score(const bleu *b);

#endif
