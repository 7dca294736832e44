/* context.h: what the parts of model_check() share; no other stage includes it.
 *
 * The parts run one after the other: expand (names, cells; makes variables and expressions), infer (shapes and axes),
 * time (loops, order), rules (what else must hold), weights. */
#ifndef MODEL_CONTEXT_H
#define MODEL_CONTEXT_H

#include "model/model.h"

typedef enum symbol_kind { SYMBOL_SIZE, SYMBOL_VARIABLE, SYMBOL_AXIS, SYMBOL_CELL } symbol_kind;

typedef struct symbol {
    name word;
    symbol_kind kind;
    span at;
    union {
        model_size *size;      /* SYMBOL_SIZE */
        uint32_t variable;     /* SYMBOL_VARIABLE */
        int axis;              /* SYMBOL_AXIS */
        const tree_cell *cell; /* SYMBOL_CELL; NULL: poisoned */
    };
} symbol;

typedef struct model_scope {
    ARRAY(symbol) symbols;
    name_map index;
    int sizes;
} model_scope;

/* Where the calls inside an equation get their paths from. */
typedef struct naming {
    name path;
    bool whole; /* the call is the whole right side: it has the path itself */
} naming;

typedef struct context {
    arena *arena;
    names *names;
    diags *diags;
    const model_options *options;
    model *model;
    ARRAY(tree_file *) files;
    name_map cells; /* of the files, then of the standard cells as they are met */
    ARRAY(const tree_cell *) cell_list;
    name_map paths; /* taken */
    bool full;      /* a limit was met and reported */
    struct constant_index {
        name word;
        double value;
    } index[2]; /* of the constant that is being computed, and their values then */
    int indices;
    int depth; /* of the recursion over expressions */
    bool *define_used;
    name word_rows, word_columns, word_t, word_T;
} context;

/* ---- axes.c: of the time axes in a set */
static inline model_axes axes_of(int axis) /* 0: none */ { return axis ? (model_axes)1 << axis : 0; }
int axes_count(model_axes set);
int axes_first(model_axes set);                                  /* 0: there is none */
int axes_only(model_axes set);                                   /* 0: there is none, or several */
const char *axes_text(arena *a, const model *m, model_axes set); /* "t, s" */

/* ---- scope.c */
symbol *scope_find(const model_instance *s, name word);
/* Adds a symbol; a second one of that name is an error and gives NULL. */
symbol *scope_add(context *c, model_instance *s, tree_id id, symbol_kind kind);
void unknown_name(context *c, const model_instance *s, name word, span at);
const tree_cell *cell_find(context *c, name word);
void suggest_function(context *c, const model_instance *s, name word); /* a hint for the last message */
bool function_named(name word, model_function *f);

/* ---- size.c: numbers known when compiled */
typedef enum size_state { SIZE_KNOWN, SIZE_LATER, SIZE_BROKEN, SIZE_NOT_CONSTANT } size_state;
/* LATER: depends on a shape that is not inferred yet. NOT_CONSTANT: *why is the part that no compiler can know. */
size_state size_eval(context *c, model_instance *s, const tree_expr *e, double *value, const tree_expr **why);
size_state size_value(context *c, model_size *z, double *value);
/* Must be known now; reports, and returns false. */
bool size_require(context *c, model_instance *s, const tree_expr *e, double *value);
bool size_whole(context *c, span at, double value, int *out); /* 1 .. MODEL_MAX_COMPONENTS, or reports */

/* ---- expand.c */
void expand_model(context *c, const tree_model *t);
void expand_body(context *c, model_instance *s, const tree_stmts *body);
const char *expand_defined(context *c, name word); /* what -D says of that name, or NULL */
uint32_t variable_new(context *c, model_instance *s, model_variable_kind kind, name path, name word, span at);
model_variable *variable(const context *c, uint32_t number);
/* Its name, and where it gets its value, for a reader inside of `from`: a cell knows its results by names of its own. */
tree_id variable_seen(const context *c, uint32_t number, const model_instance *from);
name path_unique(context *c, name path);
name path_below(context *c, name path, name word); /* "path.word", or "word" */
/* A hidden variable with this value; the variable itself when the value is just one. */
uint32_t variable_of(context *c, model_instance *s, name path, name word, model_expr *value);
void boundary_add(context *c, model_instance *s, uint32_t v, tree_id word, const tree_expr *index, uint32_t value,
                  bool override);

/* ---- constant.c */
bool constant_is_number(const model_variable *v);
void constant_expand(context *c, model_instance *s, const tree_decl *d, uint32_t number);
/* The i of a size `i < n`; NULL: it is a size alone. */
const tree_expr *constant_index(const tree_expr *dim);
bool constant_has_indices(const tree_decl *d);
/* The components of a constant with indices, now that its shape is known. True, too, of any other. */
bool constant_evaluate(context *c, const model_variable *v, shape s);

/* ---- value.c */
model_expr *expand_expr(context *c, model_instance *s, const tree_expr *e, naming *at);
model_expr *expr_new(context *c, model_expr_kind kind, span at);
model_expr *expr_variable(context *c, uint32_t v, span at);
model_expr *expr_call(context *c, model_function f, span at, int count);

/* A place in time as written: t + k, k, T + k. */
typedef struct time_index {
    enum { INDEX_STEP, INDEX_NUMBER, INDEX_END } base;
    int axis;
    model_instance *scope;
    int k;
} time_index;
bool index_parse(context *c, model_instance *s, const tree_expr *e, time_index *out);
const char *tree_text(context *c, const tree_expr *e); /* as the user wrote it, shortened */

/* ---- call.c */
/* Expands the call of a cell. results[0..count) may hold variables made before (0: make one). */
bool expand_call(context *c, model_instance *s, const tree_expr *e, const tree_cell *cell, naming *at,
                 uint32_t *results, size_t count);

/* ---- infer.c */
void infer_model(context *c);

/* ---- time.c */
void time_check(context *c);

/* ---- rules.c, weights.c, train.c */
void rules_check(context *c);
void weights_check(context *c);
void train_expand(context *c, const tree_stmt *t);

#endif
