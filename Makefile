# Each recipe is short; what takes more is a script or a program.
CARGO ?= cargo
# The `sallyport` binary carries the filter inside it; without this it is built without one.
export SALLYPORT_FILTER_WASM := $(CURDIR)/target/wasm32-wasip1/wasm/sallyport_filter.wasm

# What the tests of `sallyport run` start.
export SALLYPORT_ENVOY := $(CURDIR)/target/tools/envoy-1.40.0/envoy/_bin/envoy

.PHONY: help demo test wasm sallyport static bench parity cluster fuzz lint set-up set-up-bench set-up-cluster set-up-demo \
	set-up-fuzz set-up-parity set-up-static set-up-wasm

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: set-up-demo sallyport ## a real httpbin, the gate in front of it, and who may do what
	$(CARGO) run --quiet --package sallyport-tests --bin demo

# Programs for Linux, and the tests of them.
STATIC := $(if $(filter Linux,$(shell uname -s)),static)

# The tests build `sallyport` themselves: as `make sallyport` does it, it would be built a second time, with fewer features of its
# dependencies.
TEST := $(CARGO) test --workspace --exclude sallyport-filter

test: set-up wasm $(STATIC) ## unit, property and golden tests; then everything through real Envoys
	tests/tools/suite --include-ignored

wasm: set-up-wasm ## the filter, as it ships
	tests/tools/wasm

sallyport: wasm ## `sallyport`, with the filter inside it, and the demo
	$(CARGO) build --package sallyport --package sallyport-tests --bins

static: wasm set-up-static ## `sallyport` as a static program, for an image that has nothing else
	tests/tools/command

bench: set-up set-up-bench sallyport ## what a request costs beside the alternatives, host calls, sizes, builds, an outage
	tests/tools/wasm empty
	tests/tools/wasm least
	$(CARGO) build --release --package sallyport
	$(CARGO) run --quiet --package sallyport-tests --bin bench

fuzz: set-up-fuzz ## three fuzz targets, 60 seconds each
	filter/core/fuzz/run 60

parity: set-up-parity wasm ## the filter beside the RBAC filters that Istio makes of the same policies; actionlint
	$(TEST) --features sallyport-tests/parity --test parity --test actionlint -- --nocapture

cluster: ## Istio itself, without containers: manifests admitted, served and asked (as root)
	@[ "$$(id -u)" = 0 ] || { echo "make cluster needs root: it makes network namespaces" >&2; exit 69; }
	$(MAKE) set-up-cluster wasm
	tests/tools/scenes

lint: wasm ## formatting, clippy and documentation, warnings are errors
	tests/tools/lint

set-up:
	tests/setup

set-up-demo:
	tests/setup wasm httpbin envoy

set-up-cluster:
	tests/setup httpbin envoy cluster

set-up-bench:
	tests/setup bench

set-up-parity:
	tests/setup envoy parity pipelines

set-up-fuzz:
	tests/setup fuzz

set-up-static:
	tests/setup static

set-up-wasm:
	tests/setup wasm
