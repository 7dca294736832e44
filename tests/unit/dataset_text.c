/* dataset_text.c: tests of vocabularies, of the protocol of texts, of their faults, and of a batch that is refused. */
#define _GNU_SOURCE 1
#include "dataset_fixture.h"
#include "train/metrics.h"

static train_value char_value[2] = {
    {.name = "x", .token = true, .classes = 16, .components = 1, .axes = 3},
    {.name = "y", .token = true, .target = true, .classes = 16, .components = 1, .axes = 3},
};

/* ---- vocabularies ------------------------------------------------------------------------------------------------ */

START_TEST(characters_are_the_sorted_bytes)
{
    save("a.txt",
         "b\0a\xff"
         "ab\"\\",
         8);
    data_options o = text_options(1, 1);
    dataset *d = open_data(&o, NULL);
    ck_assert_uint_eq(dataset_symbols(d), 6);
    ck_assert_str_eq(dataset_vocabulary(d), "[\"\\u0000\",\"\\\"\",\"\\\\\",\"a\",\"b\",\"\\u00ff\"]");
    vocabulary v;
    char *error = NULL;
    ck_assert(vocabulary_from_json(&v, dataset_vocabulary(d), &error));
    ck_assert(!v.words && v.count == 6);
    ck_assert_int_eq(vocabulary_find(&v, "\xff", 1), 5);
    ck_assert_int_eq(vocabulary_find(&v, "", 1), 0);
    ck_assert_int_eq(vocabulary_find(&v, "c", 1), -1);
    vocabulary_free(&v);
    dataset_close(d);
}
END_TEST

static void assert_words(const char *text, size_t keep, const char *json)
{
    vocabulary v;
    char *error = NULL;
    ck_assert(vocabulary_of_words(&v, text, strlen(text), keep, &error));
    char *found = vocabulary_to_json(&v);
    ck_assert_str_eq(found, json);
    free(found);
    vocabulary_free(&v);
}

START_TEST(words_are_sorted_by_frequency)
{
    assert_words("b a\nb c\tb \r\n  a\n", 0, "[\"<eos>\",\"b\",\"a\",\"c\",\"<unk>\"]");
    assert_words("b a\nb c\tb \r\n  a\n", 3, "[\"<eos>\",\"<unk>\",\"b\"]"); /* <unk> stands for a, c, a: 3 */
    assert_words("b b b b a", 2, "[\"b\",\"<unk>\"]");
    assert_words("x <unk> <unk> y", 0, "[\"<unk>\",\"x\",\"y\"]");
    assert_words("caf\xc3\xa9", 0, "[\"caf\\u00c3\\u00a9\",\"<unk>\"]");
}
END_TEST

START_TEST(many_words_are_found_again)
{
    enum { MANY = 5000 };
    char *text = calloc(MANY, 8), *error = NULL, word[16];
    size_t n = 0;
    for (int i = 0; i < MANY; i++) n += (size_t)sprintf(text + n, "w%05d ", i);
    vocabulary v, w;
    ck_assert(vocabulary_of_words(&v, text, n, 0, &error));
    ck_assert_uint_eq(v.count, MANY + 1);
    char *json = vocabulary_to_json(&v);
    ck_assert(vocabulary_from_json(&w, json, &error) && w.words && w.count == v.count);
    for (int i = 0; i < MANY; i++) {
        sprintf(word, "w%05d", i);
        ck_assert_int_eq(vocabulary_find(&v, word, 6), i);
        ck_assert_int_eq(vocabulary_find(&w, word, 6), i);
    }
    ck_assert_int_eq(vocabulary_find(&w, "other", 5), MANY);
    free(text);
    free(json);
    vocabulary_free(&v);
    vocabulary_free(&w);
}
END_TEST

static const char *const BAD_VOCABULARY[] = {
    "", "{}", "[]", "[1]", "[\"\"]", "[\"a\",\"a\"]", "[\"\\u0100\"]", "[\"ab\",\"c\"]"};

START_TEST(bad_vocabularies_are_refused)
{
    vocabulary v;
    char *error = NULL;
    ck_assert(!vocabulary_from_json(&v, BAD_VOCABULARY[_i], &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_uint_eq(v.count, 0);
    free(error);
}
END_TEST

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Ids of "0123456789..." are its digits. 22 characters, B = 2, T = 2: cut to 20, streams of 10, 5 blocks. */
START_TEST(a_text_becomes_streams)
{
    save_text("a.txt", "0123456789987654321000");
    data_options o = text_options(2, 2);
    o.split[PART_TRAIN] = 0.6;
    o.split[PART_VALIDATE] = o.split[PART_TEST] = 0.2;
    trainable m = model_of(char_value, 2, 1);
    dataset *d = open_bound(&o, &m);
    ck_assert_uint_eq(dataset_batches(d, PART_TRAIN, 0), 3);
    ck_assert_uint_eq(dataset_batches(d, PART_VALIDATE, 0), 1);
    ck_assert_uint_eq(dataset_batches(d, PART_TEST, 0), 1);
    ck_assert_str_eq(dataset_summary(d), "22 characters, 10 different; blocks of 2 x 2: 3 train, 1 validate, 1 test");
    data_batch b = dataset_batch(d, PART_TRAIN, 0, 0); /* [step][stream] */
    ck_assert(b.fresh && b.sequences == 2 && b.steps[1] == 2 && !b.lengths[1] && b.first_sequence == 0);
    assert_ids(b.input[0], "0918");
    assert_ids(b.input[1], "1827");
    b = dataset_batch(d, PART_TRAIN, 7, 2);
    ck_assert(!b.fresh);
    assert_ids(b.input[0], "4554");
    assert_ids(b.input[1], "5463");
    data_batch v = dataset_batch(d, PART_VALIDATE, 0, 0);
    ck_assert(v.fresh);
    assert_ids(v.input[0], "6372");
    assert_ids(b.input[0], "4554"); /* another part has memory of its own */
    v = dataset_batch(d, PART_TEST, 0, 0);
    ck_assert(v.fresh);
    assert_ids(v.input[0], "8190");
    assert_ids(v.input[1], "9090"); /* stream 0 goes on in stream 1, the end at the beginning */
    dataset_close(d);
}
END_TEST

START_TEST(shares_are_those_of_blocks)
{
    static const struct {
        double split[3];
        size_t blocks, parts[3];
    } CASES[] = {
        {{0.9, 0.05, 0.05}, 446, {401, 22, 23}},
        {{0.9, 0.05, 0.05}, 1, {1, 0, 0}},
        {{0.9, 0.05, 0.05}, 3, {2, 0, 1}},
        {{0.9, 0.1, 0}, 19, {17, 2, 0}},
        {{1, 0, 0}, 7, {7, 0, 0}},
        {{0, 0, 1}, 7, {0, 0, 7}},
        {{0, 1, 0}, 7, {0, 7, 0}},
        {{0.29, 0.71, 0}, 100, {29, 71, 0}},
        {{0.3, 0.3, 0.4}, 10, {3, 3, 4}},
    };
    trainable m = model_of(char_value, 2, 1);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *text = malloc(CASES[i].blocks);
        memset(text, 'x', CASES[i].blocks);
        save("a.txt", text, CASES[i].blocks);
        free(text);
        data_options o = text_options(1, 1);
        memcpy(o.split, CASES[i].split, sizeof o.split);
        dataset *d = open_bound(&o, &m);
        for (int p = 0; p < PART_COUNT; p++) ck_assert_uint_eq(dataset_batches(d, (data_part)p, 0), CASES[i].parts[p]);
        dataset_close(d);
    }
}
END_TEST

START_TEST(a_text_of_words)
{
    save_text("a.txt", "b a\nb c b\nd");
    data_options o = text_options(1, 8);
    o.words = o.text;
    o.text = NULL;
    trainable m = model_of(char_value, 2, 1);
    dataset *d = open_bound(&o, &m);
    ck_assert_str_eq(dataset_vocabulary(d), "[\"b\",\"<eos>\",\"a\",\"c\",\"d\",\"<unk>\"]");
    assert_ids(dataset_batch(d, PART_TRAIN, 0, 0).input[0], "02103014");
    dataset_close(d);
    o.vocabulary = 3;
    d = open_bound(&o, &m);
    ck_assert_str_eq(dataset_vocabulary(d), "[\"<unk>\",\"b\",\"<eos>\"]");
    assert_ids(dataset_batch(d, PART_TRAIN, 0, 0).input[1], "02101201");
    dataset_close(d);
}
END_TEST

START_TEST(a_validation_text_of_its_own)
{
    save_text("a.txt", "01230123012301230123");
    save_text("b.txt", "3210321");
    data_options o = text_options(1, 2);
    o.validation = "b.txt";
    o.split[PART_TRAIN] = 0.8;
    o.split[PART_VALIDATE] = o.split[PART_TEST] = 0.1;
    trainable m = model_of(char_value, 2, 1);
    dataset *d = open_bound(&o, &m);
    ck_assert_uint_eq(dataset_batches(d, PART_TRAIN, 0), 9);
    ck_assert_uint_eq(dataset_batches(d, PART_VALIDATE, 0), 3);
    ck_assert_uint_eq(dataset_batches(d, PART_TEST, 0), 1);
    data_batch b = dataset_batch(d, PART_VALIDATE, 0, 2);
    assert_ids(b.input[0], "32");
    assert_ids(b.input[1], "23"); /* cut to 6, then from the end to the beginning */
    dataset_close(d);
    save_text("b.txt", "32\n10");
    refused(&o, NULL, &m, "b.txt: line 1, column 3: the byte 0x0a is not in the vocabulary of a.txt");
    save_text("b.txt", "3");
    refused(&o, NULL, &m, "b.txt: is too short: 1 characters");
}
END_TEST

START_TEST(ids_of_a_checkpoint)
{
    save_text("a.txt", "bacab");
    data_options o = text_options(1, 4);
    trainable m = model_of(char_value, 2, 1);
    char *error = NULL;
    dataset *d = open_data(&o, "[\"z\",\"c\",\"b\",\"a\"]");
    ck_assert(dataset_bind(d, &m, &error));
    ck_assert_uint_eq(dataset_symbols(d), 4);
    assert_ids(dataset_batch(d, PART_TRAIN, 0, 0).input[0], "2313");
    dataset_close(d);
    refused(&o, "[\"a\",\"b\"]", &m,
            "a.txt: line 1, column 3: the character 'c' is not in the vocabulary of the checkpoint");
    refused(&o, "[\"ab\",\"<unk>\"]", &m, "was trained on words: give the text with --words");
    refused(&o, "nonsense", &m, "vocabulary is no JSON array");
}
END_TEST

START_TEST(texts_that_do_not_fit)
{
    trainable m = model_of(char_value, 2, 1), arrays = model_of(array_value, 3, 1), plane = model_of(plane_value, 1, 2);
    data_options o = text_options(50, 50);
    save_text("a.txt", "");
    refused(&o, NULL, &m, "a.txt: is empty");
    save_text("a.txt", "x");
    refused(&o, NULL, &m,
            "a.txt: is too short: 1 characters, but one block of 50 sequences x 50 steps needs 2500; give a "
            "longer text, fewer sequences (--batch) or fewer steps (--steps)");
    o = text_options((size_t)1 << 31, (size_t)1 << 33);
    refused(&o, NULL, &m, "is not possible");
    o = text_options(1, 1);
    dataset *d = open_bound(&o, &m); /* one byte is a text: what follows x is x */
    assert_ids(dataset_batch(d, PART_TRAIN, 0, 0).input[1], "0");
    dataset_close(d);
    save_text("a.txt", "abcdefghijklmnopqrst");
    refused(&o, NULL, &m, "has 20 different characters, but 'x' is token(16)");
    save_text("a.txt", "abc");
    refused(&o, NULL, &arrays, "'v' is none; give arrays (--data)");
    refused(&o, NULL, &plane, "'m' is none");
    trainable alone = model_of(char_value + 1, 1, 1);
    refused(&o, NULL, &alone, "has 0 inputs and 1 targets");
    m.max_sequences = 1;
    o = text_options(2, 1);
    refused(&o, NULL, &m, "compiled for 1 sequences, fewer than a batch of 2");
    o.text = "none.txt";
    refused(&o, NULL, &m, "none.txt: cannot be opened: No such file");
    o.text = "/tmp";
    refused(&o, NULL, &m, "/tmp: cannot be read: Is a directory");
    o.text = NULL;
    refused(&o, NULL, &m, "no data: give one of");
    o.text = o.arrays = "a.txt";
    refused(&o, NULL, &m, "give one of");
    o = text_options(1, 1);
    o.split[PART_TEST] = 0.5;
    refused(&o, NULL, &m, "must add up to 1");
    o = text_options(1, 1);
    o.words = o.text;
    o.text = NULL;
    save_text("a.txt", "  ");
    refused(&o, NULL, &m, "holds no words");
}
END_TEST

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static int refuse(void *self, train_entry e, const train_call *c)
{
    (void)e, (void)c;
    return *(int *)self;
}

static void keep(void *self, void *state) { (void)self, (void)state; }

/* What the model says of a batch is what the caller hears: no code of rnn.h means that memory ran out. */
START_TEST(a_refused_batch_is_no_lack_of_memory)
{
    int code = -_i;
    trainable m = model_of(char_value, 2, 1);
    m.self = &code;
    m.run = refuse;
    m.reset = keep;
    save_text("a.txt", "abcdefgh");
    data_options o = text_options(1, 2);
    dataset *d = open_bound(&o, &m);
    meter gauge;
    metrics found = {0};
    ck_assert(meter_open(&gauge, &m, false));
    ck_assert_int_eq(meter_part(&gauge, d, PART_TRAIN, NULL, NULL, &found), code);
    ck_assert_int_ne(code, METER_NO_MEMORY);
    meter_close(&gauge);
    dataset_close(d);
}
END_TEST

static void add_tests(TCase *c)
{
    tcase_add_test(c, characters_are_the_sorted_bytes);
    tcase_add_test(c, words_are_sorted_by_frequency);
    tcase_add_test(c, many_words_are_found_again);
    tcase_add_loop_test(c, bad_vocabularies_are_refused, 0, sizeof BAD_VOCABULARY / sizeof *BAD_VOCABULARY);
    tcase_add_test(c, a_text_becomes_streams);
    tcase_add_test(c, shares_are_those_of_blocks);
    tcase_add_test(c, a_text_of_words);
    tcase_add_test(c, a_validation_text_of_its_own);
    tcase_add_test(c, ids_of_a_checkpoint);
    tcase_add_test(c, texts_that_do_not_fit);
    tcase_add_loop_test(c, a_refused_batch_is_no_lack_of_memory, 1, 4); /* the codes of rnn.h */
}

int main(void) { return run_suite("dataset_text", add_tests); }
