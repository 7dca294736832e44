/* driver.h: one model of its own memory, held against the oracle: driver.c, which runs on every target. */
#ifndef TARGETS_DRIVER_H
#define TARGETS_DRIVER_H

enum { SAID = 80 };     /* bytes of a message */

typedef struct instance instance;

#ifdef __cplusplus
extern "C" {
#endif

/* Two that share nothing. */
extern instance *const instances[2];

/* Runs all functions that the model has (with -DSTREAMING: step alone, where there is one). Returns 0 when it is right;
 * `said` tells how far the outputs are from the oracle's, or what is wrong. */
int check(instance *own, char *said);

/* A number behind a text. */
void say(char *said, const char *text, unsigned long number);

#ifdef __cplusplus
}
#endif
#endif
