/* files.h: what the writers of the header and of the source share: one model being written. */
#ifndef EMIT_FILES_H
#define EMIT_FILES_H

#include "emit/footprint.h"

typedef ARRAY(field) fields;

typedef struct file {
    writer w;
    emit_options o;
    const emit_model *m;
    const graph *g;
    const char *prefix, *PREFIX, *real;
    footprint *needs; /* of an inference build */
    bool random;      /* a function draws */
    fields f;         /* members of the struct of arguments */
} file;

/* emit.c: questions to the model, and what opens each file. */
const program *file_program(const file *f, entry e); /* NULL: there is none */
bool file_has_loss(const file *f);
bool file_carries(const file *f); /* calls take a state and leave one */
bool file_loads(const file *f);   /* weights come from a file of their own, checked by a function */

/* What the loss reads of later steps although the outputs read none: then loss and grad take no state. NO_NODE:
 * nothing. */
node_id file_loss_reads_later(const file *f);
void file_write_head(file *f, const char *ending);

void write_check(file *f, const program *p); /* checks.c: "check_forward", which the entry point calls first */

/* The source is written first: what its functions need stands at the head of the header. */
const char *write_source(file *f, const char *header_name); /* source.c */
const char *write_header(file *f);                          /* header.c */

#endif
