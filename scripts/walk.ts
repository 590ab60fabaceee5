/**
 * `npm run walk [-- PAGE...]`: does what the pages tell a newcomer to type, and compares what is printed.
 *
 * A block ```console holds commands behind `# ` and below each what it prints: `…` stands for anything within a line, a
 * line of it alone for any lines, and `exit code N` for an end other than 0. A page's commands run in one shell, in an
 * empty folder, with the programs of this package first on the path.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const all = ['README.md', 'docs/TUTORIAL.md', 'docs/HOWTO.md', 'docs/FAQ.md'];
/** Those that are named on the command line, or all. */
const pages = process.argv.length > 2 ? process.argv.slice(2) : all;

interface Step {
  readonly line: number;
  readonly command: string;
  readonly prints: string[];
  code: number;
}

/** The commands of a page, in order. */
function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  let inside = false;
  markdown.split('\n').forEach((text, index) => {
    if (text.startsWith('```')) inside = text === '```console';
    else if (!inside) return;
    else if (text.startsWith('# ')) steps.push({ line: index + 1, command: text.slice(2), prints: [], code: 0 });
    else if (/^exit code \d+$/.test(text)) steps.at(-1)!.code = Number(text.slice(10));
    else steps.at(-1)!.prints.push(text);
  });
  return steps;
}

/** Whether what was printed is what the page says. */
function fits(prints: readonly string[], printed: string): boolean {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = prints.map((line) => (line === '…' ? '(.*\n)*?' : `${line.split('…').map(escaped).join('.*')}\n`));
  return new RegExp(`^${pattern.join('')}$`).test(printed);
}

/** Run the steps in one shell. Returns what each printed, and its exit code. */
async function play(steps: readonly Step[], folder: string): Promise<{ printed: string; code: number }[]> {
  const mark = '\u0001';
  const script = steps.map(({ command }) => `{ ${command}\n} </dev/null\nprintf '${mark}%d${mark}' $?\n`).join('');
  const path = `${join(projectRoot, 'bin')}:${process.env.PATH}`;
  const shell = spawn('bash', ['--noprofile', '--norc'], { cwd: folder, env: { ...process.env, PATH: path } });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  shell.stdin.end(script);
  await new Promise((resolve) => shell.once('close', resolve));
  const parts = output.split(mark);
  return steps.map((_, i) => ({ printed: parts[2 * i] ?? '', code: Number(parts[2 * i + 1] ?? -1) }));
}

async function walk(page: string): Promise<number> {
  const steps = stepsOf(readFileSync(join(projectRoot, page), 'utf8'));
  if (steps.length === 0) throw new Error(`${page} has no commands`);
  return withWorkspace(async ({ path }) => {
    let wrong = 0;
    try {
      const results = await play(steps, path);
      steps.forEach((step, i) => {
        const { printed, code } = results[i];
        if (code === step.code && fits(step.prints, printed)) return;
        wrong++;
        process.stdout.write(`${page}:${step.line}: ${step.command}\nexit code ${code}, printed:\n${printed}\n`);
      });
    } finally {
      await unmountBelow(path);
    }
    process.stdout.write(`${page}: ${steps.length} commands, ${wrong} not as the page says\n`);
    return wrong;
  });
}

/** What a page left mounted when a step of it failed. */
async function unmountBelow(folder: string): Promise<void> {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((target) => target?.startsWith(`${folder}/`));
  for (const target of targets.reverse()) {
    const umount = spawn(join(projectRoot, 'bin/varve'), ['umount', '--force', target], { stdio: 'inherit' });
    await new Promise((resolve) => umount.once('close', resolve));
  }
}

let wrong = 0;
for (const page of pages) wrong += await walk(page);
if (wrong > 0) process.exitCode = 1;
