/* base.c: tests of arenas, arrays, names, sources, text and messages. */
#include "base/array.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/names.h"
#include "base/text.h"
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(arena_blocks_are_zeroed_aligned_and_apart)
{
    arena *a = arena_new();
    unsigned char *last = NULL;
    for (size_t bytes = 0; bytes < 200000; bytes = bytes * 3 + 1) {
        unsigned char *p = arena_alloc(a, bytes);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        ck_assert_ptr_ne(p, last);
        for (size_t i = 0; i < bytes; i++) ck_assert_uint_eq(p[i], 0);
        if (bytes) memset(p, 0xFF, bytes);
        last = p;
    }
    ck_assert_str_eq(arena_printf(a, "%s-%d", "x", 7), "x-7");
    ck_assert_str_eq(arena_strndup(a, "hello", 4), "hell");
    arena_free(a);
    arena_free(NULL);
}
END_TEST

START_TEST(sizes_are_checked)
{
    size_t out = 1;
    ck_assert(size_mul(3, 4, &out));
    ck_assert_uint_eq(out, 12);
    ck_assert(!size_mul(SIZE_MAX / 2, 3, &out));
    ck_assert(!size_add(SIZE_MAX, 1, &out));
    ck_assert_uint_eq(out, 12);
    ck_assert(size_mul(SIZE_MAX, 0, &out));
    ck_assert_uint_eq(out, 0);
}
END_TEST

START_TEST(arrays_grow)
{
    arena *a = arena_new();
    ARRAY(int) v = {0};
    for (int i = 0; i < 1000; i++) array_push(a, &v, i * i);
    ck_assert_uint_eq(v.len, 1000);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(v.data[i], i * i);
    arena_free(a);
}
END_TEST

START_TEST(names_are_interned)
{
    arena *a = arena_new();
    names *n = names_new(a);
    name first[3000];
    for (int i = 0; i < 3000; i++) first[i] = name_printf(n, "v%d", i);
    for (int i = 0; i < 3000; i++) ck_assert_ptr_eq(name_printf(n, "v%d", i), first[i]);
    ck_assert_ptr_eq(name_of(n, "v12"), name_of_length(n, "v123", 3));
    ck_assert_ptr_ne(name_of(n, "v12"), name_of(n, "v13"));
    arena_free(a);
}
END_TEST

START_TEST(nearest_name)
{
    const char *const known[] = {"sigmoid", "softmax", "softplus", "tanh", "h", "cross_entropy"};
    ck_assert_str_eq(name_nearest("sigmiod", known, 6), "sigmoid");
    ck_assert_str_eq(name_nearest("sigmod", known, 6), "sigmoid");
    ck_assert_str_eq(name_nearest("tahn", known, 6), "tanh");
    ck_assert_str_eq(name_nearest("crossentropy", known, 6), "cross_entropy");
    ck_assert_ptr_null(name_nearest("attention", known, 6));
    ck_assert_ptr_null(name_nearest("z", known, 6));
    ck_assert_ptr_null(name_nearest("tanh", NULL, 0));
}
END_TEST

START_TEST(places_count_characters)
{
    arena *a = arena_new();
    sources *s = sources_new(a);
    const char *content = "a = b\r\n  \xCF\x83(x)\n\nend";
    span at = {sources_add(s, "x.rnn", content, strlen(content)), 11, 12}; /* the '(' */
    const source *src = source_of(s, at);
    ck_assert_uint_eq(src->lines, 4);
    place p = source_place(src, at.begin);
    ck_assert_uint_eq(p.line, 2);
    ck_assert_uint_eq(p.column, 4);
    size_t length;
    ck_assert_int_eq(strncmp(source_line(src, 1, &length), "a = b", 5), 0);
    ck_assert_uint_eq(length, 5);
    source_line(src, 3, &length);
    ck_assert_uint_eq(length, 0);
    source_line(src, 4, &length);
    ck_assert_uint_eq(length, 3);
    ck_assert_uint_eq(source_place(src, 1000).line, 4);
    ck_assert_ptr_null(source_of(s, NO_SPAN));
    ck_assert_ptr_null(source_of(s, (span){2, 0, 0}));
    span joined = span_join((span){1, 4, 6}, (span){1, 9, 12});
    ck_assert_uint_eq(joined.begin, 4);
    ck_assert_uint_eq(joined.end, 12);
    arena_free(a);
}
END_TEST

START_TEST(text_indents)
{
    arena *a = arena_new();
    text *t = text_new(a);
    text_open(t, "if (%s)", "x");
    text_blank(t);
    text_line(t, "y = %d;", 1);
    text_blank(t);
    text_blank(t);
    text_put(t, "z");
    text_put(t, " = 2;\n");
    text_blank(t);
    text_blank(t);
    text_close(t, " else {");
    text_line(t, "w;");
    text_puts(t, "#endif\n");
    text_close(t, NULL);
    ck_assert_str_eq(text_string(t), "if (x) {\n    y = 1;\n\n    z = 2;\n} else {\n    w;\n#endif\n}\n");
    arena_free(a);
}
END_TEST

START_TEST(embedded_texts_end_with_nul)
{
    for (size_t i = 0; embedded_path(i); i++) {
        size_t length;
        const char *content = embedded_text(embedded_path(i), &length);
        ck_assert_ptr_nonnull(content);
        ck_assert_uint_eq(strlen(content), length);
        if (i > 0) ck_assert_int_lt(strcmp(embedded_path(i - 1), embedded_path(i)), 0);
    }
    ck_assert_ptr_null(embedded_text("cells/none.rnn", NULL));
}
END_TEST

/* What diag_print writes, as a string on the arena. */
static const char *rendered(arena *a, const diags *d, diag_format format, bool color)
{
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    diag_print(d, f, format, color);
    size_t length = (size_t)ftell(f);
    char *out = arena_alloc(a, length + 1);
    rewind(f);
    ck_assert_uint_eq(fread(out, 1, length, f), length);
    fclose(f);
    return out;
}

START_TEST(messages_are_rendered)
{
    arena *a = arena_new();
    sources *s = sources_new(a);
    const char *content = "first\n\ta = b\xCF\x83 + \x01\"c\"\n";
    uint32_t file = sources_add(s, "x.rnn", content, strlen(content));
    diags *d = diags_new(a, s);
    span quoted = {file, 15, 18}, between = {file, 7, 8};
    diag(d, quoted, E_CHARACTER, "x\"y");
    diag_add_note(d, (span){file, 0, 5}, "see %d", 1);
    diag_hint(d, "do %s", "that");
    diag(d, quoted, E_CHARACTER, "x\"y"); /* the same again: not reported */
    diag_hint(d, "lost");
    diag(d, between, W_MIXED_PRODUCTS, "@", "*");
    diag(d, NO_SPAN, E_QUOTE);
    ck_assert_uint_eq(diag_error_count(d), 2);
    ck_assert_uint_eq(diag_message_count(d), 3);
    diags_sort(d);
    ck_assert_int_eq(diag_get(d, 0)->id, W_MIXED_PRODUCTS);
    ck_assert_str_eq(rendered(a, d, DIAG_TEXT, false),
                     "x.rnn:2:2: warning: '@' and '*' bind equally tightly, from the left [mixed-products]\n"
                     "    2 |  a = b\xCF\x83 + ?\"c\"\n"
                     "      |  ^\n"
                     "x.rnn:2:9: error: found 'x\"y', which is not part of the language [character]\n"
                     "    2 |  a = b\xCF\x83 + ?\"c\"\n"
                     "      |         ^~~\n"
                     "x.rnn:1:1: note: see 1\n"
                     "    1 | first\n"
                     "      | ^~~~~\n"
                     "hint: do that\n"
                     "rnnc: error: the quoted text does not end on its line [quote]\n");
    ck_assert_ptr_nonnull(strstr(rendered(a, d, DIAG_TEXT, true), "\033[1;31merror: \033[0m"));
    ck_assert_ptr_nonnull(strstr(
        rendered(a, d, DIAG_JSON, false),
        "\n{\"file\":\"x.rnn\",\"line\":2,\"column\":9,\"end_line\":2,\"end_column\":12,\"severity\":\"error\","
        "\"id\":\"character\",\"message\":\"found 'x\\\"y', which is not part of the language\",\"notes\":[{\"file\":"
        "\"x.rnn\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":6,\"kind\":\"note\",\"message\":\"see 1\"},"
        "{\"kind\":\"hint\",\"message\":\"do that\"}]}\n"));
    arena_free(a);
}
END_TEST

START_TEST(messages_are_limited)
{
    arena *a = arena_new();
    sources *s = sources_new(a);
    uint32_t file = sources_add(s, "x.rnn", "abc", 3);
    diags *d = diags_new(a, s);
    for (uint32_t i = 0; i < DIAG_MAX_ERRORS + 3; i++) {
        span at = {file, i % 3, 3 + i};
        diag(d, at, E_QUOTE);
    }
    ck_assert_uint_eq(diag_error_count(d), DIAG_MAX_ERRORS + 3);
    ck_assert_uint_eq(diag_message_count(d), DIAG_MAX_ERRORS);
    ck_assert_ptr_nonnull(strstr(rendered(a, d, DIAG_TEXT, false), "\nrnnc: 3 more errors are not shown\n"));
    arena_free(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base");
    TCase *c = tcase_create("base");
    tcase_add_test(c, arena_blocks_are_zeroed_aligned_and_apart);
    tcase_add_test(c, sizes_are_checked);
    tcase_add_test(c, arrays_grow);
    tcase_add_test(c, names_are_interned);
    tcase_add_test(c, nearest_name);
    tcase_add_test(c, places_count_characters);
    tcase_add_test(c, text_indents);
    tcase_add_test(c, embedded_texts_end_with_nul);
    tcase_add_test(c, messages_are_rendered);
    tcase_add_test(c, messages_are_limited);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
