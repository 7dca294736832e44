/* parse.y: tokens to tree.
 *
 * In: what filter.c makes of the text: every statement ends with a T_NEWLINE, also before `}` and after it; no newline
 * stands inside brackets. Out: p->tree. After an error the rest of the statement is skipped, or the rest of the head up
 * to `{`; filter_may_report lets one error a statement through.
 *
 * LALR(1) without conflicts; the precedences are Python's. */
%code requires {
#include "syntax/parser.h"

/* x(D), s : real, H, or an option with its value: peephole = 0. */
typedef struct cell_argument { tree_param param; tree_expr *value; } cell_argument;

/* An argument of a call; of an option `left` is the name, and `value` not NULL. */
typedef struct call_argument { tree_expr *left, *value; } call_argument;
}
%code {
#include "base/guard.h"
#include <string.h>

#define YYMALLOC guard_alloc
#define YYFREE guard_free

static int syntax_yylex(SYNTAX_YYSTYPE *value, span *at, parser *p);
static void syntax_yyerror(span *at, parser *p, const char *message);

#define YYLLOC_DEFAULT(current, rhs, n)                                                                              \
    ((current) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                                                 \
                     : (span){ YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end })
#define PUSH(array, ...) array_push(p->arena, (array), __VA_ARGS__)

static tree_exprs *exprs_new(parser *p) { return ARENA_NEW(p->arena, tree_exprs); }
static tree_ids *ids_new(parser *p) { return ARENA_NEW(p->arena, tree_ids); }
static tree_exprs no_exprs(void) { return (tree_exprs){ 0 }; }
static tree_ids no_ids(void) { return (tree_ids){ 0 }; }

/* Nodes of the statements, with the declarations that have their member in tree.h. */
static tree_decl *decl_new(parser *p, tree_id id, span at)
{
    tree_decl *d = ARENA_NEW(p->arena, tree_decl);
    d->name = id;
    d->at = at;
    return d;
}

static tree_stmt *decls_with(parser *p, tree_stmt *s, tree_decl *d)
{
    PUSH(&s->decls, *d);
    s->at = span_join(s->at, d->at);
    return s;
}

static tree_stmt *equation_new(parser *p, tree_ids left, tree_expr *index, tree_expr *right, span at)
{
    tree_stmt *s = tree_stmt_new(p, TREE_EQUATION, at);
    s->equation.left = left;
    s->equation.time = index;
    s->equation.right = right;
    return s;
}

static void add_argument(parser *p, tree_expr *call, call_argument a)
{
    if (a.value) tree_add_option(p, call, a.left, a.value);
    else tree_add_argument(p, call, a.left);
}

static void add_cell_argument(parser *p, tree_cell *c, const cell_argument *a)
{
    if (a->value) {
        PUSH(&c->options, (struct tree_default){ a->param.name, a->value });
        return;
    }
    if (c->options.len && filter_may_report(p))
        diag(p->diags, a->param.name.at, E_ARGUMENT_ORDER, c->options.data[c->options.len - 1].name.text);
    PUSH(&c->params, a->param);
}
}

%define api.prefix {syntax_yy}
%define api.token.prefix {T_}
%define api.pure full
%define api.location.type {span}
%define parse.error custom
%define parse.lac full
%locations
%param { parser *p }
%expect 0

%union {
    double number;
    name name;
    tree_direction direction;
    tree_binary op;
    bool flag;
    tree_expr *expr;
    tree_exprs *exprs;
    tree_id id;
    tree_ids *ids;
    tree_type type;
    tree_decl *decl;
    tree_stmt *stmt;
    tree_stmts *stmts;
    tree_cell *cell;
    cell_argument *argument;
    tree_map *map;
    call_argument call_argument;
    struct tree_output *output;
}

%token END 0
%token NEWLINE BAD
%token <number> NUMBER
%token <name> NAME STRING
%token IF THEN ELSE AND OR NOT REVERSE BIDIRECTIONAL
%token SIZE CELL INPUT TARGET PARAM CONST OUTPUT LOSS GENERATE TRAIN WEIGHTS USE MODEL
%token TOTAL OVER AS WEIGHT FROM UNTIL FROM_DATA
%token ARROW LE GE EQ NE
%token '(' ')' '[' ']' '{' '}' '=' ',' ':' '~' '+' '-' '*' '/' '%' '@' '^' '<' '>' '\''

%left OR
%left AND
%precedence NOT
%nonassoc '<' LE '>' GE EQ NE
%left '+' '-'
%left '*' '/' '%' '@'
%precedence NEGATION
%right '^'

%type <expr> full expr operand args arg_list value_or_none weight_or_none from_or_none until_or_none
%type <exprs> exprs dims_or_none
%type <id> id as_or_none
%type <ids> ids axes_or_none
%type <type> type
%type <decl> size data declared constant
%type <stmt> stmt sizes inputs targets params consts outputs maps settings
%type <stmts> stmts
%type <cell> cell_arguments
%type <argument> cell_argument
%type <map> map setting
%type <call_argument> arg
%type <output> output
%type <direction> direction
%type <flag> total_or_none

%%

file:
    %empty
  | file item NEWLINE
  | file error NEWLINE                  { yyerrok; }
  | file error '{' stmts '}' NEWLINE    { yyerrok; (void)$4; }
  ;

item:
    USE STRING                          { PUSH(&p->tree->uses, (tree_use){ $2, @$ }); }
  | CELL id '(' cell_arguments ')' ARROW ids '{' stmts '}'
        {
            tree_cell *c = $4;
            c->name = $2;
            c->results = *$7;
            c->body = *$9;
            c->at = @$;
            PUSH(&p->tree->cells, c);
        }
  | MODEL id '{' stmts '}'
        {
            tree_model *m = ARENA_NEW(p->arena, tree_model);
            *m = (tree_model){ $2, *$4, @$ };
            PUSH(&p->tree->models, m);
        }
  ;

cell_arguments:
    cell_argument                       { $$ = ARENA_NEW(p->arena, tree_cell); add_cell_argument(p, $$, $1); }
  | cell_arguments ',' cell_argument    { $$ = $1; add_cell_argument(p, $$, $3); }
  ;

cell_argument:
    id                                  { $$ = ARENA_NEW(p->arena, cell_argument); $$->param.name = $1; }
  | id '(' exprs ')'
        {
            $$ = ARENA_NEW(p->arena, cell_argument);
            $$->param = (tree_param){ $1, true, { false, *$3, @$ } };
        }
  | id ':' type
        {
            $$ = ARENA_NEW(p->arena, cell_argument);
            $$->param = (tree_param){ $1, true, $3 };
        }
  | id '=' full
        {
            $$ = ARENA_NEW(p->arena, cell_argument);
            $$->param.name = $1;
            $$->value = $3;
        }
  ;

/* ---- statements ---------------------------------------------------------------------------------------------- */

stmts:
    %empty                              { $$ = ARENA_NEW(p->arena, tree_stmts); }
  | stmts stmt NEWLINE                  { $$ = $1; PUSH($$, $2); }
  | stmts error NEWLINE                 { $$ = $1; yyerrok; }
  | stmts error '{' stmts '}' NEWLINE   { $$ = $1; yyerrok; (void)$4; }
  ;

stmt:
    SIZE sizes                          { $$ = $2; $$->at = @$; }
  | CELL id '=' id
        {
            $$ = tree_stmt_new(p, TREE_CELL_NAME, @$);
            $$->cell_name.name = $2;
            $$->cell_name.cell = $4;
        }
  | INPUT inputs                        { $$ = $2; $$->at = @$; }
  | TARGET targets                      { $$ = $2; $$->at = @$; }
  | PARAM params                        { $$ = $2; $$->at = @$; }
  | CONST consts                        { $$ = $2; $$->at = @$; }
  | ids '=' full                        { $$ = equation_new(p, *$1, NULL, $3, @$); }
  | id '[' expr ']' '=' full
        {
            tree_ids left = no_ids();
            PUSH(&left, $1);
            $$ = equation_new(p, left, $3, $6, @$);
        }
  | OUTPUT outputs                      { $$ = $2; $$->at = @$; }
  | LOSS total_or_none full weight_or_none
        {
            $$ = tree_stmt_new(p, TREE_LOSS, @$);
            $$->loss.total = $2;
            $$->loss.value = $3;
            $$->loss.weight = $4;
        }
  | GENERATE id '[' expr ']' '~' full from_or_none until_or_none
        {
            $$ = tree_stmt_new(p, TREE_GENERATE, @$);
            $$->generate.name = $2;
            $$->generate.time = $4;
            $$->generate.from = $7;
            $$->generate.first = $8;
            $$->generate.end = $9;
        }
  | TRAIN '{' settings '}'              { $$ = $3; $$->kind = TREE_TRAIN; $$->at = @$; }
  | WEIGHTS id '{' maps '}'             { $$ = $4; $$->block.format = $2; $$->at = @$; }
  ;

sizes:
    size                                { $$ = decls_with(p, tree_stmt_new(p, TREE_SIZE, @$), $1); }
  | sizes ',' size                      { $$ = decls_with(p, $1, $3); }
  ;

size:
    id '=' expr                         { $$ = decl_new(p, $1, @$); $$->value = $3; }
  | id '=' FROM_DATA                    { $$ = decl_new(p, $1, @$); $$->from_data = true; }
  ;

inputs:
    data                                { $$ = decls_with(p, tree_stmt_new(p, TREE_INPUT, @$), $1); }
  | inputs ',' data                     { $$ = decls_with(p, $1, $3); }
  ;

targets:
    data                                { $$ = decls_with(p, tree_stmt_new(p, TREE_TARGET, @$), $1); }
  | targets ',' data                    { $$ = decls_with(p, $1, $3); }
  ;

data:
    id axes_or_none ':' type            { $$ = decl_new(p, $1, @$); $$->axes = *$2; $$->type = $4; }
  ;

axes_or_none:
    %empty                              { $$ = ids_new(p); }
  | '[' ids ']'                         { $$ = $2; }
  ;

type:
    NAME                                { $$ = tree_type_of(p, $1, NULL, @$, @1); }
  | NAME '(' exprs ')'                  { $$ = tree_type_of(p, $1, $3, @$, @1); }
  ;

params:
    declared                            { $$ = decls_with(p, tree_stmt_new(p, TREE_PARAM, @$), $1); }
  | params ',' declared                 { $$ = decls_with(p, $1, $3); }
  ;

declared:
    id dims_or_none value_or_none
        {
            $$ = decl_new(p, $1, @$);
            $$->has_dims = $2 != NULL;
            $$->dims = $2 ? *$2 : no_exprs();
            $$->value = $3;
        }
  ;

consts:
    constant                            { $$ = decls_with(p, tree_stmt_new(p, TREE_CONST, @$), $1); }
  | consts ',' constant                 { $$ = decls_with(p, $1, $3); }
  ;

constant:
    id dims_or_none '=' full
        {
            $$ = decl_new(p, $1, @$);
            $$->has_dims = $2 != NULL;
            $$->dims = $2 ? *$2 : no_exprs();
            $$->value = $4;
        }
  ;

dims_or_none:
    %empty                              { $$ = NULL; }
  | '(' exprs ')'                       { $$ = $2; }
  ;

value_or_none:
    %empty                              { $$ = NULL; }
  | '=' full                            { $$ = $2; }
  ;

outputs:
    output                              { $$ = tree_stmt_new(p, TREE_OUTPUT, @$); PUSH(&$$->outputs, *$1); }
  | outputs ',' output                  { $$ = $1; PUSH(&$$->outputs, *$3); }
  ;

output:
    id as_or_none
        {
            $$ = ARENA_NEW(p->arena, struct tree_output);
            $$->name = $1;
            $$->as = $2;
        }
  ;

as_or_none:
    %empty                              { $$ = (tree_id){ NULL, { 0, 0, 0 } }; }
  | AS id                               { $$ = $2; }
  ;

total_or_none:
    %empty                              { $$ = false; }
  | TOTAL                               { $$ = true; }
  ;

weight_or_none:
    %empty                              { $$ = NULL; }
  | WEIGHT expr                         { $$ = $2; }
  ;

from_or_none:
    %empty                              { $$ = NULL; }
  | FROM expr                           { $$ = $2; }
  ;

until_or_none:
    %empty                              { $$ = NULL; }
  | UNTIL expr                          { $$ = $2; }
  ;

maps:
    %empty                              { $$ = tree_stmt_new(p, TREE_WEIGHTS, @$); }
  | maps map NEWLINE                    { $$ = $1; PUSH(&$$->block.maps, *$2); }
  | maps error NEWLINE                  { $$ = $1; yyerrok; }
  | maps error '{' maps '}' NEWLINE     { $$ = $1; yyerrok; (void)$4; }
  ;

map:
    expr '=' full
        {
            $$ = ARENA_NEW(p->arena, tree_map);
            *$$ = (tree_map){ .left = $1, .right = $3, .at = @$ };
        }
  ;

settings:
    %empty                              { $$ = tree_stmt_new(p, TREE_TRAIN, @$); }
  | settings setting NEWLINE            { $$ = $1; PUSH(&$$->block.maps, *$2); }
  | settings error NEWLINE              { $$ = $1; yyerrok; }
  | settings error '{' maps '}' NEWLINE { $$ = $1; yyerrok; (void)$4; }
  ;

setting:
    map
  | NAME STRING '=' full
        {
            $$ = ARENA_NEW(p->arena, tree_map);
            *$$ = (tree_map){ tree_name(p, $1, @1), $4, $2, @$ };
        }
  ;

/* ---- expressions --------------------------------------------------------------------------------------------- */

full:
    expr
  | IF full THEN full ELSE full         { $$ = tree_branch(p, $2, $4, $6, @$); }
  ;

expr:
    operand
  | '-' expr %prec NEGATION             { $$ = tree_unary_of(p, TREE_NEG, $2, @$); }
  | NOT expr                            { $$ = tree_unary_of(p, TREE_NOT, $2, @$); }
  | expr '+' expr                       { $$ = tree_binary_of(p, TREE_ADD, $1, $3, @2); }
  | expr '-' expr                       { $$ = tree_binary_of(p, TREE_SUB, $1, $3, @2); }
  | expr '*' expr                       { $$ = tree_binary_of(p, TREE_MUL, $1, $3, @2); }
  | expr '/' expr                       { $$ = tree_binary_of(p, TREE_DIV, $1, $3, @2); }
  | expr '@' expr                       { $$ = tree_binary_of(p, TREE_MATMUL, $1, $3, @2); }
  | expr '%' expr                       { $$ = tree_binary_of(p, TREE_MOD, $1, $3, @2); }
  | expr '^' expr                       { $$ = tree_binary_of(p, TREE_POW, $1, $3, @2); }
  | expr '<' expr                       { $$ = tree_binary_of(p, TREE_LT, $1, $3, @2); }
  | expr LE expr                        { $$ = tree_binary_of(p, TREE_LE, $1, $3, @2); }
  | expr '>' expr                       { $$ = tree_binary_of(p, TREE_GT, $1, $3, @2); }
  | expr GE expr                        { $$ = tree_binary_of(p, TREE_GE, $1, $3, @2); }
  | expr EQ expr                        { $$ = tree_binary_of(p, TREE_EQ, $1, $3, @2); }
  | expr NE expr                        { $$ = tree_binary_of(p, TREE_NE, $1, $3, @2); }
  | expr AND expr                       { $$ = tree_binary_of(p, TREE_AND, $1, $3, @2); }
  | expr OR expr                        { $$ = tree_binary_of(p, TREE_OR, $1, $3, @2); }
  ;

operand:
    NUMBER                              { $$ = tree_number(p, $1, @$); }
  | NAME                                { $$ = tree_name(p, $1, @$); }
  | '(' full ')'                        { $$ = tree_parenthesised($2, @$); }
  | operand '\''                        { $$ = tree_unary_of(p, TREE_TRANSPOSE, $1, @$); }
  | operand '[' exprs ']'               { $$ = tree_time_of(p, $1, $3, @$); }
  | operand '(' args ')'                { $$ = tree_call(p, $3, TREE_FORWARD, $1, @$); }
  | direction id '(' args ')'           { $$ = tree_call(p, $4, $1, tree_name(p, $2.text, $2.at), @$); }
  ;

direction:
    REVERSE                             { $$ = TREE_REVERSE; }
  | BIDIRECTIONAL                       { $$ = TREE_BIDIRECTIONAL; }
  ;

args:
    %empty                              { $$ = tree_new(p, TREE_CALL, @$); }
  | arg_list
  | arg_list OVER ids                   { $$ = $1; $$->call.over = *$3; }
  ;

arg_list:
    arg                                 { $$ = tree_new(p, TREE_CALL, @$); add_argument(p, $$, $1); }
  | arg_list ',' arg                    { $$ = $1; add_argument(p, $$, $3); }
  ;

/* Which name an option has is checked by tree_add_option: a rule for it would clash with that for h[t-1]. */
arg:
    full                                { $$ = (call_argument){ $1, NULL }; }
  | expr '=' full                       { $$ = (call_argument){ $1, $3 }; }
  | expr ':' expr                       { $$ = (call_argument){ tree_range(p, $1, $3, @$), NULL }; }
  | expr ':'                            { $$ = (call_argument){ tree_range(p, $1, NULL, @$), NULL }; }
  | ':' expr                            { $$ = (call_argument){ tree_range(p, NULL, $2, @$), NULL }; }
  | ':'                                 { $$ = (call_argument){ tree_range(p, NULL, NULL, @$), NULL }; }
  ;

exprs:
    expr                                { $$ = exprs_new(p); PUSH($$, $1); }
  | exprs ',' expr                      { $$ = $1; PUSH($$, $3); }
  ;

ids:
    id                                  { $$ = ids_new(p); PUSH($$, $1); }
  | ids ',' id                          { $$ = $1; PUSH($$, $3); }
  ;

id:
    NAME                                { $$ = (tree_id){ $1, @$ }; }
  ;

%%

static int syntax_yylex(SYNTAX_YYSTYPE *value, span *at, parser *p)
{
    token t = filter_next(p);
    *at = t.at;
    if (t.kind == T_NUMBER) value->number = t.number;
    else value->name = t.name;
    return t.kind == T_BAD ? T_SYNTAX_YYerror : t.kind;
}

/* bison's own words: there is only "memory exhausted", which the caps on depth leave to odd mixtures. */
static void syntax_yyerror(span *at, parser *p, const char *message)
{
    (void)message;
    filter_too_deep(p, *at);
}

/* ---- "expected X, found Y" ----------------------------------------------------------------------------------- */

enum { MAX_EXPECTED = 80, MAX_NAMED = 12 };

static bool expects(const yypcontext_t *context, int token_kind)
{
    yysymbol_kind_t kinds[MAX_EXPECTED];
    int count = yypcontext_expected_tokens(context, kinds, MAX_EXPECTED);
    for (int i = 0; i < count; i++)
        if (kinds[i] == YYTRANSLATE(token_kind)) return true;
    return false;
}

/* What may stand here, in words; groups of tokens have one word. */
static const char *expected_text(parser *p, const yypcontext_t *context)
{
    static const struct { int token_kind; const char *text; } singles[] = {
        { T_STRING, "a text in quotes" }, { T_THEN, "'then'" }, { T_ELSE, "'else'" }, { T_ARROW, "'->'" },
        { '{', "'{'" }, { '~', "'~'" }, { '=', "'='" }, { ':', "':'" }, { '(', "'('" }, { '[', "'['" }, { ',', "','" },
        { ')', "')'" }, { ']', "']'" }, { T_NEWLINE, "the end of the line" },
    };
    if (expects(context, T_USE)) return "a cell, a model or use \"FILE\"";
    if (expects(context, T_PARAM)) return "a statement";
    bool operand = expects(context, T_NUMBER), after_operand = !operand && expects(context, '+');
    const char *found[MAX_NAMED + 1];
    size_t count = 0;
    if (operand) found[count++] = "an expression";
    else if (expects(context, T_NAME)) found[count++] = "a name";
    if (after_operand) found[count++] = "an operator";
    for (size_t i = 0; i < sizeof singles / sizeof singles[0] && count < MAX_NAMED; i++) {
        int kind = singles[i].token_kind;
        bool implied = operand || (after_operand && (kind == '(' || kind == '[' || kind == ':' || kind == '='));
        if (!implied && expects(context, kind)) found[count++] = singles[i].text;
    }
    const char *list = count ? found[0] : "something else";
    for (size_t i = 1; i < count; i++)
        list = arena_printf(p->arena, "%s%s%s", list, i + 1 < count ? ", " : " or ", found[i]);
    return list;
}

static bool is_comparison(int kind)
{
    return kind == '<' || kind == '>' || kind == T_LE || kind == T_GE || kind == T_EQ || kind == T_NE;
}

static bool is_operator(int kind)
{
    return is_comparison(kind) || kind == '+' || kind == '-' || kind == '*' || kind == '/' || kind == '%' ||
           kind == '@' || kind == '^' || kind == T_AND || kind == T_OR;
}

/* What is amiss when filter_begins_statement: in a list of declarations, which go on with ',', or a statement. */
static const char *line_hint(const parser *p, bool list)
{
    if (filter_in_block(p)) return "one setting a line";
    return list && p->ahead[0].kind == '=' ? "a ',' stands between two declarations" : "one statement a line";
}

/* The likely slip behind an unexpected token. */
static void add_hint(parser *p, const yypcontext_t *context, const token *found)
{
    bool after_operand = expects(context, '+') && !expects(context, T_NUMBER);
    bool begins_line = expects(context, '=') && expects(context, '[') && !after_operand;    /* after its first word */
    bool begins_operand = found->kind == T_NAME || found->kind == T_NUMBER || found->kind == '(';
    const char *word = p->before.kind == T_NAME ? p->before.name : "";
    if (expects(context, T_PARAM) && found->kind == T_IF && !(p->ahead_len && p->ahead[0].kind == '='))
        diag_hint(p->diags, "a choice is a value: h = if t == 1 then x else ...; a first value is a boundary, "
                  "h[0] = ...");
    else if (found->kind == '[' && (p->word == T_PARAM || p->word == T_CONST) && !after_operand)
        diag_hint(p->diags, "a shape stands in ( ), as in %s(H, H)", *word ? word : "W");
    else if (found->kind == '(' && (p->word == T_INPUT || p->word == T_TARGET) && expects(context, '['))
        diag_hint(p->diags, "a sequence is declared as %s[t] : ...", word);
    else if (found->kind == '[' && p->word == T_OUTPUT)
        diag_hint(p->diags, "an output is given at every step; write output %s", word);
    else if (found->kind == ':' && expects(context, '=') && p->ahead_len && p->ahead[0].kind == '=')
        diag_hint(p->diags, "an equation is written with '='");
    else if (begins_line && found->kind == '(')
        diag_hint(p->diags, "write y = %s(...), or loss %s(...) where it is the loss", word, word);
    else if (expects(context, T_NAME) && !expects(context, T_NUMBER) && found->kind >= T_IF && found->kind <= T_BIDIRECTIONAL)
        diag_hint(p->diags, "%s is reserved; choose another name", filter_describe(p, found));
    else if (found->kind == T_IF)
        diag_hint(p->diags, "inside an expression, write (if ... then ... else ...)");
    else if (is_comparison(found->kind) && after_operand)
        diag_hint(p->diags, "comparisons do not chain; write a < b and b < c");
    else if (found->kind == T_EQ && expects(context, '='))
        diag_hint(p->diags, "an equation is written with '='");
    else if (found->kind == '=' && after_operand)
        diag_hint(p->diags, "a comparison is written '=='");
    else if (expects(context, T_NEWLINE) && (filter_begins_statement(p) || (found->kind == ',' && filter_in_block(p))))
        diag_hint(p->diags, "%s", line_hint(p, expects(context, ',')));
    else if (after_operand && begins_operand)
        diag_hint(p->diags, "a product is written with '*' (elementwise) or '@' (of matrices)");
    else if (expects(context, T_PARAM) && is_operator(found->kind))
        diag_hint(p->diags, "a line goes on when it ends with an operator, not when the next one begins with it");
    else if (p->brackets.len > 1 && (found->kind == T_MODEL || (p->word == T_CELL && expects(context, '='))))
        diag_hint(p->diags, "cells and models are defined at the top of a file, not inside of each other");
    else if (begins_line && p->before.kind == T_NAME && !strcmp(p->before.name, "return"))
        diag_hint(p->diags, "what a cell gives back stands behind its arrow: cell my(x(D), H) -> h {");
    else if (begins_line && p->before.kind == T_NAME && (!strcmp(p->before.name, "for") || !strcmp(p->before.name, "while")))
        diag_hint(p->diags, "an equation holds at every step of time; there are no other loops");
    else if (p->word == T_CELL && expects(context, T_ARROW))
        diag_hint(p->diags, "a cell names what it gives back: cell my(x(D), H) -> h {");
    else if (begins_line && p->before.kind == T_NAME && found->kind == T_NAME) {
        const char *nearest = filter_nearest_word(p->before.name);
        if (nearest) diag_hint(p->diags, "did you mean '%s'?", nearest);
    } else if (expects(context, T_USE) && found->kind == T_NAME) {
        const char *words[] = { "cell", "model", "use" };
        const char *nearest = name_nearest(found->name, words, sizeof words / sizeof words[0]);
        if (nearest) diag_hint(p->diags, "did you mean '%s'?", nearest);
    }
}

static int yyreport_syntax_error(const yypcontext_t *context, parser *p)
{
    /* The grammar looks one token ahead: what it met is what the filter gave last. */
    const token *found = &p->previous;
    if (!filter_may_report(p)) return 0;
    diag(p->diags, *yypcontext_location(context), E_SYNTAX, expected_text(p, context), filter_describe(p, found));
    add_hint(p, context, found);
    return 0;
}

tree_file *syntax_parse(arena *a, names *n, diags *d, uint32_t file)
{
    parser *p = ARENA_NEW(a, parser);
    p->arena = a;
    p->names = n;
    p->diags = d;
    p->file = file;
    p->source = source_of(diag_sources(d), (span){ file, 0, 0 });
    if (!p->source) BUG("there is no source number %u", (unsigned)file);
    p->tree = ARENA_NEW(a, tree_file);
    p->tree->file = file;
    array_push(a, &p->brackets, (bracket){ 0 });
    scan_begin(p);
    if (syntax_yyparse(p) != 0) p->tree->broken = true;
    scan_end(p);
    return p->tree;
}
