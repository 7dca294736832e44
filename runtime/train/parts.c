/* parts.c: work in several threads; see parts.h. Threads are made anew each time, some tens of microseconds: for work
 * that takes milliseconds. */
#include "train/parts.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct job {
    pthread_t thread;
    void (*work)(void *context, int part);
    void *context;
    int part;
    bool begun;
} job;

static void *begin(void *of)
{
    const job *j = of;
    j->work(j->context, j->part);
    return NULL;
}

void parts_run(int count, void (*work)(void *context, int part), void *context)
{
    job jobs[PARTS_MAX];
    for (int i = 1; i < count; i++) {
        jobs[i] = (job){.work = work, .context = context, .part = i};
        jobs[i].begun = pthread_create(&jobs[i].thread, NULL, begin, &jobs[i]) == 0;
    }
    work(context, 0);
    for (int i = 1; i < count; i++) {
        if (jobs[i].begun)
            pthread_join(jobs[i].thread, NULL);
        else
            work(context, i);
    }
}
