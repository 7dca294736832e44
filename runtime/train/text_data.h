/* text_data.h: batches from a text of characters or words; the part of dataset.h behind --text and --words.
 *
 * The ids of a text are cut to a multiple of B*T and laid out as B streams that follow each other in the text; the
 * target of a place is the id after it, of the very last place the first id. Block k holds steps k*T to (k+1)*T of all
 * streams and is one batch. The first blocks train, the next ones validate, the rest tests. The state is carried from
 * block to block, and begins anew with each pass over a part.
 *
 *     text     a b c d e f g h i      B = 2, T = 2: cut to 8
 *     stream 0 a b | c d              block 0: inputs a b, e f; targets b c, f g
 *     stream 1 e f | g h              block 1: inputs c d, g h; targets d e, h a */
#ifndef TRAIN_TEXT_DATA_H
#define TRAIN_TEXT_DATA_H

#include "train/dataset.h"

typedef struct text_data text_data;

text_data *text_data_open(const data_options *o, const char *vocabulary_of, char **error);
void text_data_close(text_data *d);
size_t text_data_symbols(const text_data *d);
size_t text_data_steps(const text_data *d);
const char *text_data_vocabulary(const text_data *d);
bool text_data_bind(text_data *d, const trainable *m, char **error);
size_t text_data_batches(const text_data *d, data_part part);
data_batch text_data_batch(text_data *d, data_part part, size_t index);
char *text_data_summary(const text_data *d); /* malloc'ed */

#endif
