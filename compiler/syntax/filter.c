/* filter.c: raw tokens to the tokens of the grammar.
 *
 * In: scan.l's tokens, with every newline. Out: tokens in which
 * - a T_NEWLINE ends each statement, also before `}`, after `}` and at the end of the file; lines that go on (an open
 *   bracket, an operator at the end, `then`/`else` at the start of the next) are joined;
 * - words that begin statements, and total/over/as/weight/from/until/from data, are keywords where they act as such,
 *   else names;
 * - brackets match: what is missing or wrong has been reported and is inserted, replaced or dropped.
 * Each call decides from the last token given and the next few raw ones; an inserted token consumes nothing. */
#include "syntax/parse.h"
#include "syntax/parser.h"
#include <string.h>

/* ---- raw tokens -------------------------------------------------------------------------------------------------- */

/* The raw token number i from here; of several newlines in a row one is left. */
static const token *peek(parser *p, size_t i)
{
    while (p->ahead_len <= i) {
        token t = scan_next(p);
        bool again = t.kind == T_NEWLINE && p->ahead_len && p->ahead[p->ahead_len - 1].kind == T_NEWLINE;
        if (!again) p->ahead[p->ahead_len++] = t;
    }
    return &p->ahead[i];
}

static token take(parser *p)
{
    token t = *peek(p, 0);
    p->ahead_len--;
    memmove(p->ahead, p->ahead + 1, p->ahead_len * sizeof p->ahead[0]);
    return t;
}

static bool is_word(const token *t, const char *word) { return t->kind == T_NAME && strcmp(t->name, word) == 0; }

static bool ends_operand(int kind)
{
    return kind == T_NAME || kind == T_NUMBER || kind == ')' || kind == ']' || kind == '\'';
}

/* Does a line that ends with this token go on? */
static bool wants_more(int kind)
{
    switch (kind) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '@':
    case '^':
    case '<':
    case '>':
    case T_LE:
    case T_GE:
    case T_EQ:
    case T_NE:
    case T_AND:
    case T_OR:
    case T_NOT:
    case T_IF:
    case T_THEN:
    case T_ELSE:
    case '=':
    case ',':
    case ':':
    case '~':
    case T_ARROW:
    case T_REVERSE:
    case T_BIDIRECTIONAL: return true;
    default: return false;
    }
}

/* ---- reports ----------------------------------------------------------------------------------------------------- */

bool filter_may_report(parser *p)
{
    p->tree->broken = true;
    if (p->reported == p->statement) return false;
    if (p->brackets.len == 1) {
        if (p->lost) return false;
        p->lost = true;
    }
    p->reported = p->statement;
    return true;
}

void filter_too_deep(parser *p, span at)
{
    p->tree->broken = true;
    p->reported = p->statement;
    if (p->deep_reported) return;
    p->deep_reported = true;
    diag(p->diags, at, E_NESTING, SYNTAX_MAX_NESTING);
    diag_hint(p->diags, "give a part a name by an equation of its own");
}

const char *filter_describe(parser *p, const token *t)
{
    const char *spelling = p->source->text + t->at.begin;
    uint32_t length = t->at.end - t->at.begin;
    if (length > SPELLING_MAX) length = SPELLING_MAX;
    if (t->kind == T_NEWLINE) return "the end of the line";
    if (t->kind == T_END) return "the end of the file";
    if (t->kind == T_NUMBER) return arena_printf(p->arena, "the number %.*s", (int)length, spelling);
    if (t->kind == T_NAME) return arena_printf(p->arena, "the name '%s'", t->name);
    if (t->kind == T_STRING) return "a text in quotes";
    return arena_printf(p->arena, "'%.*s'", (int)length, spelling);
}

/* ---- brackets ---------------------------------------------------------------------------------------------------- */

static bracket *top(parser *p) { return &p->brackets.data[p->brackets.len - 1]; }

static char closer_of(char opener) { return opener == '(' ? ')' : opener == '[' ? ']' : '}'; }

static bool inside(parser *p) { return top(p)->opener == '(' || top(p)->opener == '['; }

/* Is an opener of this kind open, no brace in between? */
static bool is_open(const parser *p, char opener)
{
    for (size_t i = p->brackets.len; i-- > 1 && p->brackets.data[i].opener != '{';)
        if (p->brackets.data[i].opener == opener) return true;
    return false;
}

enum { MAX_INDENT = 255 }; /* deeper ones count as this: lines may be long, and are asked often */

/* Blanks before the first character of the line that holds this byte. */
static uint32_t indent_of(const parser *p, uint32_t offset)
{
    const char *line = p->source->text + source_line_start(p->source, offset);
    uint32_t n = 0;
    while (n < MAX_INDENT && (line[n] == ' ' || line[n] == '\t')) n++;
    return n;
}

static void push(parser *p, const token *t)
{
    bracket b = {.opener = (char)t->kind, .at = t->at};
    if (b.opener == '{') {
        b.indent = indent_of(p, t->at.begin);
        b.block = p->head.kind == T_TRAIN || p->head.kind == T_WEIGHTS;
    } else if (p->word == T_PARAM || p->word == T_CONST) {
        bool declares = p->before.kind == p->word || p->before.kind == ',';
        b.dims = b.opener == '(' && top(p)->opener == '{' && declares && p->previous.kind == T_NAME;
    }
    array_push(p->arena, &p->brackets, b);
}

static token inserted(parser *p, int kind)
{
    uint32_t end = p->previous.at.end;
    return (token){.kind = kind, .at = {p->file, end, end}};
}

/* Reports the innermost bracket as never closed, and closes it. */
static token close_missing(parser *p)
{
    bracket b = *top(p);
    span at = b.opener == '{' && p->suspect.file ? p->suspect : b.at;
    p->tree->broken = true;
    if (b.opener == '{' || filter_may_report(p)) {
        diag(p->diags, at, E_UNCLOSED, arena_printf(p->arena, "%c", b.opener));
        const token *next = peek(p, 0);
        diag_add_note(p->diags, next->at, "'%c' is expected before %s", closer_of(b.opener), filter_describe(p, next));
    }
    p->suspect = NO_SPAN;
    p->brackets.len--;
    return inserted(p, closer_of(b.opener));
}

/* Is the next token the brace of h{t-1}: right behind a name, within a statement? Behind its first word it opens a
 * block of a word that is spelled wrong, unless a step stands in it. */
static bool opens_index(parser *p)
{
    const token *t = peek(p, 0);
    if (t->kind != '{' || p->previous.kind != T_NAME || p->previous.at.end != t->at.begin || p->head.kind) return false;
    if (p->brackets.len == 1 || p->before.kind == T_NAME) return false;
    if (p->before.kind != T_NEWLINE && p->before.kind != '{') return true;
    int next = peek(p, 2)->kind;
    return is_word(peek(p, 1), "t") && (next == '}' || next == '+' || next == '-');
}

/* Reads that brace as the bracket that is meant; match_closer does the same with its partner. */
static void report_index(parser *p, token *t)
{
    int length = (int)strlen(p->previous.name);
    while (length > 1 && p->previous.name[length - 1] == '_') length--;
    if (filter_may_report(p)) {
        diag(p->diags, t->at, E_SYNTAX, "'['", "'{'");
        diag_hint(p->diags, "a step is read as %.*s[t-1]; an equation is written %.*s = ...", length, p->previous.name,
                  length, p->previous.name);
    }
    t->kind = '[';
}

/* Inside ( or [: does the next token show that a closer is missing? */
static bool lacks_closer(parser *p)
{
    const token *t = peek(p, 0);
    const bracket *b = top(p);
    bool after_operand = ends_operand(p->previous.kind);
    switch (t->kind) {
    case T_END:
    case T_ARROW:
    case '~': return true;
    case '{': return !opens_index(p);
    case '}': return !b->curly || source_line_start(p->source, t->at.begin) > b->at.begin;
    case ':': return b->opener == '[';
    case '=': return b->opener == '[' || b->dims;
    case ')': return b->opener == '[' && is_open(p, '(');
    case ']': return b->opener == '(' && is_open(p, '[');
    case T_THEN:
    case T_ELSE: return b->ifs == 0;
    case T_NAME:
        if (after_operand && p->word == T_GENERATE) return is_word(t, "from") || is_word(t, "until");
        return after_operand && p->word == T_LOSS && is_word(t, "weight");
    case T_NEWLINE: {
        const token *next = peek(p, 1);
        if (next->kind != T_NAME) return false;
        if (after_operand) return !is_word(next, "over");
        bool option = p->previous.kind == ',' || p->previous.kind == '(';
        return peek(p, 2)->kind == '=' && !option;
    }
    default: return false;
    }
}

/* A closer that does not match: replaced when something is open, else dropped. Returns false for dropped. */
static bool match_closer(parser *p, token *t)
{
    bracket *b = top(p);
    char want = b->opener ? closer_of(b->opener) : 0;
    if (want == t->kind) {
        p->brackets.len--;
        return true;
    }
    if (b->opener == '(' || b->opener == '[') {
        if (filter_may_report(p)) {
            diag(p->diags, t->at, E_MISMATCHED, arena_printf(p->arena, "%c", want),
                 arena_printf(p->arena, "%c", t->kind));
            diag_add_note(p->diags, b->at, "'%c' was opened here", b->opener);
        }
        t->kind = (unsigned char)want;
        p->brackets.len--;
        return true;
    }
    if (filter_may_report(p)) diag(p->diags, t->at, E_CLOSES_NOTHING, arena_printf(p->arena, "%c", t->kind));
    return false;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    int kind;
} statement_words[] = {
    {"size", T_SIZE},       {"cell", T_CELL},     {"input", T_INPUT}, {"target", T_TARGET},     {"param", T_PARAM},
    {"const", T_CONST},     {"output", T_OUTPUT}, {"loss", T_LOSS},   {"generate", T_GENERATE}, {"train", T_TRAIN},
    {"weights", T_WEIGHTS}, {"use", T_USE},       {"model", T_MODEL},
};

/* The keyword that a name is at the start of a statement, or 0. */
static int statement_word(parser *p, const token *t, const token *next)
{
    if (next->kind == '=' || next->kind == ',' || next->kind == '[') return 0;
    for (size_t i = 0; i < sizeof statement_words / sizeof statement_words[0]; i++) {
        if (!is_word(t, statement_words[i].word)) continue;
        int kind = statement_words[i].kind;
        return top(p)->block || (kind != T_LOSS && (next->kind == '(' || next->kind == '+')) ? 0 : kind;
    }
    return 0;
}

const char *filter_nearest_word(const char *word)
{
    const char *words[sizeof statement_words / sizeof statement_words[0]];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) words[i] = statement_words[i].word;
    return name_nearest(word, words, sizeof words / sizeof words[0]);
}

bool filter_in_block(const parser *p) { return p->brackets.data[p->brackets.len - 1].block; }

bool filter_begins_statement(parser *p)
{
    const token *t = &p->previous, *next = peek(p, 0);
    if (t->kind != T_NAME) return false;
    return next->kind == '=' || next->kind == T_STRING || (next->kind == T_NAME && statement_word(p, t, next));
}

static bool at_statement(const parser *p)
{
    int kind = p->previous.kind;
    return kind == T_NEWLINE || kind == '{' || kind == T_END; /* T_END, 0: nothing has been read */
}

/* May this token begin an operand that follows a word? */
static bool begins_operand(int kind)
{
    return kind == T_NAME || kind == T_NUMBER || kind == '(' || kind == '-' || kind == T_NOT || kind == T_IF ||
           kind == T_REVERSE || kind == T_BIDIRECTIONAL;
}

/* Gives words their meaning here; may consume a second token. */
static void read_word(parser *p, token *t)
{
    const token *next = peek(p, 0);
    if (at_statement(p)) {
        int kind = statement_word(p, t, next);
        if (!kind) return;
        t->kind = p->word = kind;
        bool definition = p->brackets.len == 1 && (kind == T_CELL || kind == T_MODEL);
        if (definition || kind == T_TRAIN || kind == T_WEIGHTS) p->head = *t;
        if (p->brackets.len == 1) p->lost = false;
        return;
    }
    bool after_operand = ends_operand(p->previous.kind);
    if (p->previous.kind == T_LOSS && is_word(t, "total") && begins_operand(next->kind))
        t->kind = T_TOTAL;
    else if (after_operand && top(p)->opener == '(' && is_word(t, "over"))
        t->kind = T_OVER;
    else if (after_operand && p->word == T_OUTPUT && !inside(p) && is_word(t, "as"))
        t->kind = T_AS;
    else if (after_operand && p->word == T_LOSS && !inside(p) && is_word(t, "weight"))
        t->kind = T_WEIGHT;
    else if (after_operand && p->word == T_GENERATE && !inside(p) && is_word(t, "from"))
        t->kind = T_FROM;
    else if (after_operand && p->word == T_GENERATE && !inside(p) && is_word(t, "until"))
        t->kind = T_UNTIL;
    else if (p->word == T_SIZE && p->previous.kind == '=' && is_word(t, "from") && is_word(next, "data")) {
        t->kind = T_FROM_DATA;
        t->at.end = next->at.end;
        take(p);
    }
}

/* ---- depth ------------------------------------------------------------------------------------------------------- */

/* Counts operators that wait for their right side; false when there are too many of them, or of open brackets. */
static bool count_depth(parser *p, const token *t)
{
    bracket *b = top(p);
    bool prefix = !ends_operand(p->previous.kind);
    if (t->kind == '^')
        b->powers++;
    else if (t->kind == '-' && prefix)
        b->unary++;
    else if (t->kind == T_NOT)
        b->nots++;
    else if (t->kind == T_IF)
        b->branches++, b->ifs++;
    else if (t->kind == ',' || t->kind == T_NEWLINE)
        b->powers = b->unary = b->nots = b->branches = 0;
    else if (wants_more(t->kind)) {
        b->powers = b->unary = 0;
        if (t->kind == T_AND || t->kind == T_OR || t->kind == T_THEN || t->kind == T_ELSE) b->nots = 0;
    }
    uint32_t pending = b->powers + b->unary + b->nots + b->branches;
    bool opens = t->kind == '(' || t->kind == '[' || t->kind == '{';
    return pending <= SYNTAX_MAX_NESTING && p->brackets.len + (opens ? 1 : 0) <= SYNTAX_MAX_NESTING + 1;
}

/* Drops the rest of a statement that is nested too deeply. */
static void skip_statement(parser *p)
{
    while (p->brackets.len > 1 && top(p)->opener != '{') p->brackets.len--;
    size_t open = p->brackets.len;
    for (size_t depth = 1;;) { /* the bracket that was one too many is open */
        int kind = peek(p, 0)->kind;
        bool next_statement =
            kind == T_NEWLINE && (depth == 0 || (peek(p, 1)->kind == T_NAME && peek(p, 2)->kind == '='));
        if (kind == T_END || next_statement || (kind == '}' && open > 1)) break;
        if (kind == '(' || kind == '[') depth++;
        if ((kind == ')' || kind == ']') && depth > 0) depth--;
        if (kind == T_NEWLINE && peek(p, 1)->kind != '(' && peek(p, 1)->kind != ')') depth = 0;
        take(p);
    }
}

/* ---- the next token ---------------------------------------------------------------------------------------------- */

/* Does the statement go on after this newline (which is peek(0), outside of brackets)? */
static bool goes_on(parser *p)
{
    const token *next = peek(p, 1);
    if (next->kind == T_THEN || next->kind == T_ELSE || next->kind == '{') return true;
    if (!wants_more(p->previous.kind) || next->kind == '}' || next->kind == T_END) return false;
    /* An operator at the end of the line, and the next line is an equation: the operand is missing. */
    return p->previous.kind == ',' || !(next->kind == T_NAME && peek(p, 2)->kind == '=');
}

/* At the start of a line inside braces: a definition, so that the braces before it should have been closed. */
static bool begins_definition(parser *p)
{
    const token *t = peek(p, 0), *next = peek(p, 1);
    if (!at_statement(p) || p->brackets.len == 1) return false;
    if (indent_of(p, t->at.begin) > top(p)->indent) return false; /* nested: the grammar says that it may not be */
    if (is_word(t, "use")) return next->kind == T_STRING;
    if (next->kind != T_NAME) return false;
    return (is_word(t, "cell") && peek(p, 2)->kind == '(') || (is_word(t, "model") && peek(p, 2)->kind == '{');
}

/* A head without its `{`: says so and inserts it. */
static token insert_brace(parser *p)
{
    const token *found = peek(p, 0);
    p->tree->broken = true;
    if (filter_may_report(p)) {
        diag(p->diags, found->at, E_SYNTAX, arena_printf(p->arena, "'{' and the body of this %s", p->head.name),
             filter_describe(p, found));
    }
    token t = inserted(p, '{');
    push(p, &t);
    return t;
}

/* Remembers a `{` whose `}` stands where that of an outer one should: when one is missing in the end, it was here. */
static void note_indent(parser *p, const token *t)
{
    uint32_t indent = indent_of(p, t->at.begin);
    bracket *b = top(p);
    bool first = source_line_start(p->source, t->at.begin) + indent == t->at.begin;
    if (b->opener == '{' && first && indent < b->indent && !p->suspect.file) p->suspect = b->at;
}

static token next_token(parser *p)
{
    for (;;) {
        const token *t = peek(p, 0);
        int last = p->previous.kind;
        if (t->kind == T_BAD) return take(p);
        if (inside(p)) {
            if (lacks_closer(p)) return close_missing(p);
            if (t->kind == T_NEWLINE) {
                take(p);
                continue;
            }
        } else {
            if (last == '}' && t->kind != T_NEWLINE) return inserted(p, T_NEWLINE);
            if (t->kind == T_NEWLINE && (at_statement(p) || goes_on(p))) {
                take(p);
                continue;
            }
            bool ends = t->kind == T_NEWLINE || t->kind == '}' || t->kind == T_END;
            if (ends && p->head.kind && last != '}') return insert_brace(p);
            if (ends && t->kind != T_NEWLINE && !at_statement(p)) return inserted(p, T_NEWLINE);
            if (t->kind == T_END && p->brackets.len == 1) return take(p);
            if (t->kind == T_END || begins_definition(p)) return close_missing(p);
        }
        bool index = opens_index(p);
        token taken = take(p);
        if (index) report_index(p, &taken);
        if (taken.kind == '}') note_indent(p, &taken);
        bool closes = taken.kind == ')' || taken.kind == ']' || taken.kind == '}';
        if (closes && !match_closer(p, &taken)) continue;
        if (taken.kind == T_NAME) read_word(p, &taken);
        if (!count_depth(p, &taken)) {
            filter_too_deep(p, taken.at);
            skip_statement(p);
            taken.kind = T_BAD;
            return taken;
        }
        if (taken.kind == '(' || taken.kind == '[' || taken.kind == '{') push(p, &taken);
        if (index) top(p)->curly = true;
        return taken;
    }
}

token filter_next(parser *p)
{
    if (at_statement(p)) {
        p->statement++;
        p->word = 0;
        p->head.kind = 0;
    }
    token t = next_token(p);
    if (t.kind == '{') p->head.kind = 0;
    if (t.kind == T_NEWLINE) count_depth(p, &t);
    p->before = p->previous;
    p->previous = t;
    return t;
}
