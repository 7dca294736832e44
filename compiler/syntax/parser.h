/* parser.h: what scanner, filter and grammar share; internal to syntax/.
 *
 *     bytes -scan.l-> raw tokens -filter.c-> tokens -parse.y-> tree
 *
 * The scanner knows characters only. The filter knows brackets and lines: it decides which newlines end a statement,
 * which words are keywords here, and inserts closers that are missing. The grammar sees clean statements. */
#ifndef SYNTAX_PARSER_H
#define SYNTAX_PARSER_H

#include "syntax/syntax.h"

typedef struct token {
    int kind; /* a token of parse.h: T_END, which is 0, at the end; T_BAD after a lexical error */
    span at;
    double number; /* T_NUMBER */
    name name;     /* T_NAME, T_STRING */
} token;

/* An open bracket. */
typedef struct bracket {
    char opener; /* ( [ { */
    span at;
    uint32_t indent; /* of the line that it stands on, for { */
    uint32_t ifs;    /* `if`s inside it, directly: a `then` without one says that a closer is missing */
    bool block;      /* of train or weights: holds no statements, so no word begins one */
    bool curly;      /* a [ that was written {, so that } closes it */
    bool dims;       /* the sizes of a declaration: no '=' in there */
    uint32_t unary, powers, branches, nots; /* pending operators, to cap the depth */
} bracket;

enum { FILTER_AHEAD = 4 };

typedef struct parser {
    arena *arena;
    names *names;
    diags *diags;
    const source *source;
    tree_file *tree;

    void *scanner;         /* flex's state */
    uint32_t file, offset; /* of the next byte to scan */

    token ahead[FILTER_AHEAD]; /* raw tokens that were looked at */
    size_t ahead_len;
    ARRAY(bracket) brackets; /* [0] is the file itself */
    token previous, before;  /* the last two that the grammar got */
    int word;                /* the keyword that began this statement; 0 for none */
    token head;              /* the word whose `{` has not come yet (cell, model, weights, train); kind 0 for none */
    span suspect;            /* a `{` whose `}` stands at another's indentation */
    bool deep_reported;      /* nesting is reported once a file */

    uint32_t statement; /* counts statements; one syntax error is reported in each */
    uint32_t reported;  /* the statement of the last report */
    bool lost;          /* a top-level item failed: be quiet until the next begins */
} parser;

/* scan.l */
void scan_begin(parser *p);
token scan_next(parser *p);
void scan_end(parser *p);

/* filter.c */
token filter_next(parser *p);
const char *filter_describe(parser *p, const token *t); /* "'+'", "the name 'x'", "the end of the line" */
/* Has this statement no report yet? Then it has now. */
bool filter_may_report(parser *p);
void filter_too_deep(parser *p, span at);
const char *filter_nearest_word(const char *word); /* the statement that may be meant, or NULL */
bool filter_in_block(const parser *p);             /* of train or weights */
bool filter_begins_statement(parser *p);           /* does the last token, on a line of its own? */
enum { SPELLING_MAX = 40 };                        /* longer tokens are cut in messages */

/* tree.c */
tree_expr *tree_new(parser *p, tree_expr_kind kind, span at);
tree_expr *tree_number(parser *p, double number, span at);
tree_expr *tree_name(parser *p, name id, span at);
tree_expr *tree_parenthesised(tree_expr *e, span at);
tree_expr *tree_unary_of(parser *p, tree_unary op, tree_expr *operand, span at);
tree_expr *tree_binary_of(parser *p, tree_binary op, tree_expr *left, tree_expr *right, span op_at);
tree_expr *tree_branch(parser *p, tree_expr *condition, tree_expr *yes, tree_expr *no, span at);
tree_expr *tree_time_of(parser *p, tree_expr *operand, const tree_exprs *index, span at);
tree_expr *tree_range(parser *p, tree_expr *first, tree_expr *end, span at);
/* Adds an argument or an option to a call under construction. */
void tree_add_argument(parser *p, tree_expr *call, tree_expr *argument);
void tree_add_option(parser *p, tree_expr *call, tree_expr *left, tree_expr *value);
tree_expr *tree_call(parser *p, tree_expr *call, tree_direction direction, tree_expr *callee, span at);
tree_stmt *tree_stmt_new(parser *p, tree_stmt_kind kind, span at);
tree_type tree_type_of(parser *p, name word, const tree_exprs *dims, span at, span word_at);

#endif
