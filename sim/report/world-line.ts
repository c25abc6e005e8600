import { blocksPerProcessor } from '../moe/pairs.ts';
import type { Scenario } from '../moe/scenario.ts';

/** One line that says which world a scenario describes. */
export function worldLine({ world, model, tiles }: Scenario): string {
  const least = Math.min(...model.tokens);
  const most = Math.max(...model.tokens);
  const tokens = least === most ? String(most) : `${least} to ${most}`;
  const pairs = blocksPerProcessor({ world, tiles }) === 1 ? '' : ', 2 SMs a processor';
  const kernel = world.gemm === undefined ? '' : `, ${world.gemm}${pairs}`;
  return (
    `${world.ranks} rank${world.ranks === 1 ? '' : 's'} on ${world.gpus} ${world.machine}, ` +
    `${tokens} tokens a rank, H ${model.hidden}, I ${model.intermediate}, ` +
    `${model.experts} experts, top-${model.topK}${kernel}`
  );
}
