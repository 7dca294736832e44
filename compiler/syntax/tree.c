/* tree.c: nodes of expressions, with their checks.
 *
 * In: parts that the grammar has put together. Out: nodes; each knows its depth (in a wrapper that only this file
 * sees), so that no later stage recurses deeper than SYNTAX_MAX_NESTING. */
#include "syntax/parse.h"
#include "syntax/parser.h"
#include <string.h>

typedef struct node {
    tree_expr expr;
    uint32_t depth;
} node;

const char *tree_binary_text(tree_binary op)
{
    switch (op) {
    case TREE_ADD: return "+";
    case TREE_SUB: return "-";
    case TREE_MUL: return "*";
    case TREE_DIV: return "/";
    case TREE_MATMUL: return "@";
    case TREE_MOD: return "%";
    case TREE_POW: return "^";
    case TREE_LT: return "<";
    case TREE_LE: return "<=";
    case TREE_GT: return ">";
    case TREE_GE: return ">=";
    case TREE_EQ: return "==";
    case TREE_NE: return "!=";
    case TREE_AND: return "and";
    case TREE_OR: return "or";
    }
    BUG("no such operator: %d", (int)op);
}

bool syntax_is_reserved(const char *word)
{
    static const char *const reserved[] = {"if", "then", "else", "and", "or", "not", "reverse", "bidirectional"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(word, reserved[i]) == 0) return true;
    return false;
}

tree_expr *tree_new(parser *p, tree_expr_kind kind, span at)
{
    node *n = ARENA_NEW(p->arena, node);
    n->expr.kind = kind;
    n->expr.at = at;
    n->depth = 1;
    return &n->expr;
}

/* Makes e at least one deeper than its part. */
static void cover(tree_expr *e, const tree_expr *part)
{
    uint32_t depth = part ? ((const node *)part)->depth + 1 : 1;
    if (depth > ((node *)e)->depth) ((node *)e)->depth = depth;
}

/* The node, or a leaf in its place when it is too deep. */
static tree_expr *capped(parser *p, tree_expr *e)
{
    if (((node *)e)->depth <= SYNTAX_MAX_NESTING) return e;
    filter_too_deep(p, e->at);
    return tree_number(p, 0, e->at);
}

tree_expr *tree_number(parser *p, double number, span at)
{
    tree_expr *e = tree_new(p, TREE_NUMBER, at);
    e->number = number;
    return e;
}

tree_expr *tree_name(parser *p, name id, span at)
{
    tree_expr *e = tree_new(p, TREE_NAME, at);
    e->name = id;
    return e;
}

tree_expr *tree_parenthesised(tree_expr *e, span at)
{
    e->parenthesised = true;
    e->at = at;
    return e;
}

tree_expr *tree_unary_of(parser *p, tree_unary op, tree_expr *operand, span at)
{
    tree_expr *e = tree_new(p, TREE_UNARY, at);
    e->unary.op = op;
    e->unary.operand = operand;
    cover(e, operand);
    return capped(p, e);
}

static bool is_binary(const tree_expr *e, tree_binary op)
{
    return e->kind == TREE_BINARY && e->binary.op == op && !e->parenthesised;
}

/* Does a chain of products mix * and @ so that parentheses matter? A number as a factor does no harm. */
static void warn_mixed(parser *p, const tree_expr *e)
{
    const tree_expr *left = e->binary.left;
    bool matmul_first = e->binary.op == TREE_MUL && is_binary(left, TREE_MATMUL);
    bool product_first = e->binary.op == TREE_MATMUL && is_binary(left, TREE_MUL);
    if (!matmul_first && !product_first) return;
    const tree_expr *factor = matmul_first ? e->binary.right : left->binary.left;
    if (factor->kind == TREE_NUMBER) return;
    diag(p->diags, e->at, W_MIXED_PRODUCTS, tree_binary_text(left->binary.op), tree_binary_text(e->binary.op));
    if (matmul_first)
        diag_hint(p->diags, "this reads (a @ b) * c; write the parentheses, or a @ (b * c)");
    else
        diag_hint(p->diags, "this reads (a * b) @ c; write the parentheses, or a * (b @ c)");
}

tree_expr *tree_binary_of(parser *p, tree_binary op, tree_expr *left, tree_expr *right, span op_at)
{
    tree_expr *e = tree_new(p, TREE_BINARY, span_join(left->at, right->at));
    e->binary.op = op;
    e->binary.left = left;
    e->binary.right = right;
    e->binary.op_at = op_at;
    cover(e, left);
    cover(e, right);
    warn_mixed(p, e);
    return capped(p, e);
}

tree_expr *tree_branch(parser *p, tree_expr *condition, tree_expr *yes, tree_expr *no, span at)
{
    tree_expr *e = tree_new(p, TREE_IF, at);
    e->branch.condition = condition;
    e->branch.yes = yes;
    e->branch.no = no;
    cover(e, condition);
    cover(e, yes);
    cover(e, no);
    return capped(p, e);
}

tree_expr *tree_time_of(parser *p, tree_expr *operand, const tree_exprs *index, span at)
{
    tree_expr *e = tree_new(p, TREE_TIME, at);
    e->time.operand = operand;
    e->time.index = *index;
    cover(e, operand);
    for (size_t i = 0; i < index->len; i++) cover(e, index->data[i]);
    return capped(p, e);
}

tree_expr *tree_range(parser *p, tree_expr *first, tree_expr *end, span at)
{
    tree_expr *e = tree_new(p, TREE_RANGE, at);
    e->range.first = first;
    e->range.end = end;
    cover(e, first);
    cover(e, end);
    return capped(p, e);
}

void tree_add_argument(parser *p, tree_expr *call, tree_expr *argument)
{
    size_t options = call->call.options.len;
    if (options && filter_may_report(p))
        diag(p->diags, argument->at, E_ARGUMENT_ORDER, call->call.options.data[options - 1].name.text);
    array_push(p->arena, &call->call.args, argument);
    cover(call, argument);
}

void tree_add_option(parser *p, tree_expr *call, tree_expr *left, tree_expr *value)
{
    tree_option o = {.value = value};
    const tree_expr *named = left;
    if (left->kind == TREE_TIME && left->time.index.len == 1 && !left->parenthesised) {
        o.time = left->time.index.data[0];
        named = left->time.operand;
    }
    cover(call, value);
    cover(call, left);
    if (named->kind != TREE_NAME || named->parenthesised) {
        if (!filter_may_report(p)) return;
        diag(p->diags, left->at, E_OPTION_NAME);
        diag_hint(p->diags, "an option is written layers = 3, an initial value h[0] = v, a comparison a == b");
        return;
    }
    o.name = (tree_id){named->name, named->at};
    array_push(p->arena, &call->call.options, o);
}

/* What stood before '(', in words. */
static const char *kind_text(const tree_expr *e)
{
    if (e->parenthesised) return "an expression in parentheses";
    switch (e->kind) {
    case TREE_NUMBER: return "a number";
    case TREE_NAME:
    case TREE_TIME:
    case TREE_CALL:
    case TREE_UNARY:
    case TREE_RANGE:
    case TREE_BINARY:
    case TREE_IF: return "an expression";
    }
    BUG("no such expression: %d", (int)e->kind);
}

tree_expr *tree_call(parser *p, tree_expr *call, tree_direction direction, tree_expr *callee, span at)
{
    call->at = at;
    call->call.direction = direction;
    call->call.callee = callee;
    cover(call, callee);
    bool whole = callee->kind == TREE_NAME || callee->kind == TREE_CALL || callee->kind == TREE_UNARY ||
                 (callee->kind == TREE_TIME && callee->time.operand->kind == TREE_NAME);
    if ((!whole || callee->parenthesised) && filter_may_report(p)) {
        diag(p->diags, callee->at, E_NOT_CALLABLE, kind_text(callee));
        if (callee->kind == TREE_NUMBER)
            diag_hint(p->diags, "a product is written with '*'");
        else
            diag_hint(p->diags, "give the value a name by an equation of its own, and use the name");
    }
    return capped(p, call);
}

tree_stmt *tree_stmt_new(parser *p, tree_stmt_kind kind, span at)
{
    tree_stmt *s = ARENA_NEW(p->arena, tree_stmt);
    s->kind = kind;
    s->at = at;
    return s;
}

tree_type tree_type_of(parser *p, name word, const tree_exprs *dims, span at, span word_at)
{
    tree_type t = {.token = strcmp(word, "token") == 0, .at = at};
    if (dims) t.dims = *dims;
    if ((t.token || strcmp(word, "real") == 0) || !filter_may_report(p)) return t;
    diag(p->diags, word_at, E_TYPE, word);
    const char *types[] = {"real", "token"};
    const char *nearest = name_nearest(word, types, 2);
    if (nearest)
        diag_hint(p->diags, "did you mean '%s'?", nearest);
    else
        diag_hint(p->diags, "real is a number, real(8) a vector, token(V) one of V symbols");
    return t;
}
