#!/usr/bin/env bash
# Runs the kernel tests with AddressSanitizer and UndefinedBehaviorSanitizer, and with ThreadSanitizer: zero reports.
# Usage: native/test_sanitizers.sh [build folder]
set -euo pipefail
source_folder=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(mktemp -d)}
avx512=$(grep -q avx512_vnni /proc/cpuinfo && echo ON || echo OFF)  # what cannot run here is not compiled
for sanitizer in address,undefined thread; do
    folder="$build/${sanitizer%%,*}"
    cmake -S "$source_folder" -B "$folder" -DHORNBOOK_PYTHON=OFF -DHORNBOOK_TESTS=ON \
        -DHORNBOOK_AVX512="$avx512" -DHORNBOOK_SANITIZE="$sanitizer" >/dev/null
    cmake --build "$folder" --parallel "$(nproc)" >/dev/null
    echo "== $sanitizer"
    "$folder/test_kernels" 7
    "$folder/test_tokenizer" 7
done
