/* host.c: the program of a target that has a C library. With -DTHREADS, two instances at once in two threads. */
#include "driver.h"
#include <stdio.h>

#ifdef THREADS
#include <pthread.h>

enum { ROUNDS = 20 };

static char said[2][SAID];

static void *work(void *which)
{
    const int n = which == said[1];
    for (int i = 0; i < ROUNDS; i++)
        if (check(instances[n], said[n]) != 0) return which;
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int failed = 0;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, work, said[i]) != 0) return 3;
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        failed |= pthread_join(threads[i], &result) != 0 || result;
    }
    puts(said[0][0] == 'o' ? said[1] : said[0]);
    return failed;
}

#else

int main(void)
{
    char said[SAID];
    const int failed = check(instances[0], said);
    puts(said);
    return failed;
}

#endif
