/* atomic.h: a file that appears whole or not at all.
 *
 *     atomic_file f;
 *     atomic_begin(&f, path);
 *     atomic_write(&f, data, n);
 *     int fault = atomic_commit(&f);
 *
 * Bytes go to a temporary file in the target's folder, which takes the target's place once all of it is on the disk.
 * After a failure the target is what it was and the temporary file is gone. Where the file system can, it has no name
 * until it is whole, so that nothing is left of a program that is killed; elsewhere, what is left in the folder goes
 * with the next file written there, which a lock on it makes safe. The first failure is kept and the calls after it do
 * nothing, so that one check at the end is enough. Symbolic links are followed, the mode of a file that is replaced is
 * kept; a device or a pipe is written directly. A program that uses this should ignore SIGXFSZ: a write beyond the
 * limit on file sizes is then an error like any other. */
#ifndef TRAIN_ATOMIC_H
#define TRAIN_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct atomic_file {
    char *target, *temp;
    int fd, fault;
    bool nameless; /* temp comes at the end */
} atomic_file;

void atomic_begin(atomic_file *f, const char *path);
void atomic_write(atomic_file *f, const void *data, size_t n);
void atomic_fail(atomic_file *f, int fault);                           /* makes the commit fail with this errno */
int atomic_commit(atomic_file *f) __attribute__((warn_unused_result)); /* 0, or the errno of the first failure */

#endif
