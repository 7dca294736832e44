/* model.h: the checked model.
 *
 * In: the tree of a file. Out: a flat list of variables with types: the cells are instantiated, the names resolved, the
 * shapes and axes inferred, the loops in time checked. Nothing in a model that model_check() returns is wrong: the
 * stages after it meet no fault of the user.
 *
 * Names of variables are paths: `W` of the model, `h1.Wi` of the call that is the right side of h1's equation,
 * `p.dense.W` of a call inside the equation of p. A result of a call *is* the variable on the left of its equation.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/shape.h"
#include "base/text.h"
#include "syntax/tree.h"

enum {
    MODEL_MAX_AXES = 6,             /* time axes */
    MODEL_MAX_COMPONENTS = 1 << 28, /* of one value, and of all parameters together */
    MODEL_MAX_COMPUTED = 1 << 20,   /* of a constant that is computed from its indices */
    MODEL_MAX_CLASSES = 1 << 24,    /* of a token: whole numbers that a float holds exactly */
    MODEL_MAX_VARIABLES = 100000,
    MODEL_MAX_INSTANCES = 10000, /* calls of cells, all together */
    MODEL_MAX_CELL_DEPTH = 40,   /* calls inside calls */
    MODEL_MAX_DEPTH = 1000,      /* operations inside operations */
    MODEL_MAX_SIZES = 1024,      /* in one cell or model */
    MODEL_MAX_OFFSET = 1 << 20,  /* k in h[t-k] */
    MODEL_MAX_BOUNDARY = 64,     /* k in h[-k] = v */
};

/* ---- types ------------------------------------------------------------------------------------------------------- */

typedef uint32_t model_axes; /* bit 0: the batch; bit i: time axis number i */

typedef struct model_type {
    bool token;    /* an index below `classes`; the shape is that of a scalar */
    bool poisoned; /* an error has been reported: say nothing more */
    int classes;
    shape shape;
    model_axes axes;
} model_type;

/* ---- functions --------------------------------------------------------------------------------------------------- */

typedef enum model_function {
#define FUNCTION(id, ...) FUNCTION_##id,
#include "model/functions.def"
    FUNCTION_COUNT
} model_function;

typedef enum function_class { OPERATOR, OPERATION, COMPOSITE, SPECIAL, LOSS } function_class;
typedef struct function_info {
    const char *name;
    function_class class;
    int least, most; /* arguments; most = MANY: any number */
    bool over;
    const char *usage;
} function_info;
enum { MANY = 1 << 20 };
extern const function_info function_table[FUNCTION_COUNT];
bool function_is_random(model_function f); /* in training: keyed by seed and place */

/* ---- expressions ------------------------------------------------------------------------------------------------- */

typedef struct model_expr model_expr;
typedef struct model_instance model_instance;
typedef struct model_size model_size;

typedef enum model_expr_kind {
    EXPR_POISON,   /* an error has been reported; in no model that is returned */
    EXPR_NUMBER,   /* value */
    EXPR_LITERAL,  /* literal: row-major, the shape is the type's */
    EXPR_SIZE,     /* size: its value */
    EXPR_VARIABLE, /* read.variable at the same step */
    EXPR_SHIFT,    /* read: the variable at t + k along the axis */
    EXPR_AT,       /* read: the variable at k, or at T - k (from_end), along the axis */
    EXPR_STEP,     /* read.axis: the number of the step; read.from_end: T - t + 1 */
    EXPR_CALL,     /* call */
    EXPR_SLICE,    /* slice: a(3), a(0:8), A(0, :) */
} model_expr_kind;

typedef enum model_extent { WHOLE, EACH_ROW, EACH_COLUMN } model_extent;

typedef struct model_range {      /* one dimension of a slice */
    const tree_expr *first, *end; /* as written; NULL: from the start, to the end */
    bool single;                  /* a component: the dimension goes */
    int begin, length;            /* inferred */
} model_range;

struct model_expr {
    model_expr_kind kind;
    uint32_t number; /* 0 .. model.exprs - 1: for side tables */
    span at;
    model_type type;
    union {
        double value;
        const double *literal;
        model_size *size;
        struct {
            uint32_t variable;
            int axis; /* 0 until inferred */
            int k;
            bool from_end;
            model_instance *scope; /* EXPR_AT, _SHIFT, _STEP: the axis is this call's own; NULL: written or inferred */
        } read;
        struct {
            model_function function;
            model_expr **args;
            int count;
            model_extent extent;   /* of a reduction: of all components, of each row, of each column */
            model_axes over;       /* sum(e over s, t) */
            model_instance *scope; /* `over` has this call's axis, too; NULL: it has not */
            name path;             /* dropout, zoneout: what their masks are keyed by */
            /* Options: FUNCTION_OPTION in functions.def. A cross_entropy with weights has them as its third
             * argument. */
            double smoothing, ignore, blank; /* ignore: a class, -1: none */
        } call;
        struct {
            model_expr *operand;
            int ranges;
            model_range range[2];
            model_instance *scope; /* whose sizes the ranges are written in */
        } slice;
    };
};

/* ---- the model --------------------------------------------------------------------------------------------------- */

struct model_size { /* a number known when compiled */
    name word;
    span at;
    bool known, broken; /* broken: an error has been reported */
    bool busy;          /* being evaluated: a size that needs itself is found by it */
    bool from_data;     /* what the data say, or stands in for that */
    double value;
    const tree_expr *expr; /* not evaluated yet: in this scope; NULL: given from outside, or by the shape of data */
    model_instance *scope;
};

typedef enum model_init_kind {
    MODEL_NUMBER,
    MODEL_UNIFORM,
    MODEL_NORMAL,
    MODEL_GLOROT,
    MODEL_ORTHOGONAL,
    MODEL_IDENTITY,
} model_init_kind;
typedef struct model_init {
    model_init_kind kind;
    double value;
} model_init;

typedef enum model_variable_kind {
    VARIABLE_EQUATION, /* value */
    VARIABLE_INPUT,    /* input or target */
    VARIABLE_PARAM,    /* init */
    VARIABLE_CONST,    /* value: number, literal, vector(), rows() */
} model_variable_kind;

/* h[0] = v. Slot 0, 1, ... stand for the indices 0, -1, ... before, or T+1, T+2, ... after. */
typedef struct model_boundary {
    bool after;
    int slot;
    uint32_t variable; /* the value: v, or a hidden one */
    span at;
} model_boundary;

typedef struct model_variable {
    model_variable_kind kind;
    name path, word; /* "h1.Wi", "Wi" */
    span at;         /* its name in the spec */
    span equation;   /* the statement that defines it */
    model_type type;
    model_expr *value;
    bool target;
    bool hidden;             /* no name in the spec: data of a call, value of a boundary or a loss */
    bool used, mentioned;    /* read by someone; named in a branch that was not taken */
    bool mentioned_by_model; /* the branch is in no cell */
    bool on_target;          /* a target, or depends on one */
    model_init init;
    ARRAY(model_boundary) boundaries;
    int boundary_axis; /* of all of them; 0 until checked, unless an index names it */
    /* Of the result of a bidirectional call: its forward and backward part, as the recurrence left them; else 0. */
    uint32_t half[2];
    bool reversed; /* result of a reversed call */
    int scan;      /* 0: a map over time; -1: recurs forward (reads earlier steps), 1: backward */
    int scan_axis;
    bool layered;          /* result of several layers */
    const tree_decl *decl; /* of an input, a parameter or a constant: where it stands in the spec */
    model_instance *scope;
} model_variable;

struct model_instance { /* a call of a cell; number 0 is the model itself */
    uint32_t number;
    name path; /* "" for the model */
    model_instance *parent;
    const tree_cell *cell; /* NULL for the model */
    span at;               /* the call */
    bool reversed;         /* time runs the other way round, seen from the model */
    int axis;              /* that `t` stands for; 0 while unknown */
    ARRAY(struct model_data {
        const tree_param *param;
        uint32_t variable;
    })
    data;
    const uint32_t *results; /* variables, in the order of cell->results */
    struct model_scope *names;
    int depth;
};

typedef struct model_axis {
    name letter, length;
    span at;
} model_axis;
typedef struct model_output {
    name word;
    uint32_t variable;
    span at;
} model_output;
typedef struct model_loss {
    uint32_t value, weight; /* variables; weight 0: none */
    bool total;             /* a sum, not a mean */
    span at;
} model_loss;
typedef struct model_generate { /* x[t+1] ~ p from 1 until 0 */
    uint32_t input, from;
    int axis;
    struct model_mark {
        bool given;
        double written; /* checked with the types: then `token` is it */
        int token;
        span at;
    } first, end;
    span at;
} model_generate;

/* A line of `weights FORMAT { }` for one call: the sum of the foreign parts is the stack of the pieces. */
typedef struct weight_foreign {
    name word;
    int begin, length; /* rows of the tensor */
    bool whole;        /* all of them: no range was written */
    bool transposed;   /* the rows of the transpose */
} weight_foreign;
typedef struct weight_piece {
    uint32_t variable;
    bool transposed;
} weight_piece;
typedef struct model_weights {
    name format;
    const model_instance *instance;
    ARRAY(weight_foreign) foreign;
    ARRAY(weight_piece) pieces;
    shape shape;
    span at;
} model_weights;

typedef struct train_setting {
    name key;
    bool is_word;
    name word;
    name pattern; /* of group "embed.*" = 0.1; else NULL */
    double value;
    span at;
} train_setting;

typedef struct model {
    name word;
    span at;
    sources *sources;
    model_axis axis[MODEL_MAX_AXES + 1]; /* 1 .. axes; 0 is the batch */
    int axes;
    ARRAY(model_size *) sizes;       /* of the model, in source order */
    ARRAY(model_variable) variables; /* 0 is none */
    ARRAY(model_instance *) instances;
    ARRAY(model_output) outputs;
    ARRAY(model_loss) losses;
    ARRAY(model_weights) weights;
    ARRAY(train_setting) train;
    model_generate generate; /* input 0: none */
    uint32_t exprs;
    uint32_t *order; /* all variables but 0: each after what it reads, the operands of shifts excepted */
    size_t ordered;
} model;

/* ---- use --------------------------------------------------------------------------------------------------------- */

typedef struct model_define { /* -D word=value */
    const char *word, *value;
    bool optional; /* no error where the model has no such name */
} model_define;

typedef struct model_options {
    const char *path, *text; /* the spec */
    size_t length;
    const model_define *defines;
    size_t define_count;
    const char *model; /* --model; NULL: the only one */
    int data_size;     /* stands in for every `from data` that no -D sets; 0: that is an error */
    /* The text of `use "path"`, NUL-terminated; NULL when it cannot be read. */
    const char *(*load)(void *context, const char *path, size_t *length);
    void *context;
} model_options;

/* Reads, parses and checks a spec. NULL when there are errors: they are in d (warnings may be there in any case). */
model *model_check(arena *a, names *n, diags *d, const model_options *options);

/* Visits each cross_entropy with `ignore` or `weights` that e is made of: through names at the same step, sums,
 * multiples. */
void model_each_counted(const model *m, const model_expr *e, void (*visit)(void *, const model_expr *), void *to);

/* The operand of the softmax (or sigmoid) that `e` is, through names; NULL when it is none. */
const model_expr *model_logits(const model *m, const model_expr *e, model_function distribution);

/* Has the word a meaning of its own: reserved, a function, a standard cell? Then no variable should be called so. */
bool model_word_taken(arena *a, const char *word);

/* The value of a size of this call, such as an option of its cell; false: it has none of this name. */
bool model_size_value(const model_instance *s, const char *word, double *value);

const char *model_shape_text(arena *a, shape s); /* "a scalar", "(8)", "(4, 8)" */
const char *model_type_text(arena *a, const model *m, model_type t);

void model_print(text *out, const model *m);                           /* explain --stage model */
void model_print_expr(text *out, const model *m, const model_expr *e); /* what it has of one; also for tests */

/* Tensor names, shapes and sizes: check -v. */
void model_print_parameters(text *out, const model *m);

#endif
