/**
 * `npm run demo`: Varve from mkfs to recovery in a minute, on an image in a temporary folder, saying each step.
 * It uses the four programs as a person would and leaves nothing behind, also when it fails or is interrupted.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CommandFailed, end, type Outcome, run, start } from './trial/command.js';
import { treeSum } from './trial/tree-hash.js';
import { program, projectRoot, type TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const size = '1G';
const writer = fileURLToPath(new URL('./demo-writer.js', import.meta.url));

let steps = 0;
const step = (text: string): void => {
  steps += 1;
  process.stdout.write(`\n${steps}. ${text}\n`);
};
const say = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) process.stdout.write(`   ${line}\n`);
};
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the demo failed: ${what}`);
  say(`ok: ${what}`);
}

async function checked(volume: TrialVolume): Promise<Outcome> {
  const outcome = await volume.fsck('-f', '-n');
  if (outcome.status !== 0) throw new CommandFailed('fsck.varve -f -n', outcome);
  say(outcome.stdout || 'fsck.varve: clean');
  say(`exit 0 in ${outcome.seconds.toFixed(2)} s`);
  return outcome;
}

/** Write and fsync files until the server is killed under it; what was acknowledged, name to SHA-256. */
async function killWhileWriting(volume: TrialVolume): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  const child = start(process.execPath, [writer, join(volume.directory, 'journal')]);
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [name, sum] = line.split(' ');
      acknowledged.set(name, sum);
    }
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  while (acknowledged.size < 100) {
    if (child.exitCode !== null) throw new Error('the writer ended by itself');
    await sleep(5);
  }
  await volume.kill();
  end(child);
  await closed;
  return acknowledged;
}

async function demo(volume: TrialVolume): Promise<void> {
  step(`Format an image of ${size}: mkfs.varve --size ${size} ${volume.image}`);
  say((await volume.format(size, '-L', 'demo')).stdout);

  step(`Mount it: mount.varve ${volume.image} ${volume.directory}`);
  say(`mounted in ${(await volume.mount()).toFixed(2)} s`);

  const source = join(projectRoot, 'node_modules');
  step(`Copy the project's own node_modules in: cp -a`);
  const copy = join(volume.directory, 'node_modules');
  const { seconds } = await run('cp', ['-a', source, copy]);
  const original = await treeSum(source);
  say(`${original.files} files, ${mib(original.bytes)} in ${seconds.toFixed(2)} s`);

  step('Hash what was copied');
  const before = await treeSum(copy);
  say(`sha256 of the tree: ${before.sha256}`);
  must(before.sha256 === original.sha256, 'contents, modes, owners, times and links are those of the original');

  step('Unmount and check: varve umount, fsck.varve -f -n');
  await volume.unmount();
  await checked(volume);

  step('Mount again and compare');
  say(`mounted in ${(await volume.mount()).toFixed(2)} s`);
  must((await treeSum(copy)).sha256 === original.sha256, 'every hash is the same');

  step('Kill the server with SIGKILL while a program writes and fsyncs files');
  await run('mkdir', [join(volume.directory, 'journal')]);
  const acknowledged = await killWhileWriting(volume);
  say(`killed; fsync had acknowledged ${acknowledged.size} files by then`);

  step('Mount again: recovery replays the journal');
  say(`mounted in ${(await volume.mount()).toFixed(2)} s`);
  let [there, bytes] = [0, 0];
  for (const [name, sum] of acknowledged) {
    const data = await readFile(join(volume.directory, 'journal', name));
    if (createHash('sha256').update(data).digest('hex') === sum) there += 1;
    bytes += data.length;
  }
  must(there === acknowledged.size, `all ${there} fsynced files (${mib(bytes)}) are there, byte for byte`);
  must((await treeSum(copy)).sha256 === original.sha256, 'the tree copied before is untouched');

  step('Statistics');
  const { used, size: capacity } = await volume.space();
  const { peakMiB, cpuSeconds } = volume.figures();
  say(
    `used ${mib(used)} of ${mib(capacity)}; server: at most ${peakMiB.toFixed(0)} MiB, ${cpuSeconds.toFixed(2)} s of CPU`,
  );
  say((await run('df', ['-hT', volume.directory])).stdout);
  await volume.unmount();
  const { blocks } = await stat(volume.image);
  say(`the image takes ${mib(blocks * 512)} on the host`);
  say((await program('varve', ['info', volume.image])).stdout);

  step('Check once more');
  await checked(volume);
}

if (!existsSync('/dev/fuse')) {
  process.stderr.write('/dev/fuse is missing: load the module (modprobe fuse) or pass the device to the container\n');
  process.exitCode = 1;
} else if (process.getuid?.() !== 0) {
  process.stderr.write('mounting needs root for now: run the demo as root\n');
  process.exitCode = 1;
} else {
  try {
    await withWorkspace(({ volume }) => demo(volume('demo')));
    process.stdout.write('\nDone; nothing is left behind.\n');
  } catch (e) {
    process.stderr.write(`\n${e instanceof Error ? e.message : String(e)}\n`);
    process.exitCode = 1;
  }
}
