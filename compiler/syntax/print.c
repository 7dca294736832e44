/* print.c: tree to text, canonically laid out.
 *
 * Parentheses are printed where they stood and where precedence needs them, so that parsing the text gives the same
 * tree and printing that gives the same text. Depth is capped by the parser. */
#include "syntax/syntax.h"
#include <stdio.h>
#include <stdlib.h>

typedef enum level {
    LEVEL_FULL,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_NEGATION,
    LEVEL_POWER,
    LEVEL_OPERAND,
} level;

static level level_of_binary(tree_binary op)
{
    switch (op) {
    case TREE_OR: return LEVEL_OR;
    case TREE_AND: return LEVEL_AND;
    case TREE_LT:
    case TREE_LE:
    case TREE_GT:
    case TREE_GE:
    case TREE_EQ:
    case TREE_NE: return LEVEL_COMPARE;
    case TREE_ADD:
    case TREE_SUB: return LEVEL_SUM;
    case TREE_MUL:
    case TREE_DIV:
    case TREE_MATMUL:
    case TREE_MOD: return LEVEL_PRODUCT;
    case TREE_POW: return LEVEL_POWER;
    }
    BUG("no such operator: %d", (int)op);
}

static level level_of(const tree_expr *e)
{
    switch (e->kind) {
    case TREE_NUMBER:
    case TREE_NAME:
    case TREE_TIME:
    case TREE_CALL:
    case TREE_RANGE: return LEVEL_OPERAND;
    case TREE_UNARY:
        switch (e->unary.op) {
        case TREE_NEG: return LEVEL_NEGATION;
        case TREE_NOT: return LEVEL_NOT;
        case TREE_TRANSPOSE: return LEVEL_OPERAND;
        }
        break;
    case TREE_BINARY: return level_of_binary(e->binary.op);
    case TREE_IF: return LEVEL_FULL;
    }
    BUG("no such expression: %d", (int)e->kind);
}

static void print_expr(text *out, const tree_expr *e, level at_least);

/* The shortest text that reads back as the same number. */
static void print_number(text *out, double x)
{
    char digits[32];
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x) break;
    }
    text_put(out, "%s", digits);
}

static void print_exprs(text *out, const tree_exprs *list)
{
    for (size_t i = 0; i < list->len; i++) {
        if (i) text_put(out, ", ");
        print_expr(out, list->data[i], LEVEL_FULL);
    }
}

static void print_ids(text *out, const tree_ids *ids)
{
    for (size_t i = 0; i < ids->len; i++) text_put(out, "%s%s", i ? ", " : "", ids->data[i].text);
}

static void print_call(text *out, const tree_expr *e)
{
    switch (e->call.direction) {
    case TREE_FORWARD: break;
    case TREE_REVERSE: text_put(out, "reverse "); break;
    case TREE_BIDIRECTIONAL: text_put(out, "bidirectional "); break;
    }
    print_expr(out, e->call.callee, LEVEL_OPERAND);
    text_put(out, "(");
    print_exprs(out, &e->call.args);
    for (size_t i = 0; i < e->call.options.len; i++) {
        const tree_option *o = &e->call.options.data[i];
        text_put(out, "%s%s", i || e->call.args.len ? ", " : "", o->name.text);
        if (o->time) {
            text_put(out, "[");
            print_expr(out, o->time, LEVEL_OR);
            text_put(out, "]");
        }
        text_put(out, " = ");
        print_expr(out, o->value, LEVEL_FULL);
    }
    if (e->call.over.len) {
        text_put(out, " over ");
        print_ids(out, &e->call.over);
    }
    text_put(out, ")");
}

static void print_unary(text *out, const tree_expr *e)
{
    switch (e->unary.op) {
    case TREE_NEG:
        text_put(out, "-");
        print_expr(out, e->unary.operand, LEVEL_NEGATION);
        break;
    case TREE_NOT:
        text_put(out, "not ");
        print_expr(out, e->unary.operand, LEVEL_NOT);
        break;
    case TREE_TRANSPOSE:
        print_expr(out, e->unary.operand, LEVEL_OPERAND);
        text_put(out, "'");
        break;
    }
}

static void print_binary(text *out, const tree_expr *e)
{
    level own = level_of_binary(e->binary.op);
    level left = own == LEVEL_COMPARE ? own + 1 : own, right = own + 1;
    if (e->binary.op == TREE_POW) { /* binds to the right; an exponent may be negative */
        left = LEVEL_OPERAND;
        right = LEVEL_NEGATION;
    }
    print_expr(out, e->binary.left, left);
    text_put(out, e->binary.op == TREE_POW ? "%s" : " %s ", tree_binary_text(e->binary.op));
    print_expr(out, e->binary.right, right);
}

static void print_bare(text *out, const tree_expr *e)
{
    switch (e->kind) {
    case TREE_NUMBER: print_number(out, e->number); break;
    case TREE_NAME: text_put(out, "%s", e->name); break;
    case TREE_TIME:
        print_expr(out, e->time.operand, LEVEL_OPERAND);
        text_put(out, "[");
        print_exprs(out, &e->time.index);
        text_put(out, "]");
        break;
    case TREE_CALL: print_call(out, e); break;
    case TREE_RANGE:
        if (e->range.first) print_expr(out, e->range.first, LEVEL_OR);
        text_put(out, ":");
        if (e->range.end) print_expr(out, e->range.end, LEVEL_OR);
        break;
    case TREE_UNARY: print_unary(out, e); break;
    case TREE_BINARY: print_binary(out, e); break;
    case TREE_IF:
        text_put(out, "if ");
        print_expr(out, e->branch.condition, LEVEL_FULL);
        text_put(out, " then ");
        print_expr(out, e->branch.yes, LEVEL_FULL);
        text_put(out, " else ");
        print_expr(out, e->branch.no, LEVEL_FULL);
        break;
    }
}

static void print_expr(text *out, const tree_expr *e, level at_least)
{
    bool parentheses = e->parenthesised || level_of(e) < at_least;
    if (parentheses) text_put(out, "(");
    print_bare(out, e);
    if (parentheses) text_put(out, ")");
}

void syntax_print_expr(text *out, const tree_expr *e) { print_expr(out, e, LEVEL_FULL); }

/* ---- statements -------------------------------------------------------------------------------------------------- */

static void print_type(text *out, const tree_type *t)
{
    text_put(out, "%s", t->token ? "token" : "real");
    if (t->dims.len == 0) return;
    text_put(out, "(");
    print_exprs(out, &t->dims);
    text_put(out, ")");
}

static void print_decl(text *out, const tree_decl *d, bool typed)
{
    text_put(out, "%s", d->name.text);
    if (d->axes.len) {
        text_put(out, "[");
        print_ids(out, &d->axes);
        text_put(out, "]");
    }
    if (d->has_dims) {
        text_put(out, "(");
        print_exprs(out, &d->dims);
        text_put(out, ")");
    }
    if (typed) {
        text_put(out, " : ");
        print_type(out, &d->type);
    }
    if (d->from_data) text_put(out, " = from data");
    if (d->value) {
        text_put(out, " = ");
        print_expr(out, d->value, LEVEL_FULL);
    }
}

static void print_decls(text *out, const char *word, const tree_stmt *s, bool typed)
{
    text_put(out, "%s ", word);
    for (size_t i = 0; i < s->decls.len; i++) {
        if (i) text_put(out, ", ");
        print_decl(out, &s->decls.data[i], typed);
    }
    text_put(out, "\n");
}

static void print_equation(text *out, const tree_stmt *s)
{
    print_ids(out, &s->equation.left);
    if (s->equation.time) {
        text_put(out, "[");
        print_expr(out, s->equation.time, LEVEL_OR);
        text_put(out, "]");
    }
    text_put(out, " = ");
    print_expr(out, s->equation.right, LEVEL_FULL);
    text_put(out, "\n");
}

static void print_loss(text *out, const tree_stmt *s)
{
    text_put(out, "loss %s", s->loss.total ? "total " : "");
    print_expr(out, s->loss.value, LEVEL_FULL);
    if (s->loss.weight) {
        text_put(out, " weight ");
        print_expr(out, s->loss.weight, LEVEL_OR);
    }
    text_put(out, "\n");
}

static void print_block(text *out, const tree_stmt *s)
{
    if (s->kind == TREE_TRAIN)
        text_open(out, "train");
    else
        text_open(out, "weights %s", s->block.format.text);
    for (size_t i = 0; i < s->block.maps.len; i++) {
        print_expr(out, s->block.maps.data[i].left, LEVEL_OR);
        if (s->block.maps.data[i].pattern) text_put(out, " \"%s\"", s->block.maps.data[i].pattern);
        text_put(out, " = ");
        print_expr(out, s->block.maps.data[i].right, LEVEL_FULL);
        text_put(out, "\n");
    }
    text_close(out, NULL);
}

static void print_stmt(text *out, const tree_stmt *s)
{
    switch (s->kind) {
    case TREE_SIZE: print_decls(out, "size", s, false); break;
    case TREE_CELL_NAME: text_line(out, "cell %s = %s", s->cell_name.name.text, s->cell_name.cell.text); break;
    case TREE_INPUT: print_decls(out, "input", s, true); break;
    case TREE_TARGET: print_decls(out, "target", s, true); break;
    case TREE_PARAM: print_decls(out, "param", s, false); break;
    case TREE_CONST: print_decls(out, "const", s, false); break;
    case TREE_EQUATION: print_equation(out, s); break;
    case TREE_OUTPUT:
        text_put(out, "output ");
        for (size_t i = 0; i < s->outputs.len; i++) {
            text_put(out, "%s%s", i ? ", " : "", s->outputs.data[i].name.text);
            if (s->outputs.data[i].as.text) text_put(out, " as %s", s->outputs.data[i].as.text);
        }
        text_put(out, "\n");
        break;
    case TREE_LOSS: print_loss(out, s); break;
    case TREE_GENERATE:
        text_put(out, "generate %s[", s->generate.name.text);
        print_expr(out, s->generate.time, LEVEL_OR);
        text_put(out, "] ~ ");
        print_expr(out, s->generate.from, LEVEL_FULL);
        if (s->generate.first) text_put(out, " from ");
        if (s->generate.first) print_expr(out, s->generate.first, LEVEL_OR);
        if (s->generate.end) text_put(out, " until ");
        if (s->generate.end) print_expr(out, s->generate.end, LEVEL_OR);
        text_put(out, "\n");
        break;
    case TREE_TRAIN:
    case TREE_WEIGHTS: print_block(out, s); break;
    }
}

static void print_body(text *out, const tree_stmts *body)
{
    for (size_t i = 0; i < body->len; i++) print_stmt(out, body->data[i]);
    text_close(out, NULL);
}

static void print_param(text *out, const tree_param *a)
{
    text_put(out, "%s", a->name.text);
    if (!a->is_data) return;
    if (!a->type.token && a->type.dims.len) {
        text_put(out, "(");
        print_exprs(out, &a->type.dims);
        text_put(out, ")");
    } else {
        text_put(out, " : ");
        print_type(out, &a->type);
    }
}

static void print_cell(text *out, const tree_cell *c)
{
    text_put(out, "cell %s(", c->name.text);
    for (size_t i = 0; i < c->params.len; i++) {
        if (i) text_put(out, ", ");
        print_param(out, &c->params.data[i]);
    }
    for (size_t i = 0; i < c->options.len; i++) {
        text_put(out, "%s%s = ", i || c->params.len ? ", " : "", c->options.data[i].name.text);
        print_expr(out, c->options.data[i].value, LEVEL_FULL);
    }
    text_put(out, ") -> ");
    print_ids(out, &c->results);
    text_put(out, " ");
    text_block(out);
    print_body(out, &c->body);
}

void syntax_print(text *out, const tree_file *f)
{
    for (size_t i = 0; i < f->uses.len; i++) text_line(out, "use \"%s\"", f->uses.data[i].path);
    for (size_t i = 0; i < f->cells.len; i++) {
        text_blank(out);
        print_cell(out, f->cells.data[i]);
    }
    for (size_t i = 0; i < f->models.len; i++) {
        text_blank(out);
        text_open(out, "model %s", f->models.data[i]->name.text);
        print_body(out, &f->models.data[i]->body);
    }
}
