/* wav.h: WAV files of one channel, as a stream of numbers: 16-bit PCM (-1 to 1) or 32-bit float, any rate. */
#ifndef AUDIO_EFFECT_WAV_H
#define AUDIO_EFFECT_WAV_H

#include <stddef.h>
#include <stdio.h>

typedef enum { WAV_PCM16, WAV_FLOAT32 } wav_format;

typedef struct wav {
    FILE *file;
    const char *path;
    wav_format format;
    int writing;
    unsigned rate;  /* samples a second */
    size_t samples; /* reading: still to come; writing: written */
} wav;

/* Each returns NULL, or what is wrong in words that begin after "PATH: ". */
const char *wav_open(wav *w, const char *path);
const char *wav_create(wav *w, const char *path, wav_format format, unsigned rate);

/* Reads up to `count` samples; returns how many, 0 at the end. */
size_t wav_read(wav *w, float *to, size_t count);

/* Rounds to the format; PCM clips what is beyond -1 to 1. */
void wav_write(wav *w, const float *from, size_t count);

/* Of a file that is written, puts the sizes into its head. NULL, or what is wrong: the disk may be full. */
const char *wav_close(wav *w);

#endif
