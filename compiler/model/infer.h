/* infer.h: what infer.c (variables, calls, passes) and infer_expr.c (the rules of expressions) share. */
#ifndef MODEL_INFER_H
#define MODEL_INFER_H

#include "model/context.h"

typedef struct infer {
    context *c;
    bool report;
    bool settle;       /* an unknown operand beside numbers is a number, too */
    uint32_t noted[8]; /* variables that this message has named */
    int notes;
    bool changed;
    const model_instance *scope; /* of the variable whose equation this is: for notes */
    struct {
        const model_expr *at;
        const model_instance *scope;
    } row_product; /* the first v @ A of the text that takes a vector for a row */
} infer;

#define UNKNOWN ((shape){-1, {1, 1}})

static inline bool is_unknown(shape s) { return s.rank < 0; }

/* The type of an expression, with what is known so far; also kept in it. */
model_type infer_expr(infer *f, model_expr *e);

model_type infer_loss(infer *f, model_expr *e, model_type t);

/* Faults: reported in the last pass, and poison; before, they may still go away. */
model_type infer_fault(infer *f, model_type t);
model_type infer_mismatch(infer *f, const model_expr *e, model_type t, const model_expr *a, const model_expr *b);
void infer_report_row_product(infer *f); /* one for all: who writes one writes all products so */
model_type infer_wanted(infer *f, const model_expr *e, model_type t, const char *what, const model_expr *arg);
model_type infer_token_fault(infer *f, const model_expr *e, model_type t, const model_expr *arg);
model_type infer_not_token(infer *f, const model_expr *e, model_type t, const model_expr *arg);
model_type infer_classes_fault(infer *f, const model_expr *e, model_type t, int components, const model_expr *token);

/* For messages. */
const char *infer_shown(infer *f, model_type t);
void infer_note_calls(infer *f);
void infer_hint_token(infer *f, model_type t); /* what to do with a token where reals are wanted */
void infer_note_shapes(infer *f, const model_expr *a, const model_expr *b);

#endif
