# A SLURM of one node, sourced by run.sh: two processors, jobs of the partition "urgent" take the place of those of "work".
# All of it, munge too, lies in one folder and listens on ports of its own, so that an installed SLURM is not touched.

daemons=${SLURM_DAEMONS:-/usr/sbin}

# Starts it in the folder $1, and sets SLURM_CONF, by which sbatch and its kin find it.
start_slurm() {
  local place=$1 me host ports
  me=$(id -un) host=$(hostname -s)
  mkdir -p "$place/state" "$place/spool" "$place/munge"
  chmod 755 "$place" "$place/munge"  # munge asks for it: all users reach the socket, its owner alone the key
  ports=$(python3 -c 'import socket
taken = [socket.create_server(("", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in taken))')
  (umask 077 && head -c 1024 /dev/urandom > "$place/munge/key")
  export SLURM_CONF=$place/slurm.conf
  cat > "$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports% *}
SlurmdPort=${ports#* }
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
CredType=cred/munge
# A job that was requeued waits as long as a credential is good.
AuthInfo=socket=$place/munge/socket,cred_expire=10
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
# Neither control groups nor an accounting data base.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=5,bf_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=work Nodes=$host Default=YES PriorityTier=1 MaxTime=60 State=UP
PartitionName=urgent Nodes=$host PriorityTier=2 MaxTime=60 State=UP
CONF
  "$daemons/munged" --key-file="$place/munge/key" --socket="$place/munge/socket" --pid-file="$place/munge/pid" \
    --log-file="$place/munge/log" --seed-file="$place/munge/seed"
  "$daemons/slurmctld" -f "$SLURM_CONF"
  "$daemons/slurmd" -f "$SLURM_CONF"
  wait_until 60 "the node is idle" node_is_idle
}

node_is_idle() { [ "$(sinfo --noheader --format=%T --partition=work 2> /dev/null)" = idle ]; }

# Ends the daemons of the folder $1.
stop_slurm() {
  local file
  for file in "$1/slurmd.pid" "$1/slurmctld.pid" "$1/munge/pid"; do
    [ -f "$file" ] && kill "$(cat "$file")" 2> /dev/null
  done
  wait_until 30 "the daemons end" are_gone "$1"
}

are_gone() { [ ! -e "$1/slurmd.pid" ] && [ ! -e "$1/slurmctld.pid" ] && [ ! -e "$1/munge/pid" ]; }

# Waits at most $1 seconds until the command after $2, which says what is waited for, succeeds.
wait_until() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "FAILED: $what, in vain" >&2; exit 1; }
    sleep 1
  done
}
