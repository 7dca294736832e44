/* pairs.c: two recordings of one length, before and behind a device, as data for `rnnc train`: inputs x and targets y,
 * sequences of a second, (N, T, 1). What is left at the end, less than a second, is left out.
 *
 *     pairs DRY.wav WET.wav DATA.npz
 *
 * librnnc.a is here only to write the file. */
#include "train/npz.h"
#include "wav.h"
#include <stdlib.h>

static _Noreturn void give_up(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

static void add(tensors *data, const char *name, wav *w)
{
    const size_t dims[] = {w->samples / w->rate, w->rate, 1};
    if (dims[0] == 0) give_up(w->path, "is shorter than a second");
    const tensor *added = tensors_add(data, name, DTYPE_F32, 3, dims, NULL);
    if (!added) give_up(w->path, "is too long for the memory");
    if (wav_read(w, added->data, added->count) != added->count) give_up(w->path, "is cut off");
    const char *wrong = wav_close(w);
    if (wrong) give_up(w->path, wrong);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s DRY.wav WET.wav DATA.npz\n", argv[0]);
        return 2;
    }
    tensors data = {0};
    wav file[2];
    for (int i = 0; i < 2; i++) {
        const char *wrong = wav_open(&file[i], argv[1 + i]);
        if (wrong) give_up(argv[1 + i], wrong);
    }
    if (file[0].rate != file[1].rate || file[0].samples != file[1].samples) {
        give_up(argv[2], "has another rate or length than the other file");
    }
    add(&data, "x", &file[0]);
    add(&data, "y", &file[1]);
    if (!npz_write(argv[3], &data)) give_up(argv[3], data.error);
    tensors_free(&data);
    return 0;
}
