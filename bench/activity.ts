/** What a server counted while something was done: `varve top --json` of just that time. */
import type { Activity } from '../fs/cli/activity.js';
import { type Sample, sampleBetween } from '../fs/cli/activity-sample.js';
import { ControlConnection } from '../fs/cli/control-client.js';
import { varveMountAt } from '../fs/cli/umount.js';

export async function sampledDuring(directory: string, work: () => Promise<void>): Promise<Sample> {
  const server = await ControlConnection.of(varveMountAt(directory));
  try {
    const before = (await server.ask('activity')) as Activity;
    await work();
    const after = (await server.ask('activity')) as Activity;
    return sampleBetween(before, after, { time: new Date(), processes: [], byCause: null });
  } finally {
    server.close();
  }
}
