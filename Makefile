# rnnc: everything is built here, without recursion into folders; what is built lies in build/.
#
#     make           build/rnnc, build/librnn.a and build/lib/librnnc.{a,so}; installs what is missing first (make deps)
#     make check     every test suite; the last line says "N passed, N failed"; ONLY='golden docs': these alone
#     make demo      trains specs/models/char_lm.rnn and lets it write
#     make example-audio     trains an audio effect, and plays a recording through it
#     make example-browser   trains a network that writes and puts it into a web page; TEXT=novel.txt
#     make bench     speed beside other libraries (bench/README.md); make bench-deps installs these
#     make rivals    bytes and time of what ships, beside onnx2c, RTNeural and keras2c
#     make learn     what models of specs/models learn from made data (docs/tasks.md); ROWS='reber adding_gru'
#     make unit      the unit tests alone           make asan    the whole suite with sanitizers
#     make targets   generated C on many machines (docs/deployment.md); ONLY=cortex; make targets-deps installs these
#     make layers    includes point one way         make tidy    clang-tidy
#     make bless NAME=x   renews tests/bad/x.err or tests/golden/x.*
#     make generated      renews generated/         make fmt     clang-format
#     make install PREFIX=/usr/local                make clean
#     make help      this list
# V=1 prints the commands; JOBS=1 runs one suite at a time, not as many as there are processors.

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
FLEX   ?= flex
BISON  ?= bison

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Wpointer-arith \
           -Wwrite-strings -Wundef
WERROR   = -Werror
OPTIMISE = -O2 -g
Q        = $(if $(V),,@echo '  $@'; )
CPPFLAGS_ALL = -D_POSIX_C_SOURCE=200809L -Icompiler -Iruntime -I$(BUILD) $(DEPS_CPPFLAGS) $(CPPFLAGS)
CFLAGS_ALL   = -std=c11 $(OPTIMISE) -fPIC -fvisibility=hidden $(SANITIZE) $(CFLAGS)
LIBS         = $(DEPS_LIBS) -lpthread -lm

# ---- what must be installed -----------------------------------------------------------------------------------
# config.mk is made once, by a probe (and apt, when something is missing); make then starts again and knows the flags.

CONFIG = build/config.mk
WITHOUT_CONFIG = clean deps layers fmt help
ifneq ($(or $(filter-out $(WITHOUT_CONFIG),$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all)),)
include $(CONFIG)
endif

# The schema of ONNX files: with it and protobuf-c, `rnnc import` reads them.
ONNX_SCHEMAS = /usr/include/onnx

# Prints the Debian names of the packages that are missing: `needed`, then `wanted` (the build works without).
define PROBE
needed=""; wanted=""; \
command -v flex >/dev/null || needed="$$needed flex"; \
command -v bison >/dev/null || needed="$$needed bison"; \
command -v pkg-config >/dev/null || needed="$$needed pkg-config"; \
pkg-config --exists check 2>/dev/null || needed="$$needed check"; \
pkg-config --exists jansson 2>/dev/null || needed="$$needed libjansson-dev"; \
pkg-config --exists libzip 2>/dev/null || needed="$$needed libzip-dev"; \
command -v tcc >/dev/null || wanted="$$wanted tcc"; \
echo '#include <libtcc.h>' | $(CC) -E - >/dev/null 2>&1 || wanted="$$wanted libtcc-dev"; \
pkg-config --exists libprotobuf-c 2>/dev/null || wanted="$$wanted libprotobuf-c-dev"; \
command -v protoc-c >/dev/null || wanted="$$wanted protobuf-c-compiler"; \
[ -e $(ONNX_SCHEMAS)/onnx.proto ] || wanted="$$wanted libonnx-dev";
endef

define INSTALL_MISSING
$(PROBE) \
sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
if [ -n "$$needed$$wanted" ] && command -v apt-get >/dev/null; then \
    echo "installing:$$needed$$wanted"; \
    $$sudo apt-get update -q >/dev/null || echo "apt-get update failed; going on with the lists that are there"; \
    if [ -n "$$needed" ]; then $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy $$needed >/dev/null || exit 1; fi; \
    for p in $$wanted; do $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy $$p >/dev/null \
        || echo "$$p cannot be installed; going on without"; done; \
elif [ -n "$$needed" ]; then \
    echo "please install (names of Debian's packages):$$needed$$wanted" >&2; exit 1; \
fi
endef

$(CONFIG): Makefile
	@mkdir -p build
	@$(INSTALL_MISSING)
	@$(WRITE_CONFIG)

define WRITE_CONFIG
printf '%s\n' '#include <libtcc.h>' 'int main(void) { TCCState *s = tcc_new(); tcc_delete(s); return 0; }' \
    > build/probe.c; \
if $(CC) build/probe.c -o build/probe -ltcc -ldl >/dev/null 2>&1; then tcc="-DHAVE_LIBTCC"; tcclib="-ltcc -ldl"; \
else tcc=""; tcclib=""; fi; \
rm -f build/probe build/probe.c; \
onnx=""; onnxlib=""; proto=""; \
if pkg-config --exists libprotobuf-c && command -v protoc-c >/dev/null && [ -e $(ONNX_SCHEMAS)/onnx.proto ]; then \
    onnx="-DHAVE_ONNX $$(pkg-config --cflags libprotobuf-c)"; onnxlib="$$(pkg-config --libs libprotobuf-c)"; \
    proto=$(ONNX_SCHEMAS)/onnx.proto; fi; \
{ echo "DEPS_CPPFLAGS = $$(pkg-config --cflags jansson libzip) $$tcc $$onnx"; \
  echo "DEPS_LIBS = $$(pkg-config --libs jansson libzip) $$tcclib $$onnxlib"; \
  echo "ONNX_PROTO = $$proto"; \
  echo "TCC_ARCHIVE = $$([ -z "$$tcc" ] || realpath -e "$$($(CC) -print-file-name=libtcc.a)" 2>/dev/null)"; \
  echo "CHECK_CFLAGS = $$(pkg-config --cflags check)"; \
  echo "CHECK_LIBS = $$(pkg-config --libs check)"; } > $(CONFIG)
endef

.PHONY: deps
deps:
	@mkdir -p build
	@$(INSTALL_MISSING)
	@$(WRITE_CONFIG)

# ---- rnnc and its libraries -----------------------------------------------------------------------------------

SOURCES   := $(sort $(wildcard compiler/*/*.c runtime/*/*.c))
GENERATED := $(if $(wildcard compiler/syntax/parse.y),$(BUILD)/syntax/scan.c $(BUILD)/syntax/parse.c) \
             $(if $(ONNX_PROTO),$(BUILD)/onnx/onnx.pb-c.c)
OBJECTS   := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embedded.o \
             $(GENERATED:$(BUILD)/%.c=$(BUILD)/obj/generated/%.o)
MAIN      := $(BUILD)/obj/compiler/driver/main.o
KERNELS   := $(filter $(BUILD)/obj/runtime/kernels/%,$(OBJECTS))

LIBRARY   := $(BUILD)/lib/librnnc.a $(BUILD)/lib/librnnc.so

.PHONY: all
all: $(BUILD)/rnnc $(BUILD)/librnnc.a $(if $(KERNELS),$(BUILD)/librnn.a) $(LIBRARY)

$(BUILD)/rnnc: $(MAIN) $(BUILD)/librnnc.a
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/librnnc.a: $(filter-out $(MAIN),$(OBJECTS)) $(BUILD)/objects.list
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/librnn.a: $(KERNELS) $(BUILD)/objects.list
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

# The library for others, in lib/: one object in which all names but those of rnnc.h are local. What nobody calls from
# there (the trainer, the commands) is not in it. librnnc.a above, with all names, is for the program and the tests.
VERSION := $(shell sed -n 's/.*RNNC_VERSION "\(.*\)"/\1/p' compiler/base/version.h)
SONAME   = librnnc.so.$(firstword $(subst ., ,$(VERSION)))
API     := $(filter $(BUILD)/obj/compiler/api/%,$(OBJECTS))

# A static libtcc becomes a part of it, and calls runtime/jit/tcc_host.h instead of libc.
TCC_HOST    := stdout stderr environ malloc calloc realloc free exit
OWN_TCC     := $(if $(TCC_ARCHIVE),$(BUILD)/lib/tcc.a)
LIBRARY_LIBS = $(if $(OWN_TCC),$(filter-out -ltcc,$(LIBS)),$(LIBS))
$(BUILD)/lib/tcc.a: $(TCC_ARCHIVE) $(CONFIG)
	@mkdir -p $(@D)
	@objcopy $(foreach n,$(TCC_HOST),--redefine-sym $(n)=tcc_host_$(n)) $< $@

$(BUILD)/lib/rnnc.o: $(API) $(BUILD)/librnnc.a $(OWN_TCC)
	@mkdir -p $(@D)
	$(Q)$(CC) -r -nostdlib -o $@ $(API) $(BUILD)/librnnc.a $(OWN_TCC) $(BUILD)/librnnc.a
	@objcopy --wildcard --keep-global-symbol='rnnc_*' $@

$(BUILD)/lib/librnnc.a: $(BUILD)/lib/rnnc.o
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/lib/librnnc.so: $(BUILD)/lib/rnnc.o
	$(Q)$(CC) $(CFLAGS_ALL) -shared -Wl,-soname,$(SONAME) $(LDFLAGS) -o $(@D)/$(SONAME) $^ $(LIBRARY_LIBS)
	@ln -sf $(SONAME) $@

$(BUILD)/obj/%.o: %.c $(CONFIG) | $(if $(GENERATED),$(BUILD)/syntax/parse.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(WARNINGS) $(WERROR) -MMD -MP -c -o $@ $<

# Its loops go over all parameters with every update. Neither flag changes a result: nobody reads errno or traps here.
$(BUILD)/obj/runtime/train/optimiser.o: CFLAGS_ALL += -O3 -fno-math-errno -fno-trapping-math

# The loops of kernels become vector code at -O3 only. The flags change no result, as above.
$(KERNELS): CFLAGS_ALL += -O3 -fno-math-errno -fno-trapping-math

$(BUILD)/obj/embedded.o: $(BUILD)/embedded.c $(CONFIG)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(WARNINGS) $(WERROR) -MMD -MP -c -o $@ $<

# What flex and bison wrote is not ours to warn about.
$(BUILD)/obj/generated/%.o: $(BUILD)/%.c $(CONFIG) | $(if $(GENERATED),$(BUILD)/syntax/parse.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wall -Wno-unused-function -MMD -MP -c -o $@ $<

$(BUILD)/syntax/parse.c $(BUILD)/syntax/parse.h &: compiler/syntax/parse.y $(CONFIG)
	@mkdir -p $(@D)
	$(Q)$(BISON) -Wall -Werror --defines=$(BUILD)/syntax/parse.h -o $(BUILD)/syntax/parse.c $<

$(BUILD)/onnx/onnx.pb-c.c $(BUILD)/onnx/onnx.pb-c.h &: $(ONNX_PROTO) $(CONFIG)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(dir $(ONNX_PROTO)) --c_out=$(BUILD)/onnx $(ONNX_PROTO)
$(if $(ONNX_PROTO),$(patsubst %,$(BUILD)/obj/compiler/exchange/onnx_%.o,file write): $(BUILD)/onnx/onnx.pb-c.h)

# Array forms of the elementwise operations, from the compiler's table.
$(BUILD)/kernels/array_ops.def: compiler/graph/ops.def $(CONFIG)
	@mkdir -p $(@D)
	$(Q)awk '/^POINTWISE\(/ { split($$0, part, "\""); split(part[1], head, /[(,] */); c = part[4]; \
	    if (c ~ /\$$k/) next; gsub(/\$$/, "", c); print "ARRAY_" head[3] "(" head[2] ", " c ")" }' $< > $@

$(KERNELS): $(BUILD)/kernels/array_ops.def

$(BUILD)/syntax/scan.c: compiler/syntax/scan.l $(CONFIG)
	@mkdir -p $(@D)
	$(Q)$(FLEX) -o $@ $<

# A list that changes only when its words do: what depends on it notices files that come and go.
define LIST
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' $(2) | cmp -s - $$@ || printf '%s\n' $(2) > $$@
endef
FORCE:
EMBEDDED := $(sort $(wildcard specs/cells/*.rnn runtime/kernels/*.h))
$(eval $(call LIST,$(BUILD)/objects.list,$(OBJECTS)))
$(eval $(call LIST,$(BUILD)/embedded.list,$(EMBEDDED)))

# The texts as arrays of bytes: no limit on the length of a literal, nothing to escape.
$(BUILD)/embedded.c: $(EMBEDDED) $(BUILD)/embedded.list
	@mkdir -p $(@D)
	@{ echo '/* embedded.c: made by the Makefile from specs/cells and runtime/kernels. */'; \
	   echo '#include "base/embedded.h"'; \
	   n=0; for f in $(EMBEDDED); do n=$$((n + 1)); \
	       echo "static const unsigned char text_$$n[] = {"; \
	       od -An -v -tu1 "$$f" | awk '{ gsub(/[0-9]+/, "&,"); print }'; echo "0};"; done; \
	   echo 'const embedded_file embedded_files[] = {'; \
	   n=0; for f in $(EMBEDDED); do n=$$((n + 1)); \
	       echo "{ \"$${f#*/}\", text_$$n, sizeof text_$$n - 1 }," ; done | sort; \
	   echo '{ 0, 0, 0 } };'; } > $@

-include $(OBJECTS:.o=.d)

# ---- tests ----------------------------------------------------------------------------------------------------

UNITS  := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/*.c)))
SUITES := $(sort $(wildcard tests/*/run.sh))

# The interpreter of graphs that the compiler is held against; unit tests link with it.
ORACLE := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/oracle/*.c)))
$(ORACLE): CPPFLAGS_ALL += -Itests

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/librnnc.a $(ORACLE)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests $(CHECK_CFLAGS) $(CFLAGS_ALL) $(WARNINGS) $(WERROR) -MMD -MP -MF $@.d -o $@ $< \
	    $(LDFLAGS) $(ORACLE) $(BUILD)/librnnc.a $(CHECK_LIBS) $(LIBS)
-include $(UNITS:%=%.d) $(ORACLE:.o=.d)

# Programs that hold generated C against the oracle: tests/agree on written models, tests/fuzz on random ones.
AGREE  := $(addprefix $(BUILD)/obj/tests/agree/,subject.o feed.o checks.o)
MODELS := $(BUILD)/tests/agree_models $(BUILD)/tests/fuzz_models
$(BUILD)/tests/agree_models: $(BUILD)/obj/tests/agree/agree.o
$(BUILD)/tests/fuzz_models: $(BUILD)/obj/tests/fuzz/fuzz.o $(BUILD)/obj/tests/fuzz/generate.o
$(BUILD)/obj/tests/agree/%.o $(BUILD)/obj/tests/fuzz/%.o: CPPFLAGS_ALL += -Itests
$(MODELS): $(AGREE) $(ORACLE) $(BUILD)/librnnc.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/librnnc.a $(LIBS)
# Weights and expected numbers for the targets of generated C.
VECTORS := $(BUILD)/tests/target_vectors
$(BUILD)/obj/tests/targets/%.o: CPPFLAGS_ALL += -Itests
$(VECTORS): $(BUILD)/obj/tests/targets/vectors.o $(filter-out %/checks.o,$(AGREE)) $(ORACLE) $(BUILD)/librnnc.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/librnnc.a $(LIBS)
-include $(wildcard $(BUILD)/obj/tests/targets/*.d $(BUILD)/obj/tests/agree/*.d $(BUILD)/obj/tests/fuzz/*.d)

# The suites find the program under test in RNNC, the libraries in BUILD (both absolute), the compiler in CC.
RUN = BUILD='$(abspath $(BUILD))' RNNC='$(abspath $(BUILD)/rnnc)' CC='$(CC)' SANITIZE='$(SANITIZE)' sh tests/summary.sh

# What `make check ONLY=...` names; else all, the long ones first.
named    = $(wildcard tests/$(1)/run.sh) $(filter %/$(1),$(UNITS))
CHECKED := $(if $(ONLY),$(foreach n,$(ONLY),$(call named,$n)),$(SUITES) $(UNITS))
UNKNOWN := $(foreach n,$(ONLY),$(if $(strip $(call named,$n)),,$n))

.PHONY: check unit asan bless generated demo example-audio example-browser learn bench rivals bench-deps
check: all layers $(filter $(UNITS),$(CHECKED)) $(MODELS) $(VECTORS)
	@[ -z '$(strip $(UNKNOWN))' ] || { echo 'there is no suite: $(strip $(UNKNOWN))' >&2; exit 2; }
	@$(RUN) $(CHECKED)

.PHONY: targets targets-deps
targets: $(BUILD)/rnnc $(VECTORS)
	@BUILD='$(abspath $(BUILD))' RNNC='$(abspath $(BUILD)/rnnc)' CC='$(CC)' sh tests/targets/run.sh --all '$(ONLY)'

# gcc-multilib would exclude the compilers for other machines; gcc-12-multilib does not.
targets-deps:
	@sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy \
	    --no-install-recommends $$(awk -F'|' 'NF == 6 && !/^#/ { print $$6 }' tests/targets/targets.txt)

unit: $(UNITS)
	@$(RUN) $(UNITS)

asan: $(CONFIG)
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $(MAKE) BUILD=build/asan \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' check

bless: $(BUILD)/rnnc
	@[ -n "$(NAME)" ] || { echo "usage: make bless NAME=x   (renews tests/bad/x.err or tests/golden/x.*)" >&2; exit 2; }
	@RNNC='$(abspath $(BUILD)/rnnc)' \
	    sh tests/$(if $(wildcard tests/golden/$(NAME).rnn),golden,bad)/run.sh --bless '$(NAME)'

generated: $(BUILD)/rnnc
	@RNNC='$(abspath $(BUILD)/rnnc)' sh tests/golden/run.sh --generated

bench: $(BUILD)/rnnc
	@CC='$(CC)' $(or $(PYTHON),/usr/bin/python3) bench/bench.py '$(abspath $(BUILD)/rnnc)' $(BUILD)/bench $(or $(RESULTS),bench/results)

rivals: $(BUILD)/rnnc
	@CC='$(CC)' $(or $(PYTHON),/usr/bin/python3) bench/rivals.py '$(abspath $(BUILD)/rnnc)' '$(abspath $(BUILD))/rivals'

learn: all
	@CC='$(CC)' $(or $(PYTHON),/usr/bin/python3) bench/learn.py '$(abspath $(BUILD)/rnnc)' $(BUILD)/learn $(ROWS)

# The newest oneDNN is built by hand: bench/README.md says how.
bench-deps:
	@sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get install -qy python3-numpy python3-torch libopenblas0-pthread \
	    libdnnl-dev python3-onnx npm libeigen3-dev
	@mkdir -p $(BUILD)/bench
	@npm install --ignore-scripts --prefix $(BUILD)/bench onnxruntime-node

demo: all
	@BUILD='$(abspath $(BUILD))' RNNC='$(abspath $(BUILD)/rnnc)' CC='$(CC)' sh examples/demo.sh

example-audio: all
	@BUILD='$(abspath $(BUILD))' RNNC='$(abspath $(BUILD)/rnnc)' CC='$(CC)' sh examples/audio_effect/demo.sh

example-browser: all
	@BUILD='$(abspath $(BUILD))' RNNC='$(abspath $(BUILD)/rnnc)' TEXT='$(TEXT)' sh examples/browser/demo.sh

# ---- the house ------------------------------------------------------------------------------------------------

.PHONY: help layers tidy fmt install clean
help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

# Includes of compiler/ point one way along the stages; runtime/ includes nothing of compiler/; of the runtime, the
# compiler's exchange, api and driver alone include anything.
layers:
	@awk ' \
	BEGIN { n = split("base syntax model graph lower derive passes plan emit exchange api driver", order, " "); \
	        for (i = 1; i <= n; i++) rank[order[i]] = i; } \
	/^[ \t]*#[ \t]*include[ \t]*["<]/ { \
	    split(FILENAME, at, "/"); split($$0, quoted, /["<>]/); system_header = $$0 ~ /</; \
	    parts = split(quoted[2], to, "/"); where = FILENAME ":" FNR ": " quoted[2]; stage = parts > 1 && to[1] in rank; \
	    if (quoted[2] ~ /\.\.\//) { print where ": write it from the root of compiler/ or runtime/"; bad = 1 } \
	    else if (quoted[2] == "libtcc.h") { if (at[2] != "jit") { print where ": for runtime/jit alone"; bad = 1 } } \
	    else if (at[1] == "runtime") { \
	        if (stage) { print where ": runtime/ includes compiler/"; bad = 1 } \
	    } else if (stage) { \
	        if (rank[to[1]] > rank[at[2]]) { print where ": " at[2] " comes before " to[1]; bad = 1 } \
	    } else if (at[2] != "driver" && at[2] != "api" && at[2] != "exchange" && !system_header) { \
	        print where ": neither an earlier stage, exchange, the api nor the driver"; bad = 1 } \
	} \
	END { exit bad }' $(wildcard compiler/*/*.[chyl] compiler/*/*.def runtime/*.h runtime/*/*.[ch])

FORMATTED = $(wildcard compiler/*/*.[ch] runtime/*.h runtime/*/*.[ch] tests/*/*.[ch] bench/*.[ch] bench/*/*.[ch] examples/*.c examples/*/*.[ch])
tidy: compile_commands.json $(BUILD)/syntax/parse.h $(BUILD)/kernels/array_ops.def $(if $(ONNX_PROTO),$(BUILD)/onnx/onnx.pb-c.h)
	clang-format --dry-run -Werror $(FORMATTED)
	clang-tidy --quiet -p . $(SOURCES)

fmt:
	clang-format -i $(FORMATTED)

compile_commands.json: $(CONFIG) Makefile
	@{ echo '['; first=1; for f in $(SOURCES); do \
	    [ $$first = 1 ] || echo ','; first=0; \
	    printf '{ "directory": "%s", "file": "%s", "command": "cc %s -c %s" }' "$(CURDIR)" "$$f" \
	        '$(strip $(CPPFLAGS_ALL) -std=c11 $(WARNINGS))' "$$f"; done; echo; echo ']'; } > $@

# Generated C that is not standalone includes rnn.h: cc -I$(PREFIX)/include/rnnc ...
# Programs that call the compiler: cc $(pkg-config --cflags rnnc) ... $(pkg-config --libs rnnc); Python finds the module
# with PYTHONPATH=$(PREFIX)/share/rnnc.
INCLUDE = $(DESTDIR)$(PREFIX)/include/rnnc
define PKG_CONFIG
prefix=$(PREFIX)
libdir=$${prefix}/lib
includedir=$${prefix}/include

Name: rnnc
Description: recurrence equations to C, compiled in memory and called
Version: $(VERSION)
Requires.private: jansson
Libs: -L$${libdir} -lrnnc
Libs.private: $(filter -ltcc -ldl,$(LIBRARY_LIBS)) -lpthread -lm
Cflags: -I$${includedir}
endef
export PKG_CONFIG

install: all
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 compiler/api/rnnc.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(BUILD)/lib/librnnc.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/lib/$(SONAME) $(DESTDIR)$(PREFIX)/lib/
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/librnnc.so
	@echo "$$PKG_CONFIG" > $(DESTDIR)$(PREFIX)/lib/pkgconfig/rnnc.pc
	install -d $(DESTDIR)$(PREFIX)/share/rnnc
	install -m 644 python/rnnc.py $(DESTDIR)$(PREFIX)/share/rnnc/
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(INCLUDE)/kernels
	install -m 755 $(BUILD)/rnnc $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/librnn.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 runtime/rnn.h $(INCLUDE)/
	install -m 644 $(wildcard runtime/kernels/*.h runtime/kernels/*.def) $(INCLUDE)/kernels/

clean:
	rm -rf build compile_commands.json
