#!/bin/bash
# All runs of a list that fit into a time, on a machine with a GPU: gpu_runs.sh LIST SECONDS FOLDER OUT [JOBS]
# What is complete comes to lie in OUT/done.tar.*, what is half done in OUT/partial.tar.*, in parts of 15 MiB.
set -u
list=$1 seconds=$2 folder=$3 out=$4 jobs=${5:-12}
mkdir -p "$folder"
export PYTHONPATH=. PYTHONUNBUFFERED=1
timeout -s KILL $((seconds + 20)) python3 -m pinnlib sweep "$list" --folder "$folder" --jobs "$jobs" --checkpoint-every 30 --seconds "$seconds" 2>&1 | tr '\r' '\n' | tail -n 40
python3 -m pinnlib sweep "$list" --folder "$folder" --status | tee "$out/status.txt"
for kind in done partial; do
    files=$(awk -v kind=$kind '$2 == kind {print $1 ".npz"}' "$out/status.txt")
    [ -n "$files" ] && tar -C "$folder" -cf - $files | split -b 15m - "$out/$kind.tar."
done
exit 0
