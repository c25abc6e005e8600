#!/bin/sh
# Runs a command under a private MPS daemon with own folders, and stops the daemon whatever happens.
#
#   with-mps.sh RANKS COMMAND...      each of RANKS processes may use 80/RANKS percent of the SMs (KERNELTWIN_MPS_PERCENT):
#   with all of them, the shares overlap and the ranks' blocks are not all resident at once
set -eu
ranks=$1
shift
folder=$(mktemp -d /tmp/kerneltwin-mps.XXXXXX)
mkdir "$folder/pipe" "$folder/log"
export CUDA_MPS_PIPE_DIRECTORY=$folder/pipe CUDA_MPS_LOG_DIRECTORY=$folder/log
stop() {
  echo quit | timeout 20 nvidia-cuda-mps-control >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT INT TERM
nvidia-cuda-mps-control -d
CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=$((${KERNELTWIN_MPS_PERCENT:-80} / ranks))
export CUDA_MPS_ACTIVE_THREAD_PERCENTAGE
"$@"
