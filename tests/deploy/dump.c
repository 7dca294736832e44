/* dump.c: the parameters that plain_init draws, as a file of safetensors: dump OUT. SHAPES says "|Wi:64,
 * 2|b:64|k:|". */
#include "plain.h"
#include "shapes.h"
#include <stdio.h>
#include <string.h>

static float params[PLAIN_PARAMS];

int main(int argc, char **argv)
{
    static char head[1 << 16];
    const plain_param *table = plain_param_table();
    unsigned char length[8] = {0};
    size_t n = 1;
    FILE *f = argc == 2 ? fopen(argv[1], "wb") : NULL;
    if (!f) return 1;
    plain_init(params, 7);
    for (size_t i = 0; i < PLAIN_PARAMS; i++) params[i] += (float)(i % 13) * 0.01f; /* biases are not 0 then */
    head[0] = '{';
    for (size_t i = 0; i < PLAIN_PARAM_COUNT; i++) {
        const plain_param *p = &table[i];
        size_t end = i + 1 < PLAIN_PARAM_COUNT ? table[i + 1].offset : PLAIN_PARAMS;
        char wanted[128];
        snprintf(wanted, sizeof wanted, "|%s:", p->name);
        const char *shape = strstr(SHAPES, wanted);
        if (!shape) return 1;
        shape += strlen(wanted);
        n += (size_t)sprintf(head + n, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%.*s],\"data_offsets\":[%zu,%zu]}",
                             i ? "," : "", p->name, (int)strcspn(shape, "|"), shape, p->offset * 4, end * 4);
    }
    head[n++] = '}';
    while (n % 8) head[n++] = ' ';
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)(n >> 8 * i);
    fwrite(length, 1, 8, f);
    fwrite(head, 1, n, f);
    fwrite(params, 1, sizeof params, f);
    return fclose(f) != 0;
}
