/* fuzz.c: random models through the oracle and their C.
 *
 *     fuzz [-a] [-p] [-t] N SEED     N models from SEED on
 *
 * -a: by all compilers, not libtcc alone; -p: print the specs; -t: few and small equations. */
#include "agree/checks.h"
#include "fuzz/generate.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const O0[] = {"-std=gnu99", "-O0", "-DRNN_PLAIN", NULL};
static const char *const O3[] = {"-std=gnu99", "-O3", "-march=native", NULL};
static const char *const O2[] = {"-std=gnu99", "-O2", "-DRNN_PLAIN", NULL};

static bool has_compiler(const char *cc)
{
    char command[100];
    snprintf(command, sizeof command, "command -v %s >/dev/null", cc);
    return system(command) == 0;
}

static void check_spec(tally *t, const char *spec, uint64_t seed, bool all)
{
    static const variant compilers[] = {
        {.name = "gcc -O0 double", .cc = "gcc", .options = O0, .real_double = true},
        {.name = "gcc -O3 double", .cc = "gcc", .options = O3, .real_double = true},
        {.name = "clang -O2 float", .cc = "clang", .options = O2},
    };
    char label[60];
    snprintf(label, sizeof label, "random %llu", (unsigned long long)seed);
    subject *s = subject_open(label, spec, NULL, 0);
    if (!s) {
        printf("%s: not well formed\n", label);
        t->failed++;
        return;
    }
    check_agreement(t, s, &(variant){.name = "tcc double", .real_double = true}, 1e-9, seed, 3);
    check_agreement(t, s, &(variant){.name = "calls double", .real_double = true, .calls = true}, 1e-9, seed, 3);
    variant blocks = {
        .name = "blocks of steps", .real_double = true, .block_rows = 1 + (int)(seed % 8), .own_memory = seed / 8 % 2};
    check_agreement(t, s, &blocks, 1e-9, seed, 3);
    check_agreement(t, s, &(variant){.name = "--steps 3 --unroll full", .real_double = true, .steps = 3, .unroll = -1},
                    1e-9, seed, 2);
    int threads = 2 + (int)(seed % 3);
    check_agreement(t, s, &(variant){.name = "--threads", .real_double = true, .threads = threads, .calls = seed % 2},
                    1e-9, seed, 3);
    check_segments(t, s, seed);
    check_meaning(t, s, seed / 3 % 2 ? threads : 1, seed / 6 % 2 ? 1 + (int)(seed % 5) : 0, seed);
    for (size_t i = 0; all && i < sizeof compilers / sizeof *compilers; i++)
        if (has_compiler(compilers[i].cc))
            check_agreement(t, s, &compilers[i], compilers[i].real_double ? 1e-9 : 5e-3, seed, 3);
    subject_close(s);
}

/* In a process of its own, so that a crash is a failure of its seed. A model counts as one check. */
static bool check_seed(uint64_t seed, bool all, bool print, bool terse)
{
    arena *a = arena_new();
    const char *spec = generate_spec(a, seed, terse);
    if (print) printf("%s", spec);
    fflush(stdout);
    int status = 0;
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        alarm(300);
        tally t = {0, 0};
        check_spec(&t, spec, seed, all);
        fflush(stdout);
        _exit(t.failed > 0);
    }
    waitpid(child, &status, 0);
    if (status) {
        if (WIFSIGNALED(status))
            printf("random %llu: ended by signal %d\n", (unsigned long long)seed, WTERMSIG(status));
        printf("seed %llu failed; its spec:\n%s\n", (unsigned long long)seed, spec);
    }
    arena_free(a);
    return status == 0;
}

int main(int argc, char **argv)
{
    bool all = false, print = false, terse = false;
    int option, passed = 0, failed = 0;
    while ((option = getopt(argc, argv, "apt")) != -1) {
        if (option == 'a')
            all = true;
        else if (option == 'p')
            print = true;
        else if (option == 't')
            terse = true;
        else
            return 2;
    }
    if (argc - optind != 2) return 2;
    int count = atoi(argv[optind]);
    uint64_t seed = strtoull(argv[optind + 1], NULL, 10);
    for (int i = 0; i < count; i++) {
        if (check_seed(seed + (uint64_t)i, all, print, terse))
            passed++;
        else
            failed++;
    }
    printf("fuzz: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
