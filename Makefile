# What there is to do here. `make help` lists it.

# Debian's packages. The first list is what building and the demo need, the second what the tests
# need besides. Nothing else on the machine but a Rust toolchain is assumed.
BUILD_PACKAGES := build-essential protobuf-compiler iproute2 iputils-ping
TEST_PACKAGES  := etcd-server etcd-client iperf3 openssl qemu-system-x86 busybox-static dpdk-dev \
  tshark ethtool mariadb-server python3-venv
# The kernel of the tests' virtual machines. It is unpacked, not installed: nothing here boots it.
GUEST_KERNEL   := linux-image-cloud-amd64

# Neutron and all that the tests with it need, in the versions of tests/openstack/constraints.txt.
NEUTRON       := /var/lib/weft-lab/neutron
NEUTRON_STAMP := $(NEUTRON)/installed-$(firstword $(shell cat tests/openstack/*.txt | cksum))

SUDO  := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
CARGO ?= cargo
# Cargo as root, with this user's toolchain.
AS_ROOT := $(if $(SUDO),sudo --preserve-env env "PATH=$$PATH")

.PHONY: help
help: ## lists these
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: build
build: build-packages ## builds weft, target/release/weft
	$(CARGO) build --locked --release --package weft

.PHONY: demo
demo: build ## two hosts on this machine, with packets crossing; needs root
	$(SUDO) target/release/weft demo

.PHONY: test
test: test-packages format lint unit end-to-end networking-weft openstack ## everything that must hold

.PHONY: format
format: ## is the code formatted?
	$(CARGO) fmt --all --check

.PHONY: lint
lint: build-packages ## tiers, clippy, and the documentation
	$(CARGO) xtask tiers
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

.PHONY: unit
unit: test-packages ## unit, property and conformance tests of each crate; needs root
	$(AS_ROOT) $(CARGO) test --locked --workspace --exclude weft-tests

.PHONY: end-to-end
end-to-end: test-packages guest-kernel ## scenarios with real processes and packets; needs root
	$(CARGO) build --locked --package weft
	$(AS_ROOT) $(CARGO) test --locked --package weft-tests --lib --test scenarios

.PHONY: networking-weft
networking-weft: test-packages neutron ## networking-weft: lint and its own tests
	cd openstack/networking-weft && $(NEUTRON)/bin/ruff check . && $(NEUTRON)/bin/ruff format --check .
	cd openstack/networking-weft && $(SUDO) $(NEUTRON)/bin/python -m pytest --quiet

.PHONY: openstack
openstack: test-packages guest-kernel neutron ## two Neutron servers, etcd, hosts: end to end; needs root, takes a quarter of an hour
	$(CARGO) build --locked --package weft
	$(AS_ROOT) $(CARGO) test --locked --package weft-tests --test openstack

.PHONY: tempest
tempest: test-packages neutron ## Neutron's own API tests, without networking-weft and with it, by themselves
	$(CARGO) build --locked --package weft
	$(AS_ROOT) $(CARGO) test --locked --package weft-tests --test openstack -- --nocapture tempest

.PHONY: bench
bench: build test-packages neutron ## figures, each beside a floor or a peer in the same run
	$(CARGO) run --locked --release --package weft-bench

# `dpkg` first: an installed machine needs no network and no root for this.
.PHONY: build-packages test-packages
build-packages: ; $(call install,$(BUILD_PACKAGES))
test-packages: ; $(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))

# What is big comes once; networking-weft is the one of this directory.
.PHONY: neutron
neutron: $(NEUTRON_STAMP) ## installs Neutron for the tests, from PyPI
	@$(SUDO) $(NEUTRON)/bin/pip install --quiet --no-deps --no-build-isolation --editable openstack/networking-weft

$(NEUTRON_STAMP): | test-packages
	@echo "installing Neutron into $(NEUTRON)"
	@$(SUDO) python3 -m venv --clear $(NEUTRON)
	@$(SUDO) $(NEUTRON)/bin/pip install --quiet \
	  --constraint tests/openstack/constraints.txt --requirement tests/openstack/requirements.txt
	@$(SUDO) touch $@

# The package named above only depends on the one with the kernel in it.
.PHONY: guest-kernel
guest-kernel: /var/lib/weft-lab/kernel/boot

/var/lib/weft-lab/kernel/boot: | test-packages
	@apt-cache show $(GUEST_KERNEL) >/dev/null 2>&1 || $(SUDO) apt-get update --quiet=2
	@package=$$(apt-cache depends $(GUEST_KERNEL) | sed -n 's/.*Depends: \(linux-image[^ ]*\).*/\1/p') \
	  && directory=$$(mktemp --directory) && cd $$directory \
	  && echo "unpacking: $$package" \
	  && apt-get download --quiet=2 $$package 2>/dev/null \
	  && $(SUDO) mkdir --parents /var/lib/weft-lab/kernel \
	  && dpkg-deb --fsys-tarfile *.deb | $(SUDO) tar --extract --directory /var/lib/weft-lab/kernel \
	  && rm --recursive $$directory

define install
	@missing=""; for package in $(1); do \
	  dpkg-query --show --showformat='$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed \
	    || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get update --quiet=2 \
	    && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $$missing; \
	fi
endef
