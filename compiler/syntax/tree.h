/* tree.h: what the parser makes of a file: the text as a tree, nothing resolved.
 *
 * In: bytes of a source. Out: a tree_file; every node has its span. Lists are arrays on the arena in source order.
 * A part that could not be parsed is left out (its error has been reported); `file->broken` is then true. */
#ifndef SYNTAX_TREE_H
#define SYNTAX_TREE_H

#include "base/array.h"
#include "base/diag.h"
#include "base/names.h"

typedef struct tree_expr tree_expr;
typedef ARRAY(tree_expr *) tree_exprs;

typedef struct tree_id {
    name text;
    span at;
} tree_id;
typedef ARRAY(tree_id) tree_ids;

/* ---- expressions ------------------------------------------------------------------------------------------------- */

typedef enum tree_expr_kind {
    TREE_NUMBER, /* number: 2, 0.5, 1e-3 */
    TREE_NAME,   /* name */
    TREE_TIME,   /* time: h[t-1], h[T], h[1], h[t, s-1]: an operand and one index an axis */
    TREE_CALL,   /* call: f(args), also a component a(3) and a part a(0:8), A(0, :): told apart by names, later */
    TREE_RANGE,  /* range: 0:8, :8, 2:, : ; only as an argument of a call */
    TREE_UNARY,  /* unary: -a, not a, a' */
    TREE_BINARY, /* binary */
    TREE_IF,     /* branch: if c then a else b */
} tree_expr_kind;

typedef enum tree_unary { TREE_NEG, TREE_NOT, TREE_TRANSPOSE } tree_unary;

typedef enum tree_binary {
    TREE_ADD,
    TREE_SUB,
    TREE_MUL,
    TREE_DIV,
    TREE_MATMUL,
    TREE_MOD,
    TREE_POW,
    TREE_LT,
    TREE_LE,
    TREE_GT,
    TREE_GE,
    TREE_EQ,
    TREE_NE,
    TREE_AND,
    TREE_OR,
} tree_binary;
const char *tree_binary_text(tree_binary op); /* "+", "@", "<=", "and" */

/* name = value, in a call: `layers = 3`, and `h[0] = v`, an initial value: then `time` is the index 0. */
typedef struct tree_option {
    tree_id name;
    tree_expr *time;
    tree_expr *value;
} tree_option;

typedef enum tree_direction { TREE_FORWARD, TREE_REVERSE, TREE_BIDIRECTIONAL } tree_direction;

struct tree_expr {
    tree_expr_kind kind;
    span at;
    bool parenthesised; /* stood in ( ): U @ r * h warns without */
    union {
        double number;
        name name;
        struct {
            tree_expr *operand;
            tree_exprs index;
        } time;
        struct {
            tree_direction direction; /* before the callee */
            tree_expr *callee;        /* a TREE_NAME, or TREE_TIME for h[t-1](0:8) */
            tree_exprs args;
            ARRAY(tree_option) options;
            tree_ids over; /* sum(e over s, t): axes; empty when absent */
        } call;
        struct {
            tree_expr *first, *end;
        } range; /* either may be NULL */
        struct {
            tree_unary op;
            tree_expr *operand;
        } unary;
        struct {
            tree_binary op;
            tree_expr *left, *right;
            span op_at;
        } binary;
        struct {
            tree_expr *condition, *yes, *no;
        } branch;
    };
};

/* ---- statements -------------------------------------------------------------------------------------------------- */

typedef enum tree_stmt_kind {
    TREE_SIZE,      /* size V = from data, E = 64 */
    TREE_CELL_NAME, /* cell C = lstm */
    TREE_INPUT,     /* input x[t] : token(V), m[t] : real */
    TREE_TARGET,
    TREE_PARAM,    /* param W(H,H) = orthogonal, b(H) = 0 */
    TREE_CONST,    /* const k = vector(1, 2, 4); const M(2,2) = 0 */
    TREE_EQUATION, /* h = ..., h[0] = v, h1, c1 = lstm(x, H) */
    TREE_OUTPUT,   /* output p, h as hidden */
    TREE_LOSS,     /* loss total 0.3 * f(p, y) weight m */
    TREE_GENERATE, /* generate x[t+1] ~ p from 1 until 0 */
    TREE_TRAIN,    /* train { optimiser = adam ... } */
    TREE_WEIGHTS,  /* weights torch { ... } */
} tree_stmt_kind;

typedef struct tree_type {
    bool token;
    tree_exprs dims;
    span at;
} tree_type; /* real, real(512), token(V) */

typedef struct tree_decl { /* size, input, target, param, const */
    tree_id name;
    tree_ids axes;   /* input x[t]; empty without */
    tree_exprs dims; /* param W(H,H) */
    bool has_dims;
    tree_type type;   /* input, target */
    tree_expr *value; /* size, const: the value; param: the init; NULL without */
    bool from_data;   /* size V = from data */
    span at;
} tree_decl;

typedef struct tree_map { /* bias_ih(0:2*H) + bias_hh(0:2*H) = rows(br, bz), and option lines of train { } */
    tree_expr *left, *right;
    name pattern; /* group "embed.*" = 0.1; else NULL */
    span at;
} tree_map;

typedef struct tree_stmt {
    tree_stmt_kind kind;
    span at;
    union {
        ARRAY(tree_decl) decls; /* SIZE INPUT TARGET PARAM CONST */
        struct {
            tree_id name, cell;
        } cell_name;         /* CELL_NAME */
        struct {             /* EQUATION */
            tree_ids left;   /* one, or several results of a call */
            tree_expr *time; /* h[0] = v: the index; NULL for a plain equation */
            tree_expr *right;
        } equation;
        ARRAY(struct tree_output {
            tree_id name;
            tree_id as;
        }) outputs; /* OUTPUT; as.text NULL without */
        struct {
            bool total;
            tree_expr *value, *weight;
        } loss; /* weight NULL without */
        struct {
            tree_id name;
            tree_expr *time, *from, *first, *end;
        } generate; /* x[t+1] ~ p from 1 until 0: first and end */
        struct {
            tree_id format;
            ARRAY(tree_map) maps;
        } block; /* TRAIN (format.text NULL), WEIGHTS */
    };
} tree_stmt;
typedef ARRAY(tree_stmt *) tree_stmts;

typedef struct tree_param { /* an argument of a cell: x(D), s : real, w : token(V), H */
    tree_id name;
    bool is_data;   /* x(D), s : real, w : token(V); a bare name is a size */
    tree_type type; /* dims of x(D) stand here */
} tree_param;

typedef struct tree_cell {
    tree_id name;
    ARRAY(tree_param) params;
    ARRAY(struct tree_default {
        tree_id name;
        tree_expr *value;
    }) options; /* cell f(x(D), H, peephole = 0) */
    tree_ids results;
    tree_stmts body;
    span at;
} tree_cell;

typedef struct tree_model {
    tree_id name;
    tree_stmts body;
    span at;
} tree_model;
typedef struct tree_use {
    const char *path;
    span at;
} tree_use;

typedef struct tree_file {
    uint32_t file; /* the source's number */
    ARRAY(tree_use) uses;
    ARRAY(tree_cell *) cells;
    ARRAY(tree_model *) models;
    bool broken;
} tree_file;

#endif
