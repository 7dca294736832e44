/* driver.h: one model of its own memory, held against the oracle: driver.c, which runs on every target. */
#ifndef TARGETS_DRIVER_H
#define TARGETS_DRIVER_H

enum { SAID = 80 }; /* bytes of a message */

typedef struct instance instance;

#ifdef __cplusplus
extern "C" {
#endif

/* Two that share nothing. */
extern instance *const instances[2];

/* Runs all functions that the model has (with -DSTREAMING: step alone, where there is one,
 * and how long it takes). Returns 0 when it is right;
 * `said` tells how far the outputs are from the oracle's, or what is wrong. */
int check(instance *own, char *said);

/* Adds to what is said. */
void say(char *said, const char *text);
void say_number(char *said, const char *text, unsigned long number);

#ifdef STREAMING
unsigned long clock_now(void); /* of the platform: instructions */
#endif

#ifdef __cplusplus
}
#endif
#endif
