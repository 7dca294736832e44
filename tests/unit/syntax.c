/* syntax.c: tests of the parser: what is accepted and how it is understood, round trips, recovery, limits. */
#include "syntax/syntax.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static arena *memory;
static diags *messages;

static void setup(void)
{
    memory = arena_new();
    messages = diags_new(memory, sources_new(memory));
}

static void teardown(void) { arena_free(memory); }

static tree_file *parse_bytes(const char *bytes, size_t length)
{
    uint32_t file = sources_add(diag_sources(messages), "t.rnn", bytes, length);
    return syntax_parse(memory, names_new(memory), messages, file);
}

static tree_file *parse(const char *content) { return parse_bytes(content, strlen(content)); }

static const char *printed(const tree_file *f)
{
    text *t = text_new(memory);
    syntax_print(t, f);
    return text_string(t);
}

/* Parses statements inside of a model; they must be right. */
static const tree_stmts *body_of(const char *statements)
{
    tree_file *f = parse(arena_printf(memory, "model m {\n%s\n}\n", statements));
    for (size_t i = 0; i < diag_message_count(messages); i++)
        ck_abort_msg("%s: %s", statements, diag_get(messages, i)->text);
    ck_assert(!f->broken);
    ck_assert_uint_eq(f->models.len, 1);
    return &f->models.data[0]->body;
}

/* An expression with every pair of parentheses that the tree has. */
static void put_shape(text *t, const tree_expr *e)
{
    if (e->kind == TREE_BINARY) {
        text_put(t, "(");
        put_shape(t, e->binary.left);
        text_put(t, " %s ", tree_binary_text(e->binary.op));
        put_shape(t, e->binary.right);
        text_put(t, ")");
    } else if (e->kind == TREE_UNARY) {
        static const char *const texts[] = {[TREE_NEG] = "(-", [TREE_NOT] = "(not ", [TREE_TRANSPOSE] = "(' "};
        text_put(t, "%s", texts[e->unary.op]);
        put_shape(t, e->unary.operand);
        text_put(t, ")");
    } else if (e->kind == TREE_IF) {
        text_put(t, "(if ");
        put_shape(t, e->branch.condition);
        text_put(t, ", ");
        put_shape(t, e->branch.yes);
        text_put(t, ", ");
        put_shape(t, e->branch.no);
        text_put(t, ")");
    } else {
        syntax_print_expr(t, e);
    }
}

START_TEST(precedence)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a + b * c", "(a + (b * c))"},
        {"a - b - c", "((a - b) - c)"},
        {"W @ x + b", "((W @ x) + b)"},
        {"a / b @ c", "((a / b) @ c)"},
        {"-a ^ 2", "(-(a ^ 2))"},
        {"a ^ -b ^ c", "(a ^ (-(b ^ c)))"},
        {"a ^ b ^ c", "(a ^ (b ^ c))"},
        {"-a * b", "((-a) * b)"},
        {"a * -b", "(a * (-b))"},
        {"W' @ x", "((' W) @ x)"},
        {"a ^ b'", "(a ^ (' b))"},
        {"- - a", "(-(-a))"},
        {"if a or b and not c < d then 1 else 2", "(if (a or (b and (not (c < d)))), 1, 2)"},
        {"if a then if b then 1 else 2 else 3", "(if a, (if b, 1, 2), 3)"},
        {"not a == b", "(not (a == b))"},
        {"a % 2 == 0", "((a % 2) == 0)"},
        {"\xCF\x83(a) \xE2\x8A\x99 b", "(sigmoid(a) * b)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const tree_stmts *body = body_of(arena_printf(memory, "r = %s", cases[i].in));
        ck_assert_uint_eq(body->len, 1);
        text *t = text_new(memory);
        put_shape(t, body->data[0]->equation.right);
        ck_assert_str_eq(text_string(t), cases[i].out);
    }
}
END_TEST

START_TEST(statement_kinds)
{
    const tree_stmts *body =
        body_of("size V = from data, E = 64\ncell C = lstm\ninput x[t] : token(V), v : real(512), s : real\n"
                "target y[t] : token(V)\nparam W(8,8) = orthogonal, b(8), g\nconst k = vector(1, 2)\n"
                "h, c = lstm(x, 8)\nh[-1] = v\noutput p, h as hidden\nloss total 0.3 * f(p) weight m\n"
                "generate x[t+1] ~ p\ntrain {\n rate = 1e-3\n optimiser = adam(0.9)\n}\n"
                "weights torch {\n a(0:2*H) + b = rows(c, d)\n}");
    ck_assert_uint_eq(body->len, 13);
    for (size_t i = 0; i < 5; i++) ck_assert_int_eq(body->data[i]->kind, TREE_SIZE + (int)i);
    const tree_stmt *size = body->data[0], *input = body->data[2], *param = body->data[4];
    ck_assert(size->decls.data[0].from_data && !size->decls.data[1].from_data);
    ck_assert_uint_eq(input->decls.len, 3);
    ck_assert(input->decls.data[0].type.token && input->decls.data[0].axes.len == 1);
    ck_assert(!input->decls.data[1].type.token && input->decls.data[1].type.dims.len == 1);
    ck_assert_uint_eq(input->decls.data[2].type.dims.len, 0);
    ck_assert(param->decls.data[0].value && param->decls.data[1].has_dims && !param->decls.data[2].has_dims);
    ck_assert_int_eq(body->data[5]->kind, TREE_CONST);
    ck_assert_uint_eq(body->data[6]->equation.left.len, 2);
    ck_assert_ptr_nonnull(body->data[7]->equation.time);
    ck_assert_str_eq(body->data[8]->outputs.data[1].as.text, "hidden");
    ck_assert_ptr_null(body->data[8]->outputs.data[0].as.text);
    ck_assert(body->data[9]->loss.total && body->data[9]->loss.weight);
    ck_assert_int_eq(body->data[10]->kind, TREE_GENERATE);
    ck_assert_int_eq(body->data[11]->kind, TREE_TRAIN);
    ck_assert_uint_eq(body->data[11]->block.maps.len, 2);
    ck_assert_str_eq(body->data[12]->block.format.text, "torch");
}
END_TEST

START_TEST(words_are_names_elsewhere)
{
    const tree_stmts *body =
        body_of("size = 3\ninput, target = f(x)\noutput[0] = 1\nparam = loss + weights\nover = sum(over over s)\n"
                "loss total * 2\nloss total\nloss total total\nloss weight weight weight\nas = from\noutput as as as\n"
                "data = model(cell, use, total, real, token)\ntrain {\n size = loss\n model = 3\n}");
    static const tree_stmt_kind kinds[] = {TREE_EQUATION, TREE_EQUATION, TREE_EQUATION, TREE_EQUATION, TREE_EQUATION,
                                           TREE_LOSS,     TREE_LOSS,     TREE_LOSS,     TREE_LOSS,     TREE_EQUATION,
                                           TREE_OUTPUT,   TREE_EQUATION, TREE_TRAIN};
    ck_assert_uint_eq(body->len, sizeof kinds / sizeof kinds[0]);
    for (size_t i = 0; i < body->len; i++) ck_assert_int_eq(body->data[i]->kind, kinds[i]);
    ck_assert(!body->data[5]->loss.total && !body->data[6]->loss.total && body->data[7]->loss.total);
    ck_assert_ptr_nonnull(body->data[8]->loss.weight);
    ck_assert_uint_eq(body->data[4]->equation.right->call.over.len, 1);
    ck_assert_str_eq(body->data[10]->outputs.data[0].as.text, "as");
    ck_assert(syntax_is_reserved("reverse") && !syntax_is_reserved("total"));
}
END_TEST

START_TEST(lines_go_on)
{
    ck_assert_uint_eq(body_of("a = b +\n c\nd = f(x,\n\n # note\n y\n)\n\n\ne =\n 3")->len, 3);
    ck_assert_uint_eq(body_of("a = if b\n then c\n else d\ne = W'\nf = g")->len, 3);
}
END_TEST

START_TEST(quote_ends_a_line)
{
    const tree_stmts *body = body_of("a = W'\nb = if c then\n d else\n e\nh1,\n h2 = f(x)\r\ninput x[t] :\n real");
    ck_assert_uint_eq(body->len, 4);
}
END_TEST

START_TEST(calls)
{
    const tree_stmts *body = body_of("a = bidirectional lstm(x, H, layers = 3, h[0] = v)\n"
                                     "b = f(0:8, :, 2:, :3)\nc = sum(h[t, s-1](0) over s, t)\nd = f()\ne = (a + b)[T]");
    const tree_expr *lstm = body->data[0]->equation.right;
    ck_assert_int_eq(lstm->call.direction, TREE_BIDIRECTIONAL);
    ck_assert_uint_eq(lstm->call.args.len, 2);
    ck_assert_uint_eq(lstm->call.options.len, 2);
    ck_assert_ptr_null(lstm->call.options.data[0].time);
    ck_assert_ptr_nonnull(lstm->call.options.data[1].time);
    const tree_expr *ranges = body->data[1]->equation.right;
    ck_assert_uint_eq(ranges->call.args.len, 4);
    ck_assert(ranges->call.args.data[0]->range.first && ranges->call.args.data[0]->range.end);
    ck_assert(!ranges->call.args.data[1]->range.first && !ranges->call.args.data[1]->range.end);
    ck_assert(ranges->call.args.data[2]->range.first && !ranges->call.args.data[2]->range.end);
    const tree_expr *sum = body->data[2]->equation.right;
    ck_assert_uint_eq(sum->call.over.len, 2);
    ck_assert_uint_eq(sum->call.args.data[0]->call.callee->time.index.len, 2);
    ck_assert_uint_eq(body->data[3]->equation.right->call.args.len, 0);
    ck_assert_int_eq(body->data[4]->equation.right->kind, TREE_TIME);
}
END_TEST

static const char *const sample =
    "use \"a.rnn\"\n# note\ncell f(x(D), s : real, w : token(V), H, k = 0, j = 2 * H) -> h, c { h = x\n c = -x }\n"
    "cell g(x(2, 3)) -> y {\n param W(3), b = 0.1\n y = reverse lstm(x, 8)\n weights torch { a(0:2*H) + b = "
    "rows(c)\n}\n}\n"
    "model m {\n size V = from data, E = 64\n cell C = f\n input x[t, s] : token(V), v : real\n target y : real(2)\n"
    " const k = vector(1, 2.5, 1e-9, 123456789)\n h, c = C(x, 8, h[0] = v)\n h[T+1] = ((a + b)) * c^(-d)^2 - (-a)^b\n"
    " z = (if a < b then c else d) + W'' @ (r * h) / -2\n q = if not (not a and b) then (a or b) else c[t-1](0, :)\n"
    " output h as p, c\n loss total sum(a over t)\n loss (total) weight m\n generate x[t+1] ~ p\n"
    " train { rate = 0.1\n schedule = cosine(10, 0.5) }\n}\n";

START_TEST(round_trip)
{
    tree_file *f = parse(sample);
    ck_assert_uint_eq(diag_error_count(messages), 0);
    const char *once = printed(f);
    const char *twice = printed(parse(once));
    ck_assert_uint_eq(diag_error_count(messages), 0);
    ck_assert_str_eq(once, twice);
    ck_assert_ptr_nonnull(strstr(once, "const k = vector(1, 2.5, 1e-09, 123456789)"));
    ck_assert_ptr_nonnull(strstr(once, "c^(-d)^2 - (-a)^b"));
}
END_TEST

START_TEST(spans_cover_their_text)
{
    const tree_stmts *body = body_of("hidden = tanh(W @ h[t-1])");
    const tree_expr *right = body->data[0]->equation.right;
    ck_assert_uint_eq(right->at.begin, strlen("model m {\nhidden = "));
    ck_assert_uint_eq(right->at.end - right->at.begin, strlen("tanh(W @ h[t-1])"));
    ck_assert_uint_eq(right->call.args.data[0]->binary.op_at.begin, strlen("model m {\nhidden = tanh(W "));
}
END_TEST

/* Taking away one closer gives one error, mostly in the line of its opener; and nothing hangs or crashes. */
START_TEST(one_closer_less)
{
    size_t length = strlen(sample), cases = 0, single = 0;
    for (size_t i = 0; i < length; i++) {
        if (!strchr(")]}", sample[i])) continue;
        char *cut = arena_strndup(memory, sample, length);
        memmove(cut + i, cut + i + 1, length - i);
        messages = diags_new(memory, sources_new(memory));
        ck_assert(parse(cut)->broken);
        ck_assert_uint_ge(diag_error_count(messages), 1);
        cases++;
        single += diag_error_count(messages) == 1;
    }
    ck_assert_uint_gt(cases, 30);
    ck_assert_msg(single * 100 >= cases * 95, "%zu of %zu gave one error", single, cases);
}
END_TEST

/* Any one character taken away or doubled: no crash, and few errors. */
START_TEST(one_character_off)
{
    size_t length = strlen(sample);
    for (size_t i = 0; i < length; i++) {
        char *cut = arena_strndup(memory, sample, length);
        memmove(cut + i, cut + i + 1, length - i);
        messages = diags_new(memory, sources_new(memory));
        parse(cut);
        ck_assert_msg(diag_error_count(messages) <= 3, "%zu errors in:\n%s", diag_error_count(messages), cut);
        char *more = arena_printf(memory, "%.*s%s", (int)i + 1, sample, sample + i);
        messages = diags_new(memory, sources_new(memory));
        parse(more);
        ck_assert_msg(diag_error_count(messages) <= 3, "%zu errors in:\n%s", diag_error_count(messages), more);
    }
}
END_TEST

START_TEST(every_prefix_parses)
{
    for (size_t n = 0; n <= strlen(sample); n++) {
        messages = diags_new(memory, sources_new(memory));
        ck_assert_ptr_nonnull(parse_bytes(sample, n));
        ck_assert_uint_le(diag_error_count(messages), 5);
    }
}
END_TEST

static const char *repeated(const char *before, const char *part, size_t times, const char *after)
{
    size_t n = strlen(part), first = strlen(before);
    char *out = arena_alloc(memory, first + n * times + strlen(after) + 1);
    memcpy(out, before, first);
    for (size_t i = 0; i < times; i++) memcpy(out + first + i * n, part, n);
    memcpy(out + first + n * times, after, strlen(after));
    return out;
}

START_TEST(deep_nesting_is_one_error)
{
    static const char *const parts[] = {"(",  "-",  "not ", "a^",  "a + ",         "if a then ",
                                        "f(", "h[", "(-",   "a^(", "(if a then -", "f(x, k = "};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        messages = diags_new(memory, sources_new(memory));
        ck_assert(parse(repeated("model m {\n    h = ", parts[i], 200000, "x\n}\n"))->broken);
        ck_assert_uint_ge(diag_error_count(messages), 1);
        ck_assert_uint_le(diag_error_count(messages), 2);
        bool found = false;
        for (size_t k = 0; k < diag_message_count(messages); k++) found |= diag_get(messages, k)->id == E_NESTING;
        ck_assert_msg(found, "no limit for %s", parts[i]);
    }
    messages = diags_new(memory, sources_new(memory));
    ck_assert(parse(repeated("model m {\n    h = x", "'", 200000, "\n}\n"))->broken);
    ck_assert_int_eq(diag_get(messages, 0)->id, E_NESTING);
}
END_TEST

START_TEST(depth_just_allowed)
{
    const char *deep = repeated("", "(", SYNTAX_MAX_NESTING - 1, "");
    body_of(repeated(arena_printf(memory, "h = %sx", deep), ")", SYNTAX_MAX_NESTING - 1, ""));
    body_of(repeated("h = ", "-", SYNTAX_MAX_NESTING - 1, "x"));
    body_of(repeated("h = ", "a + ", SYNTAX_MAX_NESTING - 1, "a"));
    body_of(repeated("h = f(", "x, ", 10000, "x)"));
    body_of(repeated("", "h = a^2 + b\n", 10000, ""));
}
END_TEST

START_TEST(bytes_and_empty_files)
{
    ck_assert(!parse("")->broken);
    ck_assert(!parse("\n\n# only a note")->broken);
    ck_assert(!parse("\xEF\xBB\xBFmodel m {\r\n a = b\r\n}\r\n")->broken);
    ck_assert_uint_eq(diag_error_count(messages), 0);
    ck_assert(parse_bytes("a\0b\0", 4)->broken);
    char all[256 * 16];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)(i * 167 + i / 256);
    ck_assert(parse_bytes(all, sizeof all)->broken);
}
END_TEST

START_TEST(large_files)
{
    size_t length = SOURCE_MAX_BYTES;
    char *bytes = malloc(length);
    ck_assert_ptr_nonnull(bytes);
    static const char fills[] = {'(', '{', '}', 'a', ' ', '\n', '\0', '"', '\xCF', '-'};
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(bytes, fills[i], length);
        teardown();
        setup();
        parse_bytes(bytes, length);
        ck_assert_uint_le(diag_message_count(messages), 2 * DIAG_MAX_ERRORS);
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("syntax");
    TCase *c = tcase_create("syntax");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, precedence);
    tcase_add_test(c, statement_kinds);
    tcase_add_test(c, words_are_names_elsewhere);
    tcase_add_test(c, lines_go_on);
    tcase_add_test(c, quote_ends_a_line);
    tcase_add_test(c, calls);
    tcase_add_test(c, round_trip);
    tcase_add_test(c, spans_cover_their_text);
    tcase_add_test(c, one_closer_less);
    tcase_add_test(c, one_character_off);
    tcase_add_test(c, every_prefix_parses);
    tcase_add_test(c, deep_nesting_is_one_error);
    tcase_add_test(c, depth_just_allowed);
    tcase_add_test(c, bytes_and_empty_files);
    tcase_add_test(c, large_files);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
