# What a newcomer types first is demo; what a contributor types is test.
.DEFAULT_GOAL := help
FUZZTIME ?= 30s
SEEDS ?= 20

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binary into bin/.
	go build -o bin/flows ./cmd/flows

.PHONY: demo
demo: packages build ## Everything on this machine: database, simulated meters, mediator, syncing. ^C ends it.
	bin/flows demo

.PHONY: test
test: test-packages ## Run every test, with the race detector.
	go test -race ./...

.PHONY: race
race: test-packages ## Run every test three times with the race detector, in random order.
	go test -race -count=3 -shuffle=on ./...

.PHONY: chaos
chaos: packages ## Kill everything but the meters, with the seeds 1 to SEEDS=20; stops at the first that fails.
	go test ./cmd/flows -run '^TestChaos$$' -count=1 -v -timeout $$(($(SEEDS) * 4 + 5))m -chaos.seeds $(SEEDS)

.PHONY: screenshots
screenshots: test-packages ## Take pictures of every page of a demo: docs/screenshots.
	go test ./cmd/flows -run '^TestScreenshots$$' -count=1 -timeout 15m -screenshots $(CURDIR)/docs/screenshots

.PHONY: fuzz
fuzz: ## Fuzz everything that takes bytes from outside; FUZZTIME=30s each.
	@set -e; grep -rE --include='*_test.go' '^func Fuzz' . | sed -E 's#^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]+).*#\1 \2#' | \
	while read -r pkg target; do echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg"; done

.PHONY: lint
lint: ## gofmt, go vet, staticcheck.
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt'd:"; echo "$$out"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

.PHONY: generate
generate: ## Make the generated files anew: protobuf, docs/objects.md, docs/openapi.json.
	@command -v protoc >/dev/null || { echo "make generate needs protoc: apt-get install protobuf-compiler"; exit 1; }
	GOBIN=$(CURDIR)/bin go install tool
	PATH="$(CURDIR)/bin:$$PATH" protoc -I mediator/mediatorpb --go_out=. --go_opt=module=flows --go-grpc_out=. --go-grpc_opt=module=flows mediator.proto
	go test ./emop -run TestObjectsDocumentIsTheTable -update
	go test ./web -run TestTheDocumentIsTheAPI -update

.PHONY: verify
verify: generate ## Generated files are what the sources say.
	git diff --exit-code

.PHONY: mutate
mutate: ## Break vee in small ways, one at a time, for about an hour; names what no test minds.
	go run ./internal/mutate ./vee

.PHONY: long
long: test-packages ## The long form of the tests of half-hours: 100 000 random histories and pairs.
	go test ./vee -rapid.checks=100000 -timeout 60m
	go test ./schema -run TestTriggerAndRulesAgree -timeout 30m -schema.pairs 100000

.PHONY: bench
bench: ## Go benchmarks.
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: packages test-packages
packages:
	@sh .ci/packages
test-packages:
	@sh .ci/packages test
