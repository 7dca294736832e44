/* cc.h: the system's C compiler, as a process beside the caller; internal to jit/.
 *
 * The text goes to a file in a new folder, which is also the compiler's TMPDIR, and is removed as soon as the shared
 * object is mapped (its pages outlive the name). The compiler leads a process group of its own, so that it can be ended
 * with all that it has started. If the caller is killed, a guard does both: a shell that waits for that, and for
 * nothing else. A folder that is left all the same goes with the next compilation: a lock on it says that somebody is
 * there. */
#ifndef JIT_CC_H
#define JIT_CC_H

#include "jit/jit.h"

typedef struct cc_job cc_job;

bool cc_available(void);
cc_job *cc_start(const jit_options *o, const char *c_text, char **error);
bool cc_ended(cc_job *j);
/* Waits; a handle of dlopen, or NULL. With `interruptible`, a signal that is blocked and pending ends it. */
void *cc_finish(cc_job *j, bool interruptible, char **error);
void cc_cancel(cc_job *j);
/* What the cache has: a handle of dlopen, or NULL. */
void *cc_cached(const jit_options *o, const char *c_text);

#endif
