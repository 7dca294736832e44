/* settings.h: how to train: flags, over `train { }` of the spec, over defaults. */
#ifndef DRIVER_SETTINGS_H
#define DRIVER_SETTINGS_H

#include "driver/command.h"
#include "train/dataset.h"
#include "train/loop.h"

typedef struct settings {
    data_options data;
    optimiser_options optimiser;
    loop_options loop;
} settings;

/* 0, or the exit status after a message. Without `to_train`, only what says where data come from is read. */
int settings_read(settings *s, const options *o, const model *m, bool to_train);

/* What they are, a line "key = value" each. */
const char *settings_text(arena *a, const settings *s);

#endif
