#!/usr/bin/env bash
# Builds the kernel tests for arm64 with a cross compiler and runs them in an emulator, every fifth size.
# Needs Debian's g++-aarch64-linux-gnu and qemu-user. Usage: native/test_arm64.sh [build folder]
set -euo pipefail
source_folder=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
cmake -S "$source_folder" -B "$build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DHORNBOOK_PYTHON=OFF -DHORNBOOK_TESTS=ON >/dev/null
cmake --build "$build" --parallel 1 >/dev/null
qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/test_kernels" 5
