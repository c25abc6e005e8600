import { type LaunchRows, launchRows } from '../compare/launches.ts';
import { durationsFigure } from './durations.ts';
import type { Half } from './half.ts';
import { type PageFigure, type ReportContent, reportPage } from './page.ts';
import { type TimelinePanel, timelineFigure } from './timeline.ts';
import { utilisationFigure } from './utilisation.ts';

/** The files of a report by name. */
export type ReportFiles = Readonly<Record<ReportFile, string>>;
export type ReportFile = 'report.html' | 'timeline.svg' | 'utilisation.svg' | 'durations.svg';

/** Draws the figures of a report and puts them into its page. */
export function buildReport(content: ReportContent): ReportFiles {
  const halves = [content.simulated.half, ...(content.measured ? [content.measured.half] : [])];
  const panels = typicalPanels(halves);
  const timeline = timelineFigure(panels);
  const utilisation = utilisationFigure(halves, panels);
  const durations = durationsFigure(halves);
  const pictures: readonly PageFigure[] = [
    {
      svg: timeline,
      caption:
        'One row for each processor. A launch with the median makespan; both halves start at their first event.',
    },
    {
      svg: utilisation,
      caption:
        'An idle processor waits for the scheduler while a task is ready, for the network while a signal that carries a ' +
        'task is in flight, for a dependency while tasks are left that are not ready. Otherwise its rank has no task left.',
    },
    { svg: durations, caption: 'Each histogram is scaled to its own fullest bin.' },
  ];
  return {
    'report.html': reportPage(content, pictures),
    'timeline.svg': timeline,
    'utilisation.svg': utilisation,
    'durations.svg': durations,
  };
}

/** The same launch of every half: the one whose makespan is the median of the last half's judged launches. */
export function typicalPanels(halves: readonly Half[]): readonly TimelinePanel[] {
  const typical = halves.at(-1);
  if (typical === undefined) return [];
  const { launches, makespanNs } = typical.metrics;
  const rows = launchRows(typical.trace).filter(({ position }) => launches.includes(position));
  const found = rows.find(({ end }) => typical.trace.events.time[end - 1] === makespanNs.median);
  return halves.flatMap((half) => {
    const launch = launchOf(half, found?.position ?? launches[0] ?? 0);
    return launch === undefined ? [] : [{ half, launch }];
  });
}

function launchOf(half: Half, position: number): LaunchRows | undefined {
  return launchRows(half.trace).find((rows) => rows.position === position);
}
