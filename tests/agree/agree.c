/* agree.c: every model through the oracle and through its C as built by several compilers.
 *
 *     agree [-m] [-c] [-q] [-s 1/2] SPEC...      -m: without meaning, differences, variants and faults; -c: without cc;
 *                                                -q: with few of its options
 *
 * The first line of a spec may be `# agree: D=5 E=3`: sizes. */
#include "agree/checks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const O0[] = {"-std=gnu99", "-O0", "-DRNN_PLAIN", NULL};
static const char *const O3[] = {"-std=gnu99", "-O3", "-march=native", NULL};
static const char *const O2[] = {"-std=gnu99", "-O2", NULL};
static const char *const FAST[] = {"-std=gnu99", "-O3", "-march=native", "-ffast-math", NULL};
#ifdef __SANITIZE_ADDRESS__
static const char *const ASAN[] = {"-std=gnu99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                                   NULL};
#endif

enum { WORDS = 200 }; /* bytes of the line of sizes */

typedef struct compiler {
    variant v;
    double bound;
    bool slow;
} compiler; /* slow: not with -q */
static const compiler COMPILERS[] = {
    {{.name = "tcc double", .real_double = true}, 1e-10, false},
    {{.name = "tcc float"}, 1e-4, false},
    {{.name = "calls double", .real_double = true, .calls = true}, 1e-10, false},
    {{.name = "calls float", .calls = true}, 1e-4, false},
    {{.name = "gcc -O0 float", .cc = "gcc", .options = O0}, 1e-4, false},
    {{.name = "gcc -O3 double", .cc = "gcc", .options = O3, .real_double = true}, 1e-10, false},
    {{.name = "gcc -O3 float", .cc = "gcc", .options = O3}, 1e-4, true},
    {{.name = "clang -O2 double", .cc = "clang", .options = O2, .real_double = true}, 1e-10, true},
    {{.name = "gcc -O3 -ffast-math float", .cc = "gcc", .options = FAST}, 1e-3, true},
#ifdef __SANITIZE_ADDRESS__
    {{.name = "sanitizers", .cc = "gcc", .options = ASAN, .real_double = true}, 1e-10, false},
#endif
};

static char *read_text(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *bytes = calloc(1, MOST);
    size_t n = bytes ? fread(bytes, 1, MOST - 1, f) : 0;
    fclose(f);
    return n ? bytes : NULL;
}

/* "-D" of the first line. */
static size_t read_defines(const char *spec, model_define *defines, char *words)
{
    static const char head[] = "# agree:";
    if (strncmp(spec, head, sizeof head - 1)) return 0;
    size_t count = 0;
    snprintf(words, WORDS, "%.*s", (int)strcspn(spec, "\n"), spec);
    for (char *word = strtok(words + sizeof head - 1, " "); word && count < 8; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        if (!equals) continue;
        *equals = '\0';
        defines[count++] = (model_define){.word = word, .value = equals + 1};
    }
    return count;
}

static bool has_compiler(const char *cc)
{
    char command[100];
    snprintf(command, sizeof command, "command -v %s >/dev/null", cc);
    return system(command) == 0;
}

static void check_spec(tally *t, const char *path, bool meaning, bool compilers, bool quick)
{
    char *spec = read_text(path), words[WORDS];
    if (!spec) {
        printf("%s: cannot be read\n", path);
        t->failed++;
        return;
    }
    model_define defines[8];
    size_t count = read_defines(spec, defines, words);
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    subject *s = subject_open(file, spec, defines, count);
    if (!s) {
        printf("%s: has errors\n", path);
        t->failed++;
        free(spec);
        return;
    }
    uint64_t seed = 2024;
    for (const char *c = file; *c; c++) seed = seed * 31 + (unsigned char)*c;
    for (size_t i = 0; i < sizeof COMPILERS / sizeof *COMPILERS; i++) {
        const compiler *c = &COMPILERS[i];
        if (c->v.cc && (!compilers || (quick && c->slow) || !has_compiler(c->v.cc))) continue;
        check_agreement(t, s, &c->v, c->bound, seed, 6);
    }
    if (meaning) {
        check_meaning(t, s, 1, 0, seed);
        check_meaning(t, s, 2, 0, seed);
        check_meaning(t, s, 1, 2, seed);
        check_segments(t, s, seed);
        check_faults(t, s, seed);
        check_variants(t, s, seed);
        check_differences(t, s, seed, 12);
    }
    subject_close(s);
    free(spec);
}

/* In a process of its own, so that a crash is one failure. */
static void check_apart(tally *t, const char *path, bool meaning, bool compilers, bool quick)
{
    int ends[2], status = 0;
    fflush(stdout);
    if (pipe(ends)) abort();
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        tally own = {0, 0};
        check_spec(&own, path, meaning, compilers, quick);
        fflush(stdout);
        _exit(write(ends[1], &own, sizeof own) != sizeof own);
    }
    close(ends[1]);
    tally counted = {0, 0};
    bool whole = read(ends[0], &counted, sizeof counted) == sizeof counted;
    close(ends[0]);
    waitpid(child, &status, 0);
    t->passed += counted.passed;
    t->failed += counted.failed;
    if (whole) return;
    t->failed++;
    printf("%s: ended early, status %d\n", path, status);
}

int main(int argc, char **argv)
{
    bool meaning = true, compilers = true, quick = false;
    int part = 1, parts = 1, option;
    while ((option = getopt(argc, argv, "mcqs:")) != -1) {
        if (option == 'm')
            meaning = false;
        else if (option == 'c')
            compilers = false;
        else if (option == 'q')
            quick = true;
        else if (option != 's' || sscanf(optarg, "%d/%d", &part, &parts) != 2 || parts < 1)
            return 2;
    }
    tally t = {0, 0};
    for (int i = optind; i < argc; i++) {
        if ((i - optind) % parts != part - 1) continue;
        check_apart(&t, argv[i], meaning, compilers, quick);
    }
    printf("agree: %d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
