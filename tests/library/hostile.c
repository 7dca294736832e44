/* hostile.c FOLDER: texts, options and calls that nobody should make. Each must come back as a status with a line of
 * text. FOLDER has the models of the project: they are cut short and damaged. */
#include "rnnc.h"
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int passed, failed;

static void expect(int good, const char *what)
{
    if (good)
        passed++;
    else
        failed++, printf("hostile: %s\n", what);
}

static char *repeat(const char *before, const char *part, const char *after, size_t count)
{
    size_t n = strlen(part);
    char *text = malloc(strlen(before) + n * count + strlen(after) + 1), *at = text;
    if (!text) exit(3);
    at = stpcpy(at, before);
    for (size_t i = 0; i < count; i++) at = stpcpy(at, part);
    strcpy(at, after);
    return text;
}

/* Compiles, and tells what came of it; frees `text`. */
static rnnc_status status_of(char *text, const rnnc_options *o)
{
    rnnc_model *m = rnnc_compile(text, o);
    rnnc_status status = rnnc_status_of(m);
    expect(status == RNNC_OK || *rnnc_error_of(m), "a fault without a text");
    expect(status != RNNC_BUG, rnnc_error_of(m));
    rnnc_free(m);
    free(text);
    return status;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

#define HEAD "model m {\n input x[t] : real(3)\n target y[t] : real(3)\n h = 0.5 * h[t-1] + x\n a = "
#define TAIL "\n output a\n loss mean_square(a, y)\n}\n"

static void nesting(void)
{
    /* clang-format off */
    static const char *const parts[] = {
        "(", "tanh(", "-", "not ", "h ^ ", "h + ", "h @ ", "a(", "h[t-1] * (", "{", "[", "if h then ",
        "if t > 1 then h else ", "if (if ", "W'", "1, ", "="
    };
    /* clang-format on */
    rnnc_options o = {.jit = RNNC_JIT_TCC};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        expect(status_of(repeat(HEAD, parts[i], "h" TAIL, 100000), &o) == RNNC_BAD_SPEC, parts[i]);
        status_of(repeat(HEAD, parts[i], "h" TAIL, 150), &o);
        expect(status_of(repeat("", parts[i], "", 100000), &o) == RNNC_BAD_SPEC, parts[i]);
    }
}

/* A chain of equations, each of them in use. */
static char *chain(int length)
{
    char *text = malloc(200 + (size_t)length * 40), *at = text;
    if (!text) exit(3);
    at += sprintf(at, "model m {\n input x[t] : real(2)\n target y[t] : real(2)\n h0 = x\n");
    for (int i = 0; i < length; i++) at += sprintf(at, " h%d = tanh(h%d) + x\n", i + 1, i);
    sprintf(at, " output h%d as o\n loss mean_square(h%d, y)\n}\n", length, length);
    return text;
}

static void sizes(void)
{
    static const char *const numbers[] = {"1e12", "1e308",     "1e400", "0",    "-1",
                                          "2.5",  "268435457", "0/0",   "2^70", "1e-9"};
    rnnc_options o = {.jit = RNNC_JIT_TCC};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *text = malloc(400);
        if (!text) exit(3);
        sprintf(text,
                "model m { size H = %s\n input x[t] : real(H)\n target y[t] : real(H)\n param W(H, H)\n"
                " a = W @ x\n output a\n loss mean_square(a, y)\n}\n",
                numbers[i]);
        expect(status_of(text, &o) == RNNC_BAD_SPEC, numbers[i]);
    }
    /* The largest that the language allows: what no machine has is no memory, or an array that the caller would
     * need. */
    char *text = strdup("model m { size H = 16384\n input x[t] : real(H)\n target y[t] : real(H)\n param W(H, H)\n"
                        " h = tanh(W @ h[t-1] + x)\n output h\n loss mean_square(h, y)\n}\n");
    o.max_memory = 100 << 20;
    rnnc_model *m = rnnc_compile(text, &o);
    rnnc_error error = {RNNC_OK, ""};
    expect(rnnc_status_of(m) == RNNC_OK, rnnc_error_of(m));
    expect(rnnc_weights_new(m, 1, &error) == NULL && error.status == RNNC_NO_MEMORY, "1 GiB of weights in 100 MiB");
    rnnc_free(m);
    free(text);
    o.max_memory = 50 << 20;
    expect(status_of(chain(20000), &o) == RNNC_NO_MEMORY, "20000 equations in 50 MiB");
    o.max_memory = 0;
    expect(status_of(chain(3000), &o) == RNNC_OK, "3000 equations");
    expect(status_of(repeat("", "model ", "", 3 << 20), &o) != RNNC_OK, "18 MiB of words");
    expect(status_of(repeat("model ", "x", " { }", 1 << 20), &o) == RNNC_BAD_SPEC, "a name of 1 MiB");
    expect(status_of(repeat("", "#", "", 1 << 20), &o) == RNNC_BAD_SPEC, "nothing but a comment");
    expect(status_of(strdup(""), &o) == RNNC_BAD_SPEC, "nothing");
}

static const char *load(void *context, const char *path)
{
    static const char *const texts[] = {"use \"a.rnn\"\n", NULL, "\xff\xfe(", ""};
    return texts[(*(int *)context)++ % 4 + 0 * path[0]];
}

static void odd_texts(void)
{
    int calls = 0;
    rnnc_options o = {.load = load, .load_context = &calls};
    expect(status_of(strdup("use \"a.rnn\"\nuse \"b.rnn\"\nuse \"c.rnn\"\n"), &o) == RNNC_BAD_SPEC, "odd files");
    calls = 0;
    expect(status_of(strdup("use \"a.rnn\"\nmodel m { }"), &o) == RNNC_OK, "a file that uses itself");
    expect(status_of(strdup("use \"/etc/passwd\"\nmodel m { }"), NULL) == RNNC_BAD_SPEC, "a file");
    expect(status_of(strdup("\xEF\xBB\xBF\xEF\xBB\xBF"), NULL) == RNNC_BAD_SPEC, "marks of UTF-8");
    /* Names of files get into comments and messages. */
    const char *names[] = {"*/ int evil(", "a\nb", "//\\", "%s%n%s%n", "\xff\xff", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        o = (rnnc_options){.file = names[i], .jit = RNNC_JIT_TCC};
        expect(status_of(repeat(HEAD, "h", TAIL, 1), &o) == RNNC_OK, names[i]);
    }
}

static void options(void)
{
    static const rnnc_define odd[] = {{"", ""},
                                      {"H", ""},
                                      {"H", "1e999"},
                                      {"H", "\xff"},
                                      {"%s%n", "%s%n"},
                                      {"H", "if then else"},
                                      {"H", "((((((((((((((("},
                                      {"m", "lstm"},
                                      {"t", "1"}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        rnnc_options o = {.defines = &odd[i], .define_count = 1};
        expect(status_of(repeat(HEAD, "h", TAIL, 1), &o) == RNNC_BAD_SPEC, odd[i].value);
    }
    rnnc_define nothing = {NULL, NULL};
    rnnc_options wrong[] = {{.defines = &nothing, .define_count = 1},
                            {.define_count = 5},
                            {.max_sequences = SIZE_MAX},
                            {.threads = 257},
                            {.data_size = SIZE_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(status_of(repeat(HEAD, "h", TAIL, 1), &wrong[i]) == RNNC_BAD_CALL, "wrong options");
    for (size_t limit = 1; limit < 1 << 20; limit += 40000) {
        rnnc_options o = {.max_memory = limit};
        rnnc_status status = status_of(repeat(HEAD, "h", TAIL, 1), &o);
        expect(status == RNNC_NO_MEMORY || status == RNNC_OK, "little memory");
    }
}

/* ---- damaged models ---------------------------------------------------------------------------------------------- */

static void damage(const char *path, unsigned *seed)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    rnnc_options o = {.file = path, .jit = RNNC_JIT_NONE, .data_size = 5};
    for (int i = 0; i < 12 && n; i++) {
        char *copy = calloc(1, n + 1);
        if (!copy) exit(3);
        memcpy(copy, text, i % 3 == 0 ? (size_t)rand_r(seed) % n : n);
        for (int k = 0; i % 3 && k < i; k++)
            copy[(size_t)rand_r(seed) % n] =
                i % 3 == 1 ? (char)(1 + rand_r(seed) % 255) : "(){}[]@,=+-*/'\n 19ht"[rand_r(seed) % 20];
        status_of(copy, &o);
    }
}

static void damaged(const char *folder)
{
    unsigned seed = 1;
    DIR *d = opendir(folder);
    int specs = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[PATH_MAX];
        if (!strstr(e->d_name, ".rnn")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        damage(path, &seed);
        specs++;
    }
    if (d) closedir(d);
    expect(specs > 5, "no models");
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void calls(void)
{
    char *text = repeat(HEAD, "h", TAIL, 1);
    rnnc_error error;
    rnnc_model *m = rnnc_compile(text, NULL), *other = rnnc_compile(text, NULL), *bare = NULL;
    rnnc_weights *w = rnnc_weights_new(m, 1, &error), *others = rnnc_weights_new(other, 1, &error);
    rnnc_state *s = rnnc_state_new(other, &error);
    float x[12] = {0}, y[12] = {0}, a[12], grads[8];
    const void *in[] = {x, y}, *half[] = {x, NULL};
    void *out[] = {a};
    int long_ones[] = {1, 9}, negative[] = {-1, 1};
    rnnc_call good = {.sequences = 2, .steps = {2}, .inputs = in, .outputs = out, .grads = grads}, c = good;
    expect(rnnc_grad(m, w, &c, &error) == RNNC_OK && !*error.text, error.text);
#define REFUSED(change, function, wanted)                                                                              \
    do {                                                                                                               \
        c = good;                                                                                                      \
        change;                                                                                                        \
        expect(function(m, w, &c, &error) == wanted && *error.text, #change " in " #function);                         \
        expect(function(m, w, &c, NULL) == wanted, #change " without an error");                                       \
    } while (0)
    REFUSED(c.sequences = 0, rnnc_forward, RNNC_BAD_CALL);
    REFUSED(c.sequences = SIZE_MAX, rnnc_forward, RNNC_BAD_CALL);
    REFUSED(c.steps[0] = 0, rnnc_loss, RNNC_BAD_CALL);
    REFUSED(c.steps[0] = SIZE_MAX, rnnc_grad, RNNC_BAD_CALL);
    REFUSED(c.inputs = NULL, rnnc_forward, RNNC_BAD_CALL);
    REFUSED(c.inputs = half, rnnc_loss, RNNC_BAD_CALL);
    REFUSED(c.grads = NULL, rnnc_grad, RNNC_BAD_CALL);
    REFUSED(c.state = s, rnnc_step, RNNC_BAD_CALL);
    REFUSED(c.lengths[0] = long_ones, rnnc_grad, RNNC_BAD_DATA);
    REFUSED(c.lengths[0] = negative, rnnc_step, RNNC_BAD_DATA);
    c = good;
    expect(rnnc_grad(NULL, w, &c, &error) == RNNC_BAD_CALL, "no model");
    expect(rnnc_grad(m, NULL, &c, &error) == RNNC_BAD_CALL, "no weights");
    expect(rnnc_grad(m, w, NULL, &error) == RNNC_BAD_CALL, "no call");
    expect(rnnc_grad(m, others, &c, &error) == RNNC_BAD_CALL, "others' weights");
    expect(rnnc_weights_get(w, "W", x, 1, &error) == RNNC_BAD_CALL, "no such parameter");
    expect(rnnc_weights_load(w, "/nonexistent", &error) != RNNC_OK && *error.text, "no such file");
    expect(rnnc_weights_load(w, "/dev/null", &error) != RNNC_OK && *error.text, "an empty file");
    expect(rnnc_weights_save(w, "/nonexistent/x", &error) == RNNC_FAILED && *error.text, "no such folder");
    rnnc_options modest = {.max_memory = 32 << 20};
    rnnc_model *small = rnnc_compile(text, &modest);
    rnnc_weights *small_ones = rnnc_weights_new(small, 1, &error);
    c = good;
    c.steps[0] = 1 << 28; /* it must not get as far as the arrays, which are smaller */
    expect(rnnc_forward(small, small_ones, &c, &error) == RNNC_NO_MEMORY && strstr(error.text, "max_memory"),
           error.text);
    c.steps[0] = 2;
    expect(rnnc_forward(small, small_ones, &c, &error) == RNNC_OK, error.text);
    rnnc_weights_free(small_ones);
    rnnc_free(small);
    struct rlimit before, tiny;
    getrlimit(RLIMIT_FSIZE, &before);
    tiny = before;
    tiny.rlim_cur = 4;
    setrlimit(RLIMIT_FSIZE, &tiny); /* a write beyond it is a signal that ends a program */
    expect(rnnc_weights_save(w, "hostile.safetensors", &error) == RNNC_FAILED && *error.text,
           "a file beyond the limit");
    setrlimit(RLIMIT_FSIZE, &before);
    rnnc_options none = {.jit = RNNC_JIT_NONE};
    bare = rnnc_compile(text, &none);
    expect(rnnc_weights_new(bare, 1, &error) == NULL && error.status == RNNC_BAD_CALL, "weights without code");
    expect(rnnc_weights_new(NULL, 1, &error) == NULL && rnnc_state_new(NULL, NULL) == NULL, "of no model");
    expect(rnnc_status_of(NULL) == RNNC_NO_MEMORY && *rnnc_report(NULL) && !rnnc_message_at(NULL, 0), "NULL");
    expect(!rnnc_inputs(NULL, NULL) && !rnnc_has(NULL, RNNC_STEP) && !*rnnc_name(NULL) && !rnnc_axes(NULL), "NULL");
    rnnc_model *nothing = rnnc_compile(NULL, NULL);
    expect(rnnc_status_of(nothing) == RNNC_BAD_CALL, "no text");
    rnnc_free(nothing);
    rnnc_free(NULL);
    rnnc_weights_free(NULL);
    rnnc_state_free(NULL);
    rnnc_free(bare);
    rnnc_free(other);
    rnnc_free(m);
    rnnc_weights_free(others);
    rnnc_weights_free(w);
    rnnc_state_free(s);
    free(text);
}

/* A thread with little stack has all of its own for the deepest spec. */
static void *on_little_stack(void *unused)
{
    (void)unused;
    expect(status_of(chain(3000), NULL) == RNNC_OK, "3000 equations on a small stack");
    expect(status_of(repeat(HEAD, "tanh(", "h" TAIL, 190), NULL) == RNNC_BAD_SPEC, "open brackets");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    pthread_attr_t little;
    nesting();
    sizes();
    odd_texts();
    options();
    damaged(argv[argc - 1]);
    calls();
    pthread_attr_init(&little);
    pthread_attr_setstacksize(&little, PTHREAD_STACK_MIN + (32 << 10));
    if (pthread_create(&thread, &little, on_little_stack, NULL) == 0)
        pthread_join(thread, NULL);
    else
        expect(0, "no thread");
    printf("hostile: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
