/* board.h: what main.c has of the board. */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

/* "NAME: VALUE", to whoever holds the debugger. */
void board_say(const char *name, unsigned value);

#endif
