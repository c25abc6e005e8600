import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A stand-in for Python with PyTorch: a shell script that greets and answers every order with the same invented times. It computes
 * nothing.
 * @param fault `refuse`: greets with an error; `leave`: ends at the first order; `hang`: never answers it; `fail`: answers with
 * an error. Orders are kept in the script's file name with `.orders` behind it
 */
export function torchDouble(folder: string, fault = ''): string {
  const timing = '{"median":2,"min":1.5,"p95":2.5,"samples":[2]}';
  const answer =
    fault === 'fail'
      ? '{"error":"out of memory, says the double"}'
      : `{"way":"double","events":${timing},"gpuWay":"double","gpu":${timing},"operations":20,"operationsMissing":null,"relativeError":0.004,"ways":{"double":{"ms":2}}}`;
  const greeting =
    fault === 'refuse'
      ? '{"error":"no PyTorch, says the double"}'
      : '{"torch":"0.0 double","cuda":null,"gpu":null}';
  const file = join(folder, `python-double-${fault}`);
  const ends: Readonly<Record<string, string>> = {
    leave: 'echo "the double leaves" >&2; exit 3',
    hang: 'exec sleep 60',
  };
  writeFileSync(
    file,
    `#!/bin/sh
case $1 in *kernel/bench/torch_moe.py) ;; *) echo "not the baseline's script: $1" >&2; exit 9 ;; esac
echo '${greeting}'
while read -r order; do
  printf '%s\\n' "$order" >> '${file}.orders'
  ${ends[fault] ?? ''}
  echo '${answer}'
done
`,
  );
  chmodSync(file, 0o755);
  return file;
}
