#!/bin/sh
# Runs Skald with the memory settings of node and of the allocator that docs/performance.md measures: `npm start`, the image and the benchmarks use it.
# What the environment already says stays.
#
# Objects die young, so that the buffers they hold are let go soon; large blocks go back to the system when they are freed. The main thread's heap (26 MB in use) is
# not marked anew for every 8 MB of buffers, but only from 64 MB on.
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-262144}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-262144}"
exec node --max-semi-space-size=4 --initial-old-space-size=64 "$(dirname "$0")/skald.ts" "$@"
