/** What a run of a workload was like: for programs as one object, for people as a table and lines. */
import { type Output, paint, pairs, table } from '../../fs/cli/output.js';
import { counted, formatSize } from '../../fs/cli/size.js';
import { pageSize } from '../../fs/units.js';
import type { VolumeCounts } from './ground.js';
import { kinds } from './meter.js';
import type { Profile } from './profile.js';
import type { RunResult } from './run.js';

export type Report = ReturnType<typeof reportOf>;

/** `before` and `after`: what the volume had counted when the rounds began and when they had ended. */
export function reportOf(
  { profile, seed, where }: { profile: Profile; seed: number; where: string },
  result: RunResult,
  before: VolumeCounts | undefined,
  after: VolumeCounts | undefined,
) {
  const { meter, seconds } = result;
  return {
    profile: profile.name,
    seed,
    where,
    files: result.files,
    concurrency: result.workers,
    endedBy: result.endedBy,
    seconds,
    operations: meter.operations,
    perSecond: meter.operations / seconds,
    kinds: kinds.flatMap((kind) => {
      const times = meter.times.get(kind);
      if (times === undefined || times.count === 0) return [];
      const [p50, p99] = [times.percentile(0.5), times.percentile(0.99)];
      return [{ kind, count: times.count, perSecond: times.count / seconds, p50, p99, max: times.max }];
    }),
    bytesPrepared: result.prepared,
    bytesRead: meter.bytesRead,
    bytesWritten: meter.bytesWritten,
    wrong: result.wrong,
    error: result.error === undefined ? undefined : String((result.error as Error).message ?? result.error),
    space: result.space,
    volume: before && after && volumeOf(before, after, meter.bytesWritten),
  };
}

/** What the rounds cost the volume, in bytes but for counts. */
function volumeOf(before: VolumeCounts, after: VolumeCounts, userBytes: number) {
  const since = (name: string): number => (after.counts[name] ?? 0) - (before.counts[name] ?? 0);
  const written = since('bytesWritten');
  return {
    journal: after.journal,
    bytesWritten: written,
    fileBytes: since('filePages') * pageSize,
    movedBytes: since('moved') * pageSize,
    checkpoints: since('checkpoints'),
    records: since('records'),
    barriers: since('barriers'),
    /** Bytes that reached the image for each byte that a worker wrote; absent if none did. */
    writeAmplification: userBytes === 0 ? undefined : written / userBytes,
  };
}

const ended: Readonly<Record<RunResult['endedBy'], string>> = {
  operations: 'all operations are done',
  writes: 'as much is written as was asked for',
  time: 'the time is over',
  fill: 'the volume is as full as was asked for',
  signal: 'interrupted',
  error: 'an operation failed',
};

export function reportText(output: Output, report: Report): string {
  const head = ['operation', 'count', 'per s', 'p50 us', 'p99 us', 'max us'];
  const rows = report.kinds.map(({ kind, count, perSecond, p50, p99, max }) => [
    kind,
    count.toLocaleString('en-US'),
    ...[perSecond, p50, p99, max].map((value) => value.toFixed(value < 10 ? 1 : 0)),
  ]);
  const { space, wrong } = report;
  const lines: [string, string][] = [
    ['profile', `${report.profile}, seed ${report.seed}, ${counted(report.concurrency, 'worker')}, on ${report.where}`],
    ['ended', `after ${report.seconds.toFixed(1)} s: ${ended[report.endedBy]}`],
    ['operations', `${report.operations.toLocaleString('en-US')}, ${report.perSecond.toFixed(0)} per s`],
    ['read', formatSize(report.bytesRead)],
    ['written', `${formatSize(report.bytesWritten)}, after ${formatSize(report.bytesPrepared)} to begin with`],
    ['space', `${formatSize(space.used)} of ${formatSize(space.size)} in use`],
    ...volumeLines(report.volume),
    ['wrong', wrong.count === 0 ? 'nothing: all that was read was what was written' : counted(wrong.count, 'answer')],
  ];
  const problems = wrong.first.map(({ path, offset, problem }) =>
    paint(output, 'red', `${path}${offset === undefined ? '' : `, byte ${offset}`}: ${problem}`),
  );
  return [table(output, head, rows, head.slice(1)), '', pairs(lines), ...problems].join('\n');
}

function volumeLines(volume: Report['volume']): [string, string][] {
  if (volume === undefined) return [];
  const { writeAmplification: amplification } = volume;
  const times = amplification === undefined ? '' : `, ${amplification.toFixed(2)} times what was written`;
  return [
    [
      'journal',
      `${volume.journal}: ${counted(volume.records, 'record')}, ${counted(volume.checkpoints, 'checkpoint')}`,
    ],
    ['to the image', `${formatSize(volume.bytesWritten)}${times}`],
    ['of that', `${formatSize(volume.fileBytes)} of files, ${formatSize(volume.movedBytes)} moved by the cleaner`],
  ];
}
