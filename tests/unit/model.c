/* model.c: tests of the checked model and of its lowering: names, shapes, axes, directions, boundaries, roots. */
#include "lower/lower.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    arena *arena;
    names *names;
    diags *diags;
    model *model;
} fixture;

static const char *load(void *context, const char *path, size_t *length)
{
    if (strcmp(path, "cells.rnn") != 0) return NULL;
    *length = strlen(context);
    return context;
}

static fixture check_with(const char *spec, model_options o)
{
    fixture f = {.arena = arena_new()};
    f.names = names_new(f.arena);
    f.diags = diags_new(f.arena, sources_new(f.arena));
    o.path = "test.rnn";
    o.text = spec;
    o.length = strlen(spec);
    f.model = model_check(f.arena, f.names, f.diags, &o);
    return f;
}

static fixture check(const char *spec)
{
    fixture f = check_with(spec, (model_options){.data_size = 10});
    if (!f.model) diag_print(f.diags, stdout, DIAG_TEXT, false);
    ck_assert_ptr_nonnull(f.model);
    return f;
}

static const model_variable *find(const fixture *f, const char *path)
{
    for (size_t i = 1; i < f->model->variables.len; i++)
        if (!strcmp(f->model->variables.data[i].path, path)) return &f->model->variables.data[i];
    ck_abort_msg("there is no variable '%s'", path);
    return NULL;
}

static const char *type_of(const fixture *f, const char *path)
{
    return model_type_text(f->arena, f->model, find(f, path)->type);
}

static const char *equation(const fixture *f, const char *path)
{
    text *t = text_new(f->arena);
    model_print_expr(t, f->model, find(f, path)->value);
    return text_string(t);
}

static const char *first_slug(const fixture *f)
{
    return diag_message_count(f->diags) ? diag_get(f->diags, 0)->slug : "";
}

static graph *lower(const fixture *f, lower_options o) { return lower_model(f->arena, f->names, f->model, o); }

static int count(const graph *g, op o)
{
    int n = 0;
    for (size_t i = 1; i < g->nodes.len; i++) n += g->nodes.data[i].op == o;
    return n;
}

#define TRAIN ((lower_options){.mode = LOWER_TRAINING, .outputs = true, .loss = true, .targets = true})
#define RUN ((lower_options){.mode = LOWER_INFERENCE, .outputs = true})

START_TEST(calls_give_paths)
{
    fixture f = check("model m {\n input x[t] : real(4)\n h1 = lstm(x, 8)\n h2 = lstm(x, 8, layers = 2)\n"
                      " h3 = bidirectional rnn(x, 8, name = enc)\n p = dense(dense(h1, 3), 2) + dense(h2, 2)\n"
                      " output p, h3\n}\n");
    ck_assert_str_eq(type_of(&f, "h1.Wi"), "real(8, 8)");
    ck_assert_str_eq(type_of(&f, "h1.Ui"), "real(8, 4)");
    ck_assert_str_eq(type_of(&f, "h2.1.Ui"), "real(8, 8)");
    ck_assert_str_eq(type_of(&f, "enc.backward.U"), "real(8, 4)");
    ck_assert_str_eq(type_of(&f, "p.dense.W"), "real(2, 3)");
    ck_assert_str_eq(type_of(&f, "p.dense2.W"), "real(3, 8)");
    ck_assert_str_eq(type_of(&f, "p.dense3.W"), "real(2, 8)");
    ck_assert_str_eq(type_of(&f, "h3"), "real(16) over b, t");
    ck_assert_str_eq(equation(&f, "h1"), "(h1.o * tanh(h1.c))");
    arena_free(f.arena);
}
END_TEST

/* What a result's equation calls lies in the call, wherever the variable is that the caller names. */
START_TEST(results_keep_their_calls)
{
    const char *spec = "cell unit(x(D), H) -> h, c {\n param W(H,D)\n a = W @ x\n c = layer_norm(a) + c[t-1]\n"
                       " h = layer_norm(c) + h[t-1]\n}\n"
                       "cell pair(x(D), H) -> y {\n y = unit(x, H, layers = 2)\n}\n"
                       "model m {\n input x[t] : real(4)\n h = unit(x, 4, layers = 2)\n k = unit(x, 4)\n"
                       " u, v = unit(x, 4)\n e = unit(x, 4, name = enc)\n b = bidirectional unit(x, 4, layers = 2)\n"
                       " r = unit(x, 4, layers = 2, residual = true)\n z = pair(x, 4, layers = 2)\n"
                       " p = unit(x, 4, layers = 2) + h\n output h, k, u, v, e, b, r, z, p\n}\n";
    static const char *const gains[] = {
        "h.0.c.layer_norm.g", "h.0.h.layer_norm.g",     "h.1.c.layer_norm.g",         "h.1.h.layer_norm.g",
        "k.c.layer_norm.g",   "k.layer_norm.g",         "u.c.layer_norm.g",           "u.layer_norm.g",
        "enc.c.layer_norm.g", "enc.h.layer_norm.g",     "b.0.forward.h.layer_norm.g", "b.1.backward.h.layer_norm.g",
        "r.0.h.layer_norm.g", "r.1.h.layer_norm.g",     "z.0.y.0.h.layer_norm.g",     "z.0.y.1.h.layer_norm.g",
        "z.1.y.0.W",          "z.1.y.1.h.layer_norm.g", "p.unit.0.h.layer_norm.g",    "p.unit.1.h.layer_norm.g",
    };
    fixture f = check(spec);
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++) find(&f, gains[i]);
    arena_free(f.arena);
}
END_TEST

START_TEST(reversed_readings)
{
    fixture f = check("cell f(x(D)) -> h {\n h = h[t-1] + x[t-2] + x[T] + x[T-1] + x[1] * t\n h[0] = 3\n h[-1] = 4\n}\n"
                      "model m {\n input x[t] : real(4)\n b = reverse f(x)\n e = last(b)\n output b, e\n}\n");
    ck_assert_str_eq(equation(&f, "b"), "((((b[t+1] + x[t+2]) + x[1]) + x[2]) + (x[T] * (T - t + 1)))");
    ck_assert_str_eq(equation(&f, "e"), "b[1]");
    const model_variable *b = find(&f, "b");
    ck_assert_int_eq(b->scan, 1);
    ck_assert_uint_eq(b->boundaries.len, 2);
    ck_assert(b->boundaries.data[0].after && b->boundaries.data[0].slot == 0);
    ck_assert(b->boundaries.data[1].after && b->boundaries.data[1].slot == 1);
    arena_free(f.arena);
}
END_TEST

START_TEST(last_takes_each_end)
{
    fixture f = check("model m {\n input x[t] : real(4)\n h = bidirectional rnn(x, 8)\n g = 0.5 * g[t+1] + x\n"
                      " r = bidirectional rnn(h, 8, residual = true)\n"
                      " a = last(h)\n b = last(g)\n c = last(x)\n d = last(r)\n output a, b, c, d\n}\n");
    ck_assert_str_eq(equation(&f, "a"), "concat(h.forward.h[T], h.backward.h[1])");
    ck_assert_str_eq(equation(&f, "b"), "g[1]");
    ck_assert_str_eq(equation(&f, "c"), "x[T]");
    ck_assert_str_eq(equation(&f, "d"), "concat(r[T](0:8), r[1](8:16))");
    arena_free(f.arena);
}
END_TEST

START_TEST(shapes_follow_from_recurrences)
{
    fixture f = check("model m {\n input x[t] : real(4), g[t] : real\n param W(8,8), U(8,4), v(3)\n"
                      " h = tanh(a)\n a = W @ h[t-1] + U @ x\n S = 0.9 * S[t-1] + outer(h, x)\n"
                      " z = 0.5 * z[t-1]\n z[0] = v\n n = g * n[t-1] + 1\n output S, z, n\n}\n");
    ck_assert_str_eq(type_of(&f, "h"), "real(8) over b, t");
    ck_assert_str_eq(type_of(&f, "S"), "real(8, 4) over b, t");
    ck_assert_str_eq(type_of(&f, "z"), "real(3) over b, t");
    ck_assert_str_eq(type_of(&f, "n"), "real over b, t");
    arena_free(f.arena);
}
END_TEST

START_TEST(axes_are_the_least)
{
    fixture f = check("model m {\n input x[t] : real(4), e[s] : real(4), v : real(4)\n a = sum(x * e)\n"
                      " c = sum(a * e over s)\n w = 2 * v\n d = rnn(concat(c, d[t-1]), 4)\n d[0] = e[S]\n"
                      " u = lstm(e, 3)\n output a, c, w, d, u\n}\n");
    ck_assert_str_eq(type_of(&f, "a"), "real over b, t, s");
    ck_assert_str_eq(type_of(&f, "c"), "real(4) over b, t");
    ck_assert_str_eq(type_of(&f, "w"), "real(4) over b");
    ck_assert_str_eq(type_of(&f, "d"), "real(4) over b, t");
    ck_assert_str_eq(type_of(&f, "u"), "real(3) over b, s");
    ck_assert_int_eq(find(&f, "d")->scan, -1);
    ck_assert_int_eq(find(&f, "a")->scan, 0);
    arena_free(f.arena);
}
END_TEST

START_TEST(branches_known_when_compiled_are_taken)
{
    const char *spec = "cell f(x(D), gain = 0) -> y {\n param g(D) = 1\n y = if gain > 0 then g * x else x\n}\n"
                       "model m {\n input x[t] : real(4)\n a = f(x)\n b = f(x, gain = 1)\n output a, b\n}\n";
    fixture f = check(spec);
    ck_assert_uint_eq(diag_message_count(f.diags), 0);
    ck_assert_str_eq(equation(&f, "a"), "x");
    ck_assert_str_eq(equation(&f, "b"), "(b.g * x)");
    graph *g = lower(&f, RUN);
    ck_assert_uint_eq(g->params.len, 1);
    ck_assert_str_eq(g->params.data[0].path, "b.g");
    arena_free(f.arena);
}
END_TEST

START_TEST(what_nobody_reads_yet_stays)
{
    fixture f =
        check("model m {\n size P = 1\n input x[t] : real(2)\n param a(2) = 1, b(2) = 1\n h = gru_layer_norm(x, 4)\n"
              " y = if P == 2 then u else x\n u = a * v[t-1]\n v = b + u\n output y\n}\n");
    ck_assert_int_eq(find(&f, "h.Wn")->kind, VARIABLE_PARAM);
    ck_assert_int_eq(find(&f, "h")->kind, VARIABLE_EQUATION);
    ck_assert_int_eq(find(&f, "b")->kind, VARIABLE_CONST);
    arena_free(f.arena);
}
END_TEST

START_TEST(definitions_and_uses)
{
    const model_define d[] = {{.word = "H", .value = "3"}, {.word = "C", .value = "twice"}};
    char cells[] = "cell twice(x(D), H) -> y {\n y = 2 * x(0:H)\n}\n";
    model_options o = {.defines = d, .define_count = 2, .load = load, .context = cells};
    const char *spec = "use \"cells.rnn\"\nmodel m {\n size H = 8\n cell C = rnn\n input x[t] : real(4)\n h = C(x, H)\n"
                       " output h\n}\n";
    fixture f = check_with(spec, o);
    ck_assert_ptr_nonnull(f.model);
    ck_assert_str_eq(type_of(&f, "h"), "real(3) over b, t");
    arena_free(f.arena);
    o.load = NULL;
    f = check_with(spec, o);
    ck_assert_ptr_null(f.model);
    ck_assert_str_eq(first_slug(&f), "cannot-use");
    arena_free(f.arena);
}
END_TEST

START_TEST(sizes_from_data_need_data)
{
    const char *spec = "model m {\n size V = from data\n input x[t] : token(V)\n h = onehot(x)\n output h\n}\n";
    fixture f = check(spec);
    ck_assert_str_eq(type_of(&f, "h"), "real(10) over b, t");
    arena_free(f.arena);
    f = check_with(spec, (model_options){0});
    ck_assert_ptr_null(f.model);
    ck_assert_str_eq(first_slug(&f), "size-from-data");
    arena_free(f.arena);
}
END_TEST

START_TEST(weights_are_maps)
{
    fixture f = check("model m {\n input x[t] : real(4)\n h = gru(x, 8)\n output h\n}\n");
    ck_assert_uint_ge(f.model->weights.len, 5); /* those of torch come first */
    const model_weights *hh = &f.model->weights.data[0], *b = &f.model->weights.data[2];
    ck_assert_str_eq(hh->foreign.data[0].word, "weight_hh");
    ck_assert_int_eq(hh->shape.dim[0], 24);
    ck_assert_int_eq(hh->shape.dim[1], 8);
    ck_assert_uint_eq(b->foreign.len, 2);
    ck_assert_str_eq(b->foreign.data[1].word, "bias_hh");
    ck_assert_int_eq(b->foreign.data[1].length, 16);
    arena_free(f.arena);
}
END_TEST

START_TEST(modes_differ_in_what_is_random)
{
    fixture f = check("model m {\n input x[t] : real(4)\n target y[t] : real(4)\n d = dropout(x, 0.5)\n"
                      " z = zoneout(d, x, 0.1)\n q = z + y\n output z, q\n loss mean_square(z, y)\n}\n");
    graph *g = lower(&f, TRAIN);
    ck_assert_int_eq(count(g, OP_uniform), 2);
    ck_assert_uint_eq(g->outputs.len, 2);
    ck_assert_uint_eq(g->inputs.len, 2);
    ck_assert(node_some(g->loss));
    g = lower(&f, RUN);
    ck_assert_int_eq(count(g, OP_uniform), 0);
    ck_assert_uint_eq(g->outputs.len, 1);
    ck_assert_uint_eq(g->inputs.len, 1);
    ck_assert(!node_some(g->loss));
    arena_free(f.arena);
}
END_TEST

START_TEST(products_with_onehot_are_lookups)
{
    fixture f = check("model m {\n input x[t] : token(5)\n param U(3,5), V(5,3)\n e = onehot(x)\n"
                      " a = U @ e\n b = V' @ onehot(x)\n output a, b\n}\n");
    graph *g = lower(&f, RUN);
    ck_assert_int_eq(count(g, OP_lookup), 2);
    ck_assert_int_eq(count(g, OP_transpose), 1);
    ck_assert_int_eq(count(g, OP_eq), 0);
    arena_free(f.arena);
}
END_TEST

START_TEST(cross_entropy_is_of_logits)
{
    fixture f = check("model m {\n input x[t] : real(5)\n target y[t] : token(5)\n p = softmax(x)\n q = p\n"
                      " loss cross_entropy(q, y)\n}\n");
    graph *g = lower(&f, TRAIN);
    ck_assert_int_eq(count(g, OP_softmax), 0);
    ck_assert_int_eq(count(g, OP_log), 0);
    ck_assert_int_eq(count(g, OP_logsumexp), 1);
    ck_assert_int_eq(count(g, OP_norm), 1);
    arena_free(f.arena);
}
END_TEST

START_TEST(losses_add_and_each_has_its_norm)
{
    fixture f = check("model m {\n input x[t] : real, w[t] : real\n target y[t] : real\n param g = 1\n"
                      " loss mean_square(g * x, y)\n loss absolute(x, y) weight w\n loss total huber(x, y)\n"
                      " loss 0.1 * g * g\n}\n");
    graph *g = lower(&f, TRAIN);
    ck_assert_int_eq(count(g, OP_norm), 2);
    ck_assert_int_eq(count(g, OP_count), 1);
    ck_assert_int_eq(g->losses, 4);
    arena_free(f.arena);
}
END_TEST

START_TEST(shared_nodes_with_other_boundaries_are_copied)
{
    fixture f = check("model m {\n input x[t] : real(4)\n g = x\n g[0] = 1\n a = g[t-1] + x[t-1]\n output a\n}\n");
    graph *g = lower(&f, RUN);
    ck_assert_int_eq(count(g, OP_copy), 1);
    ck_assert_int_eq(count(g, OP_shift), 2);
    arena_free(f.arena);
    f = check("model m {\n input x[t] : real(4)\n g = x\n a = g[t-1] + x[t-1]\n output a\n}\n");
    ck_assert_int_eq(count(lower(&f, RUN), OP_copy), 0);
    arena_free(f.arena);
}
END_TEST

/* Of several axes `t` in a cell is the one that is called so, whichever was declared first. */
START_TEST(a_cell_runs_along_t)
{
    fixture f = check("cell f(x(D)) -> y {\n y = x + y[t-1]\n}\n"
                      "model m {\n input v[s] : real(2), u[t] : real(2)\n y = f(u * v)\n output y\n}\n");
    const model_variable *y = find(&f, "y");
    ck_assert_str_eq(type_of(&f, "y"), "real(2) over b, s, t");
    ck_assert_int_eq(y->scan, -1);
    ck_assert_str_eq(f.model->axis[y->scan_axis].letter, "t");
    arena_free(f.arena);
}
END_TEST

/* The first of several layers takes data of any size, so that it has no input to add. */
START_TEST(residual_layers_begin_with_the_second)
{
    fixture f = check("model m {\n input x[t] : real(3)\n h = rnn(x, 5, layers = 3, residual = true)\n"
                      " g = rnn(h, 5, residual = true)\n output h, g\n}\n");
    ck_assert_str_eq(type_of(&f, "h.0.U"), "real(5, 3)");
    ck_assert_str_eq(equation(&f, "h"), "(h.2.h + h.1.h2)");
    ck_assert_str_eq(equation(&f, "g"), "(g.h + h)");
    arena_free(f.arena);
}
END_TEST

START_TEST(a_call_gives_other_boundary_values_than_its_cell)
{
    fixture f = check("cell f(x : real) -> h {\n param first\n h = 0.5 * h[t-1] + x\n h[0] = first\n}\n"
                      "model m {\n input x[t] : real, v : real\n a = f(x)\n b = f(x, h[0] = v)\n output a, b\n}\n");
    const model_variable *a = find(&f, "a"), *b = find(&f, "b");
    ck_assert_uint_eq(a->boundaries.len, 1);
    ck_assert_uint_eq(b->boundaries.len, 1);
    ck_assert_str_eq(f.model->variables.data[a->boundaries.data[0].variable].path, "a.first");
    ck_assert_str_eq(f.model->variables.data[b->boundaries.data[0].variable].path, "v");
    arena_free(f.arena);
}
END_TEST

START_TEST(long_chains_are_no_recursion)
{
    fixture f = {.arena = arena_new()};
    text *t = text_new(f.arena);
    int n = 20000;
    text_line(t, "model m {");
    text_line(t, "input x[t] : real(2)");
    for (int i = 0; i < n; i++) text_line(t, "v%d = v%d + x", i, i + 1);
    text_line(t, "v%d = 0.5 * v0[t-1]", n);
    text_line(t, "output v0");
    text_line(t, "}");
    fixture made = check(text_string(t));
    ck_assert_int_eq(find(&made, "v17")->scan, -1);
    ck_assert_int_eq(count(lower(&made, RUN), OP_add), n);
    arena_free(made.arena);
    arena_free(f.arena);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model");
    TCase *c = tcase_create("model");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, calls_give_paths);
    tcase_add_test(c, results_keep_their_calls);
    tcase_add_test(c, reversed_readings);
    tcase_add_test(c, last_takes_each_end);
    tcase_add_test(c, shapes_follow_from_recurrences);
    tcase_add_test(c, axes_are_the_least);
    tcase_add_test(c, branches_known_when_compiled_are_taken);
    tcase_add_test(c, what_nobody_reads_yet_stays);
    tcase_add_test(c, definitions_and_uses);
    tcase_add_test(c, sizes_from_data_need_data);
    tcase_add_test(c, weights_are_maps);
    tcase_add_test(c, modes_differ_in_what_is_random);
    tcase_add_test(c, products_with_onehot_are_lookups);
    tcase_add_test(c, cross_entropy_is_of_logits);
    tcase_add_test(c, losses_add_and_each_has_its_norm);
    tcase_add_test(c, shared_nodes_with_other_boundaries_are_copied);
    tcase_add_test(c, a_cell_runs_along_t);
    tcase_add_test(c, residual_layers_begin_with_the_second);
    tcase_add_test(c, a_call_gives_other_boundary_values_than_its_cell);
    tcase_add_test(c, long_chains_are_no_recursion);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
