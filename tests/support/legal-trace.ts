import type { Trace } from '../../sim/trace/trace.ts';
import { LegalFabric } from './legal-fabric.ts';
import { LegalRank } from './legal-rank.ts';
import { headerOf, type LegalWorld, settingOf, smallWorld } from './legal-world.ts';

/** A trace that keeps every invariant, of {@link smallWorld} with the given changes. */
export function legalTrace(changes: Partial<LegalWorld> = {}): Trace {
  const setting = settingOf({ ...smallWorld, ...changes });
  const fabric = new LegalFabric(setting);
  const ranks = setting.world.expertsPerRank.map((_, rank) => new LegalRank(fabric, rank));
  fabric.ranks = ranks;
  ranks.forEach((rank, r) => rank.begin(r * 300, setting.world.firstLaunch));
  fabric.run();
  return fabric.builder.finish(headerOf(setting));
}
