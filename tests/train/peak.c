/* peak.c: peak COMMAND...: runs a command without its standard output and prints the most memory it had, in KiB, and
 * not in large pages. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status = 0;
    struct rusage used;
    if (argc < 2) return 2;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        if (!freopen("/dev/null", "w", stdout)) return 3;
        execvp(argv[1], argv + 1);
        return 3;
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &used) != 0) return 3;
    printf("%ld\n", used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}
