#!/bin/sh
# Compiler launcher: runs the command and keeps what ptxas reported beside the object, as OBJECT.ptxas. The report does not
# clutter the build's output; anything else the compiler says passes through.
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
report=$object.ptxas
"$@" 2>"$report"
status=$?
grep -v -E '^ptxas info|bytes stack frame|^$' "$report" >&2
exit $status
