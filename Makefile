# `make up` starts a whole cluster here; `make check` is the quick look before a commit.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := node_modules/.bin
UP_ARGS ?=
BENCH_ARGS ?=
MUTANTS_ARGS ?=
# Tests that neither listen nor touch a disk, and are quick.
UNIT := auth base machine placement policy raft tidy wire

SOURCES := $(shell find src gen test demo deploy/bundle.js deploy/externals.js tsconfig.json package.json -type f -o -path 'test/*' -type d)

# Tests are run as they were compiled: to load their sources would take as long as many of them.
TESTS := dist/test
KILLS := $(TESTS)/processes/failover.test.js
# What would make `make test` too long to be run often.
LONG := $(addprefix $(TESTS)/,processes/soak.test.js processes/growth.test.js processes/upgrade.test.js processes/tutorial.test.js \
	processes/certificates.test.js processes/failover-seed.test.js processes/seed-members.test.js processes/replace-node.test.js edge/conformance.test.js)
MOCHA = $(BIN)/mocha
MOCHA_FLAGS := --no-package --timeout 20000

.PHONY: help up demo build install probe check lint format unit test test-parts test-clusters test-kills test-long bench soak client bench-agenda bench-engine bench-live bench-door bench-trust bench-failover edge mutants disk-test image swarm-up swarm-down swarm-test gen clean

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

up: build probe ## Install, build and start a cluster on this machine (UP_ARGS="--coordinators 2" for more)
	@exec node dist/cabildo up $(UP_ARGS)

demo: build probe ## The same, with a page that shows it and may kill its leaders (UP_ARGS as for up)
	@exec node dist/cabildo up --demo $(UP_ARGS)

install: node_modules/.package-lock.json

# npm writes this file last, so that it is newer than the lockfile exactly if what it names is installed.
node_modules/.package-lock.json: package-lock.json
	@echo "installing what package-lock.json names" >&2
	@npm ci --no-audit --no-fund --loglevel=error >&2
	@touch $@

build: dist/.built ## Compile to dist/

dist/.built: node_modules/.package-lock.json $(SOURCES)
	@npm run --silent build
	@find dist/test -name '*.js' | while read -r made; do source=$${made#dist/}; [ -e "$${source%.js}.ts" ] || rm "$$made"; done
	@touch $@

probe: build
	@node dist/program/probe.js

check: install ## Types, lint, format, layers and unit tests, in under a minute
	@$(MAKE) -j2 --output-sync=target unit lint format

# Of types too: one reading of the source for both.
lint:
	@npm run --silent lint

format:
	@npm run --silent format:check

# buf is a program of its own, which `make test` runs.
unit:
	@$(BIN)/mocha --reporter dot --parallel --jobs 2 --ignore test/tidy/contracts.test.ts $(UNIT:%='test/%/**/*.test.ts')

test: test-parts test-clusters test-kills ## Every test that needs no root, but for those of test-long

# What takes longest begins first, so that no core waits for it at the end. More than two at a time: many only wait.
test-parts: build
	@$(MOCHA) $(MOCHA_FLAGS) --parallel --jobs 4 $(LONG:%=--ignore %) '$(TESTS)/simulator/*.test.js' '$(TESTS)/!(processes|simulator)/**/*.test.js'

test-clusters: build
	@$(MOCHA) $(MOCHA_FLAGS) --parallel --jobs 2 --ignore $(KILLS) $(LONG:%=--ignore %) $(TESTS)/processes/operations.test.js '$(TESTS)/processes/!(operations).test.js'

# One at a time: their clients wait for answers from processes that die all the while.
test-kills: build
	@$(MOCHA) $(MOCHA_FLAGS) $(KILLS)

test-long: build ## Growth, upgrade, what is replaced, the seed layout's failover, a minute of faults, the tutorial, Connect's suite where it is installed
	@$(MOCHA) $(MOCHA_FLAGS) $(LONG)

mutants: build ## Put known bugs into a copy of the engine, and show which test notices each
	@nice node dist/test/mutants/run.js $(MUTANTS_ARGS)

disk-test: build ## Cut the power of real disks, fill them and let them fail (needs root; says so without)
	@$(BIN)/mocha --exit 'test/disk/*.disk.ts'

bench: build ## Measure a cluster on this machine
	@node dist/test/bench/run.js $(BENCH_ARGS)

bench-failover: build ## Measure how long no write is taken when a leader dies, hangs or stops, beside etcd
	@node dist/test/bench/failover/run.js $(BENCH_ARGS)

bench-live: build ## Measure the live channels, beside bare uWebSockets.js, a ws loop and etcd (BENCH_ARGS="--parts commands,rights")
	@node dist/test/bench/live/run.js $(BENCH_ARGS)

bench-engine: build ## Measure the consensus engine alone, beside etcd where it is installed (BENCH_ARGS="--beside FILE" for a program of yours)
	@node dist/test/bench/engine/run.js $(BENCH_ARGS)

bench-agenda: build ## Measure the agenda on its store, with ten thousand events and with a million (BENCH_ARGS="--events 100000")
	@node dist/test/bench/agenda/run.js $(BENCH_ARGS)

bench-door: build ## Measure the door: calls over each protocol, what one costs, and what ten times the load does (BENCH_ARGS="--parts costs")
	@node dist/test/bench/door/run.js $(BENCH_ARGS)

bench-trust: build ## Measure a client beside each class of abuse, logins, the end of sessions, equal times, and fuzzing
	@node dist/test/bench/trust/run.js $(BENCH_ARGS)

edge: build ## Judge the edge by Connect's conformance suite, with the short way on and off
	@node dist/test/edge/run.js

MINUTES ?= 1
soak: build ## Subscribers of every manner while anything may die, compared with the log (MINUTES=n)
	@node dist/test/soak/run.js --minutes $(MINUTES)

client: install ## Pack the client library: dist/cabildo-VERSION.tgz
	@mkdir -p dist && node deploy/client/pack.js

image: ## Build the image of every process, cabildo:VERSION (IMAGE, BASE_IMAGE, NODE_IMAGE, UWS_SOURCE, BUILD_NETWORK)
	@sh deploy/image.sh

swarm-up: ## Bring a cluster to this Docker Swarm, or update it (SWARM_HOSTS, REPLICAS, PUBLIC_HOSTS, CABILDO_IMAGE, CABILDO_DIR)
	@sh deploy/swarm.sh up

swarm-down: ## Stop it; its volumes and keys stay
	@sh deploy/swarm.sh down

swarm-test: build ## Deploy, strike and update a cluster on a real Swarm of one node (needs root, or an engine in no Swarm)
	@node dist/test/swarm/run.js

gen: install ## Generate gen/ from proto/
	@rm -rf gen && $(BIN)/buf generate

clean: ## Remove what was built (the data in .cabildo/ stays)
	rm -rf dist coverage node_modules/.cache
