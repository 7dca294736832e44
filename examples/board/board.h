/* board.h: what main.c has of the board. */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

/* To whoever holds the debugger: a text, "NAME: VALUE". */
void board_text(const char *text);
void board_say(const char *name, unsigned value);

#endif
