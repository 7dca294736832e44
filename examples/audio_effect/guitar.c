/* guitar.c: an example's recordings: a guitar, and the same behind an amplifier. Both are made up, from a seed.
 *
 *     guitar SECONDS SEED DRY.wav WET.wav
 *
 * The guitar: plucked strings (Karplus, Strong, Computer Music Journal 7(2), 1983), picked one by one or as chords. The
 * amplifier: a tube stage, tanh of the signal 8 times as loud with its operating point off the middle, and a filter of
 * one pole that takes away the highs, 5 kHz. In earnest these two files are recordings of your own. */
#include "wav.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { RATE = 44100, STRINGS = 6, LONGEST = 1024, BLOCK = 441 };

static uint64_t draws; /* state of xorshift64*: Vigna, arXiv:1402.6246 (2014) */

static float uniform(void)
{
    draws ^= draws >> 12;
    draws ^= draws << 25;
    draws ^= draws >> 27;
    return (float)(draws * UINT64_C(2685821657736338717) >> 40) / 16777216.0f;
}

/* A string is a delay as long as its period; each time around, neighbours are averaged, and it dies away. */
typedef struct string_state {
    float line[LONGEST];
    size_t period, at;
} string_state;

static void pluck(string_state *s, float pitch, float loud)
{
    float low = 0;
    s->period = (size_t)(RATE / pitch);
    s->at = 0;
    for (size_t i = 0; i < s->period; i++) {
        low += 0.4f * (2 * uniform() - 1 - low); /* a finger is softer than noise */
        s->line[i] = loud * low;
    }
}

static float string_next(string_state *s)
{
    if (!s->period) return 0;
    const size_t next = s->at + 1 < s->period ? s->at + 1 : 0;
    const float value = s->line[s->at];
    s->line[s->at] = 0.498f * (value + s->line[next]);
    s->at = next;
    return value;
}

/* Every quarter of a second something is played: a string, or now and then all of them. */
static float guitar(string_state *strings, size_t n)
{
    static const float open[STRINGS] = {82.41f, 110.00f, 146.83f, 196.00f, 246.94f, 329.63f};
    if (n % (RATE / 4) == 0) {
        const int chord = uniform() < 0.25f, chosen = (int)(STRINGS * uniform());
        const float loud = 0.1f + 0.9f * uniform(), fret = floorf(12 * uniform());
        for (int i = 0; i < STRINGS; i++) {
            if (chord || i == chosen) pluck(&strings[i], open[i] * powf(2, fret / 12), loud);
        }
    }
    float sum = 0;
    for (int i = 0; i < STRINGS; i++) sum += string_next(&strings[i]);
    return 0.4f * sum;
}

static float amplifier(float x, float *pole)
{
    const float drive = 8, bias = 0.3f, middle = tanhf(bias), coefficient = 1 - expf(-6.2831853f * 5000 / RATE);
    *pole += coefficient * (0.6f * (tanhf(drive * x + bias) - middle) - *pole);
    return *pole;
}

static const char *play(wav *dry, wav *wet, size_t samples)
{
    static string_state strings[STRINGS];
    float pole = 0, x[BLOCK], y[BLOCK];
    for (size_t n = 0; n < samples; n += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            x[i] = guitar(strings, n + i);
            y[i] = amplifier(x[i], &pole);
        }
        wav_write(dry, x, BLOCK);
        wav_write(wet, y, BLOCK);
    }
    const char *first = wav_close(dry), *second = wav_close(wet);
    return first ? first : second;
}

int main(int argc, char **argv)
{
    if (argc != 5 || atoi(argv[1]) < 1) {
        fprintf(stderr, "usage: %s SECONDS SEED DRY.wav WET.wav\n", argv[0]);
        return 2;
    }
    wav dry, wet;
    draws = (strtoull(argv[2], NULL, 10) + 1) * UINT64_C(0x9e3779b97f4a7c15);
    const char *wrong = wav_create(&dry, argv[3], WAV_FLOAT32, RATE);
    if (!wrong) wrong = wav_create(&wet, argv[4], WAV_FLOAT32, RATE);
    if (!wrong) wrong = play(&dry, &wet, (size_t)atoi(argv[1]) * RATE);
    if (wrong) fprintf(stderr, "%s, %s: %s\n", argv[3], argv[4], wrong);
    return wrong ? 1 : 0;
}
