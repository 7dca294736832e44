/* train.c: rnnc train SPEC (--text F | --words F | --data F.npz) [-o DIR]
 *
 * In: a spec and data. Out: DIR/last.safetensors and DIR/best.safetensors, curves where they are asked for. What can be
 * found wrong is found before the first update. */
#include "driver/trainer.h"

static void report_first(void *context) { command_stage(&((trainer *)context)->o, "first update"); }

int command_train(const options *o)
{
    trainer t;
    char *error;
    const char *folder = o->value[OPTION_OUT].given ? o->value[OPTION_OUT].text : ".";
    int code = trainer_prepare(&t, o, folder, PREPARE_TO_TRAIN);
    if (!code) {
        t.p.s.loop.first_update = report_first;
        t.p.s.loop.context = &t;
        trainer_announce(&t);
        loop_end end = trainer_run(&t, &error);
        code = trainer_exit(&t, end, error);
    }
    trainer_end(&t, code != 0);
    return code;
}
