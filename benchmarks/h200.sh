#!/usr/bin/env bash
# What a GPU takes: an iteration of the synthesis over its floor, seconds per image, and a step of the training.
#
#     benchmarks/h200.sh runs/gpu
#
# Meant for 8 minutes on one CUDA device, where it has not been run yet; the tables are in runs/gpu/tables.md. Weights are random where speed is all that
# counts. On a machine without one, small sizes show that it runs: DEVICE=cpu PRECISION=32-true SIZE=2 benchmarks/h200.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

OUT=${1:-runs/gpu}
DEVICE=${DEVICE:-gpu}
PRECISION=${PRECISION:-16-mixed}
SIZE=${SIZE:-}      # images of every batch, for a rehearsal
ROUNDS=${ROUNDS:-5}
PYTHON=${PYTHON:-$([[ -x .venv/bin/python ]] && echo .venv/bin/python || echo python)}
mkdir -p "$OUT"
rm -f "$OUT"/*.json

synthesis() { # name, teacher, batch, resolution, further words
  local batch=${SIZE:-$3} side=${SIZE:+64}
  "$PYTHON" -m benchmarks.synthesis_speed --rounds "$ROUNDS" --json "$OUT/$1.json" detector@teacher="$2" \
    num_images="$batch" batch_size="$batch" schedule.stages.0.resolution="${side:-$4}" \
    trainer.accelerator="$DEVICE" trainer.precision="$PRECISION" "${@:5}"
}

# The paper's budget: 2500 iterations at 160 px in batches of 128, 1500 at 320 px in batches of 96.
synthesis paper_160 yolov3_spp 128 160 teacher.weights=null
synthesis paper_320 yolov3_spp 96 320 teacher.weights=null
# Ours: 400 iterations at 160 px.
synthesis default_160 yolov3_tiny_shapes 128 160
synthesis ssd_160 ssd_shapes 128 160 teacher.weights=null
[[ -n $SIZE ]] || synthesis retinanet_320 retinanet_resnet50 32 320 teacher.weights=null

batch=${SIZE:-8}
"$PYTHON" -m benchmarks.training_speed --rounds "$ROUNDS" --json "$OUT/student.json" +experiment=quick \
  data@train=shapes train.size=64 val.size="${SIZE:-250}" batch_size="$batch" \
  trainer.accelerator="$DEVICE" trainer.precision="$PRECISION"
"$PYTHON" -m benchmarks.speed_tables "$OUT" | tee "$OUT/tables.md"
