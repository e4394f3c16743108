#!/bin/sh
# Leaves of the packages in $1 what runs on this machine: no binaries for others, no sources of binaries, no type
# declarations, no maps.
set -eu
packages=$1
abi=$(node -p process.versions.modules)

rm -rf "$packages"/.bin "$packages"/rocksdb/deps "$packages"/rocksdb/build
find "$packages"/rocksdb/prebuilds -mindepth 1 -maxdepth 1 ! -name linux-x64 -exec rm -rf {} +
find "$packages"/uWebSockets.js -name '*.node' ! -name "uws_linux_x64_$abi.node" -delete
# The viewer of /docs reads three of these.
find "$packages"/swagger-ui-dist -name '*es-bundle*' -delete
find "$packages" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' \) -type f -delete
