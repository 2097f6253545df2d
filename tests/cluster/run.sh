#!/bin/bash
# Four shards of a synthesis on a real SLURM of one node: one is requeued in the middle, one is preempted, one is canceled
# and made by the same command again. The set must equal that of one process, byte for byte. About ten minutes.
#
#   tests/cluster/run.sh              where SLURM is installed; elsewhere it is skipped
#   tests/cluster/run.sh --install    installs Debian's packages first, as root
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/cluster/slurm.sh

python=${PYTHON:-.venv/bin/python}
if [ "${1:-}" = --install ]; then
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install --yes --no-install-recommends munge slurm-client slurmctld slurmd; } > /dev/null || exit 1
fi
for program in munged slurmctld slurmd; do
  [ -x "$daemons/$program" ] || { echo "skipped: there is no $program; --install installs it"; exit 0; }
done
"$python" -c 'import hydra_plugins.hydra_submitit_launcher' 2> /dev/null ||
  { echo "skipped: there is no hydra-submitit-launcher; pip install 'diode_pl[sweep]' installs it"; exit 0; }

place=$(mktemp -d)
trap 'code=$?; stop_slurm "$place"; [ $code = 0 ] && rm -rf "$place"; exit $code' EXIT
set_folder=$place/set
# Sums depend on the threads, and with them the last bits of every pixel.
export OMP_NUM_THREADS=1 PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
small=(detector@verifier=none num_images=40 batch_size=2 logger=none trainer.accelerator=cpu callbacks.progress=null
  schedule.stages.0.resolution=32 budget=0.06)

say() { echo "$(date +%T) $*"; }
fail() { echo "FAILED: $*; see $place" >&2; exit 1; }
batches() { find "$set_folder/batches" -name '*.json' 2> /dev/null | wc -l; }
has_batches() { [ "$(batches)" -ge "$1" ]; }
state() { squeue --noheader --array --jobs="$job" --format='%K %T' 2> /dev/null | sort; }
of_shard() { state | sed -n "s/^$1 //p"; }
is_running() { [ "$(of_shard "$1")" = RUNNING ]; }
is_gone() { [ -z "$(state)" ]; }
is_preempted() { [ "$(restarts 2)" = 1 ]; }
restarts() { scontrol show job "${job}_$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'; }

submit() {  # the sweep, in the background as on a login node; sets $job and $launcher
  "$python" synthesize.py -m hydra/launcher=submitit_slurm hydra.launcher.cpus_per_task=1 hydra.launcher.timeout_min=30 \
    "${small[@]}" shard.index=0,1,2,3 shard.count=4 output_dir="$set_folder" > "$place/launcher.$1" 2>&1 &
  launcher=$!
  wait_until 120 "an array of four jobs is submitted" four_jobs
  job=$(squeue --noheader --format=%F | sort -n | tail -n 1)
}
four_jobs() { [ "$(squeue --noheader --array --format=%K | grep -c '^[0-3]$')" = 4 ]; }

say "one process, without SLURM"
"$python" synthesize.py "${small[@]}" output_dir="$place/whole" > "$place/whole.log" 2>&1 || fail "one process"

start_slurm "$place"
say "SLURM: $(sinfo --version), $(sinfo --noheader --format='%D node, %C CPUs (allocated/idle/other/total)' --partition=work)"

submit 1
say "job $job: $(state | tr '\n' ' ')"
wait_until 600 "two shards are at work" has_batches 2

scontrol requeue "${job}_0" || fail "scontrol requeue"
say "shard 0 is requeued at $(batches) of 20 batches: $(restarts 0) restart(s)"
[ "$(restarts 0)" = 1 ] || fail "shard 0 was not requeued"

scancel "${job}_1" || fail "scancel"
say "shard 1 is canceled at $(batches) of 20 batches"
kill $launcher; wait $launcher
say "the command that submitted is stopped; it ends with $?"

wait_until 600 "shard 2 is at work" is_running 2
wait_until 600 "shards 2 and 3 are at work" has_batches $(($(batches) + 2))
say "an urgent job takes both processors at $(batches) of 20 batches"
sbatch --quiet --partition=urgent --exclusive --output=/dev/null --wrap='sleep 5' || fail "sbatch"
wait_until 120 "shard 2 is preempted" is_preempted
say "shard 2 is requeued by preemption: $(state | tr '\n' ' ')"

wait_until 900 "the jobs are done" is_gone
missing=$("$python" synthesize.py finish=true output_dir="$set_folder" 2>&1) && fail "the set is complete without shard 1"
say "finish=true says: $missing"

submit 2
say "the same command again is job $job"
wait_until 900 "the jobs are done" is_gone
kill $launcher 2> /dev/null; wait $launcher
grep -h ' images, ' "$set_folder/synthesize.log" | tail -n 1

for each in images labels annotations.json data.yaml contact_sheet.png; do
  diff --recursive "$place/whole/$each" "$set_folder/$each" > /dev/null || fail "$each differs from that of one process"
done
"$python" synthesize.py finish=true output_dir="$set_folder" > "$place/finish.log" 2>&1 || fail "finish=true: $(cat "$place/finish.log")"
[ -e "$set_folder/.team" ] && fail "leases are left in $set_folder/.team"
leftover=$(find "$set_folder" -name '*.part'); [ -z "$leftover" ] || fail "temporary files are left: $leftover"
say "PASSED: $(find "$set_folder/images" -type f | wc -l) images, the same bytes as those of one process"
