#!/usr/bin/env bash
# Checks that the objects of each variant define nothing outside the variant's namespace. A symbol that two variants share could be
# kept in the copy with the wider instructions, and the baseline would run it on a processor that has none of them.
# Usage: native/test_symbols.sh BUILD_FOLDER
set -euo pipefail
for folder in "$1"/CMakeFiles/kernels_*.dir; do
    variant=$(basename "$folder" .dir)
    variant=${variant#kernels_}
    # Types T, W, V, u, B, D, R are definitions; the reference to the exception handler is the same in all code.
    shared=$(nm -C --defined-only "$folder"/native/*.o | grep -E ' [TWVuBDR] ' | grep -v -E "hornbook::$variant::|DW\.ref\.__gxx" ||
        true)
    if [ "$variant" = generic ]; then
        shared=$(echo "$shared" | grep -v -E 'hornbook::(packed_bytes|scale_count)\(' || true)
    fi
    if [ -n "$shared" ]; then
        echo "$variant defines symbols that others may share:"
        echo "$shared"
        exit 1
    fi
    echo "$variant: its own symbols only"
done
