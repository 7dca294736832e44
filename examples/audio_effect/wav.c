/* wav.c: WAV files of one channel. A file is a head ("RIFF", size, "WAVE") and chunks: four letters, a size of 4 bytes,
 * the bytes, padded to an even number. "fmt " says what "data" holds; all others are skipped. Numbers are little-endian
 * and are put together byte by byte, so that neither alignment nor byte order of the machine matters. */
#include "wav.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xfffe, HEAD = 44, FORMAT_BYTES = 40, BLOCK = 256 };

static uint32_t get(const unsigned char *from, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | from[i];
    return value;
}

static void put(unsigned char *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}

static size_t sample_bytes(const wav *w) { return w->format == WAV_PCM16 ? 2 : 4; }

static const char *read_format(wav *w, const unsigned char *chunk, uint32_t size)
{
    if (size < 16) return "its format is cut off";
    uint32_t kind = get(chunk, 2);
    const uint32_t channels = get(chunk + 2, 2), bits = get(chunk + 14, 2);
    if (kind == EXTENSIBLE && size >= 26) kind = get(chunk + 24, 2);
    if (channels != 1) return "has several channels; mix it down to one";
    w->rate = get(chunk + 4, 4);
    if (kind == PCM && bits == 16)
        w->format = WAV_PCM16;
    else if (kind == FLOAT && bits == 32)
        w->format = WAV_FLOAT32;
    else
        return "holds neither 16-bit PCM nor 32-bit float; convert it to one of these";
    return w->rate ? NULL : "says that its rate is 0";
}

static int skip(FILE *file, uint32_t bytes)
{
    while (bytes-- > 0) {
        if (getc(file) == EOF) return 0;
    }
    return 1;
}

static const char *read_head(wav *w)
{
    unsigned char head[12], chunk[FORMAT_BYTES];
    int known = 0;
    if (fread(head, 1, 12, w->file) != 12 || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) {
        return "is no WAV file";
    }
    while (fread(head, 1, 8, w->file) == 8) {
        const uint32_t size = get(head + 4, 4);
        if (memcmp(head, "data", 4) == 0) {
            if (!known) return "has data before it says of which format";
            w->samples = size / sample_bytes(w);
            return NULL;
        }
        uint32_t used = 0;
        if (memcmp(head, "fmt ", 4) == 0) {
            used = size < FORMAT_BYTES ? size : FORMAT_BYTES;
            if (fread(chunk, 1, used, w->file) != used) return "is cut off";
            const char *wrong = read_format(w, chunk, used);
            if (wrong) return wrong;
            known = 1;
        }
        if (!skip(w->file, size - used + (size & 1))) return "is cut off";
    }
    return "has no data";
}

const char *wav_open(wav *w, const char *path)
{
    *w = (wav){.file = fopen(path, "rb"), .path = path};
    if (!w->file) return "cannot be read";
    const char *wrong = read_head(w);
    if (wrong) fclose(w->file);
    return wrong;
}

const char *wav_create(wav *w, const char *path, wav_format format, unsigned rate)
{
    *w = (wav){.file = fopen(path, "wb"), .path = path, .format = format, .writing = 1, .rate = rate};
    static const unsigned char room[HEAD];
    if (!w->file) return "cannot be written";
    fwrite(room, 1, HEAD, w->file);
    return NULL;
}

size_t wav_read(wav *w, float *to, size_t count)
{
    unsigned char bytes[BLOCK * 4];
    size_t done = 0;
    while (done < count && w->samples > 0) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        if (n > w->samples) n = w->samples;
        const size_t got = fread(bytes, sample_bytes(w), n, w->file);
        for (size_t i = 0; i < got; i++) {
            if (w->format == WAV_PCM16) {
                to[done + i] = (float)(int16_t)get(bytes + 2 * i, 2) / 32768;
            } else {
                const uint32_t bits = get(bytes + 4 * i, 4);
                memcpy(&to[done + i], &bits, 4);
            }
        }
        done += got;
        w->samples = got < n ? 0 : w->samples - n;
    }
    return done;
}

void wav_write(wav *w, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char bytes[4];
        uint32_t bits;
        if (w->format == WAV_PCM16) {
            const float clipped = fminf(fmaxf(from[i] * 32768, -32768), 32767);
            bits = (uint32_t)lrintf(clipped);
        } else {
            memcpy(&bits, &from[i], 4);
        }
        put(bytes, bits, (int)sample_bytes(w));
        fwrite(bytes, sample_bytes(w), 1, w->file);
    }
    w->samples += count;
}

/* The head of a file that is written: RIFF, the format, and the head of the data. */
static void write_head(wav *w)
{
    unsigned char head[HEAD] = "RIFF....WAVEfmt ";
    const uint32_t size = (uint32_t)sample_bytes(w), data = (uint32_t)w->samples * size;
    put(head + 4, HEAD - 8 + data, 4);
    put(head + 16, 16, 4);
    put(head + 20, w->format == WAV_PCM16 ? PCM : FLOAT, 2);
    put(head + 22, 1, 2);
    put(head + 24, w->rate, 4);
    put(head + 28, w->rate * size, 4);
    put(head + 32, size, 2);
    put(head + 34, 8 * size, 2);
    memcpy(head + 36, "data", 4);
    put(head + 40, data, 4);
    rewind(w->file);
    fwrite(head, 1, HEAD, w->file);
}

const char *wav_close(wav *w)
{
    int wrong = ferror(w->file);
    if (w->writing) {
        write_head(w);
        wrong = ferror(w->file);
    }
    return fclose(w->file) != 0 || wrong ? "could not be read or written to its end" : NULL;
}
