/* convert.c: reads IN and writes OUT, each .npz or .safetensors by its name; the message of a failure goes to
 * stderr. */
#include "train/npz.h"
#include "train/safetensors.h"
#include <stdio.h>
#include <string.h>

static bool is_npz(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".npz") == 0;
}

int main(int argc, char **argv)
{
    tensors t = {0};
    if (argc != 3) return 2;
    bool ok = (is_npz(argv[1]) ? npz_read : safetensors_read)(argv[1], &t) &&
              (is_npz(argv[2]) ? npz_write : safetensors_write)(argv[2], &t);
    if (!ok) fprintf(stderr, "%s\n", t.error);
    tensors_free(&t);
    return !ok;
}
