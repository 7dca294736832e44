# same.awk: from inside.h, the C with the weights inside, a program that holds it against plain.c, which takes the same weights as an
# argument: `forward` over 5 steps of 2 sequences and, where there is one, 5 times `step`, must give the same bits; with
# -v bound=X, be as near as that, relative to numbers above 1.
/^typedef struct inside_args/ { within = 1; next }
/^} inside_args/ { within = 0 }
!within { next }
/, 1 to INSIDE_BATCH/ { next }
/^    size_t [A-Z]/ { steps[++axes] = $2; sub(/;/, "", steps[axes]); next }
/^    const int \*lengths_/ { next }
/^    const float \*weights/ { blob = 1; next }
/inside_state \*state/ { carried = 1; next }
/^    (const )?(int|float) \*/ {
    constant = $1 == "const"; type = constant ? $2 : $1; name = constant ? $3 : $2
    gsub(/[*;]/, "", name)
    if (name == "work") next
    count = ""; comment = $0; sub(/^[^\/]*\/\* /, "", comment)
    while (match(comment, /^\[[^]]*\]/)) {
        part = substr(comment, 2, RLENGTH - 2); comment = substr(comment, RLENGTH + 1)
        count = count (count == "" ? "" : " * ") (part == "batch" ? "BATCH" : part ~ /^[A-Z]/ ? "STEPS" : part)
    }
    if (count == "") count = "1"
    classes = 0
    if (match(comment, /0 to [0-9]+/)) classes = substr(comment, RSTART + 5, RLENGTH - 5) + 1
    if (constant) { in_name[++ins] = name; in_type[ins] = type; in_count[ins] = count; in_classes[ins] = type == "int" ? classes : 0 }
    else { out_name[++outs] = name; out_count[outs] = count }
}
function call(which, prefix, function_name, slice,    i, p) {
    p = "        " prefix "_args " which " = {0};\n        " which ".batch = BATCH;\n"
    for (i = 1; i <= axes; i++) p = p "        " which "." steps[i] " = STEPS;\n"
    for (i = 1; i <= ins; i++)
        p = p "        " which "." in_name[i] " = in_" in_name[i] (slice && in_count[i] ~ /STEPS/ ? " + t * (sizeof in_" in_name[i] " / sizeof *in_" in_name[i] " / STEPS)" : "") ";\n"
    for (i = 1; i <= outs; i++)
        p = p "        " which "." out_name[i] " = " which "_" out_name[i] (slice && out_count[i] ~ /STEPS/ ? " + t * (sizeof " which "_" out_name[i] " / sizeof(float) / STEPS)" : "") ";\n"
    if (slice) p = p "        " which ".state = &" which "_state;\n"
    p = p "        " which ".work = work;\n"
    if (which == "a") p = p "        a.params = params;\n        a.packed = packed;\n"
    else if (blob) p = p "        b.weights = weights;\n"
    return p "        if (" prefix "_" function_name "(&" which ") != 0) return 2;\n"
}
function compare(what,    i, p) {
    for (i = 1; i <= outs; i++)
        p = p "    if (differ(a_" out_name[i] ", b_" out_name[i] ", sizeof a_" out_name[i] ")) { printf(\"" what ": " out_name[i] " differs\\n\"); bad = 1; }\n"
    return p
}
END {
    print "#include \"plain.h\"\n#ifdef SINGLE\n#define INSIDE_IMPLEMENTATION\n#endif\n#include \"inside.h\"\n#include <stdio.h>\n#include <string.h>"
    print "enum { STEPS = 5, BATCH = 2 };"
    print "static int differ(const float *a, const float *b, size_t bytes)\n{"
    if (bound) {
        print "    for (size_t i = 0; i < bytes / sizeof *a; i++) {\n        float d = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i], size = a[i] < 0 ? -a[i] : a[i];"
        print "        if (!(d <= " bound "f * (size > 1 ? size : 1))) return 1;\n    }\n    return 0;\n}"
    } else
        print "    return memcmp(a, b, bytes);\n}"
    for (i = 1; i <= ins; i++) print "static " in_type[i] " in_" in_name[i] "[" in_count[i] "];"
    for (i = 1; i <= outs; i++) print "static float a_" out_name[i] "[" out_count[i] "], b_" out_name[i] "[" out_count[i] "];"
    print "static float params[PLAIN_PARAMS], packed[PLAIN_PACKED + 1], work[1 << 22];"
    if (blob) print "static _Alignas(64) unsigned char bytes[1 << 22];"
    if (carried) print "static plain_state a_state;\nstatic inside_state b_state;"
    print "int main(int argc, char **argv)\n{\n    int bad = 0;\n    FILE *f = argc == 3 ? fopen(argv[1], \"rb\") : NULL;\n    if (!f) return 3;"
    print "    if (fseek(f, -(long)sizeof params, SEEK_END) || fread(params, 1, sizeof params, f) != sizeof params) return 3;\n    fclose(f);"
    print "    plain_pack(params, packed);"
    if (blob) {
        print "    const float *weights;\n    f = fopen(argv[2], \"rb\");\n    if (!f) return 3;\n    size_t n = fread(bytes, 1, sizeof bytes, f);\n    fclose(f);"
        print "    if (n != INSIDE_BLOB || inside_load(bytes, n, &weights)) return 4;"
        print "    if (inside_load(NULL, n, &weights) != INSIDE_BAD_ARGUMENT || inside_load(bytes + 1, n, &weights) != INSIDE_BAD_ARGUMENT) return 5;"
        print "    if (inside_load(bytes, n - 1, &weights) != INSIDE_BAD_WEIGHTS || inside_load(bytes, 3, &weights) != INSIDE_BAD_WEIGHTS) return 6;"
        print "    for (size_t i = 0; i < n; i += i < 64 ? 1 : 1000) {\n        bytes[i] ^= 4;\n        int code = inside_load(bytes, n, &weights);\n        bytes[i] ^= 4;"
        print "        if (code != (i >= 8 && i < 32 ? INSIDE_OTHER_WEIGHTS : INSIDE_BAD_WEIGHTS)) { printf(\"byte %zu: %d\\n\", i, code); return 7; }\n    }"
    }
    for (i = 1; i <= ins; i++)
        print "    for (size_t i = 0; i < sizeof in_" in_name[i] " / sizeof *in_" in_name[i] "; i++) in_" in_name[i] "[i] = " \
            (in_classes[i] ? "(int)(i * 7 % " in_classes[i] ")" : "(" in_type[i] ")(i % 17) * 0.1f - 0.8f") ";"
    print "    {\n" call("a", "plain", "forward", 0) call("b", "inside", "forward", 0) "    }"
    print compare("forward")
    if (carried) {
        for (i = 1; i <= outs; i++) print "    memset(a_" out_name[i] ", 0, sizeof a_" out_name[i] ");\n    memset(b_" out_name[i] ", 1, sizeof b_" out_name[i] ");"
        print "    plain_reset(&a_state);\n    inside_reset(&b_state);"
        print "    for (size_t t = 0; t < STEPS; t++) {\n" call("a", "plain", "step", 1) call("b", "inside", "step", 1) "    }"
        print compare("step")
    }
    for (i = 1; i <= outs; i++) print "    { int any = 0; for (size_t i = 0; i < sizeof b_" out_name[i] " / sizeof *b_" out_name[i] "; i++) any |= b_" out_name[i] "[i] != 0; if (!any) { printf(\"" out_name[i] " is 0\\n\"); bad = 1; } }"
    print "    return bad;\n}"
}
