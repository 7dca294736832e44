/* web.c: the module's functions for web.js: run, which returns 0, and message. */
#include "driver.h"

static char said[SAID];

__attribute__((export_name("run"))) int run(void);
__attribute__((export_name("message"))) const char *message(void);

int run(void) { return check(instances[0], said); }
const char *message(void) { return said; }
