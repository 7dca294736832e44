/* syntax.h: text to tree, and tree to text. */
#ifndef SYNTAX_SYNTAX_H
#define SYNTAX_SYNTAX_H

#include "base/text.h"
#include "syntax/tree.h"

enum { SYNTAX_MAX_NESTING = 200, SYNTAX_MAX_NAME = 63 };

/* Parses the source number `file` of diag_sources(d). Reports every error that it meets, with recovery; never NULL. */
tree_file *syntax_parse(arena *a, names *n, diags *d, uint32_t file);

/* Prints the tree in the language's own syntax, canonically laid out; parsing the result gives the same tree. */
void syntax_print(text *out, const tree_file *f);
void syntax_print_expr(text *out, const tree_expr *e);

/* Is this a word that may not be declared: reserved (if then else and or not reverse bidirectional)? */
bool syntax_is_reserved(const char *word);

#endif
