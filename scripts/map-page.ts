/**
 * `npm run map-page`: the page of `varve map` in a headless Chromium of the machine, over mounted volumes in four states
 * (empty, busy, aged, with 30 snapshots), light and dark, 1280 and 900 pixels wide: nothing overlaps or is cut off, it
 * says no word to the console and asks nobody but its own server, and mouse, keys and search lead where they should.
 *
 *     npm run map-page -- [--shots DIR]    # keep a picture of each state
 *
 * Exits with 0 when all is well, 1 when something is not, 77 when the machine has no Chromium.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { below, type Random, seededRandom } from '../fs/store/random.js';
import { Browser, findBrowser } from './trial/browser.js';
import { end, start } from './trial/command.js';
import { program, type TrialVolume } from './trial/volume.js';
import { type Workspace, withWorkspace } from './trial/workspace.js';

const { values } = parseArgs({ options: { shots: { type: 'string' } } });
const found = findBrowser();
if (found === undefined) {
  process.stdout.write(
    'map-page: this machine has no Chromium (Debian: chromium-headless-shell), so no page was looked at\n',
  );
  process.exit(77);
}
const chromium = found;
const widths = [1280, 900];
let wrong = 0;
let good = 0;

function check(holds: boolean, what: string, why: unknown = ''): void {
  if (holds) good++;
  else {
    wrong++;
    process.stdout.write(`not so: ${what} ${typeof why === 'string' ? why : JSON.stringify(why)}\n`);
  }
}

/** What each state is made of; ends what it began when the page was looked at. */
const states: Readonly<Record<string, (volume: TrialVolume, random: Random) => Promise<() => Promise<void>>>> = {
  empty: async () => nothing,
  busy: async ({ directory }, random) => {
    fill(directory, random, 60);
    let stop = false;
    const working = (async () => {
      while (!stop) {
        overwrite(directory, random, 30, 16);
        await sleep(20);
      }
    })();
    return async () => {
      stop = true;
      await working;
    };
  },
  aged: async ({ directory }, random) => {
    fill(directory, random, 130);
    for (let round = 0; round < 40; round++) {
      overwrite(directory, random, 130, 240);
      await program('varve', ['sync', directory]);
    }
    return nothing;
  },
  snapshots: async ({ directory }, random) => {
    fill(directory, random, 40);
    for (let day = 1; day <= 30; day++) {
      overwrite(directory, random, 40, 20 + 60 * below(random, 3));
      if (day % 7 === 0) fill(join(directory, `week ${day / 7}`), random, 6);
      await program('varve', ['snapshot', 'create', directory, `day-${String(day).padStart(2, '0')}`]);
    }
    return nothing;
  },
};
const nothing = async (): Promise<void> => undefined;

/** So many files of 0.25 to 2 MiB. */
function fill(directory: string, random: Random, files: number): void {
  mkdirSync(directory, { recursive: true });
  for (let made = 0; made < files; made++) {
    const bytes = 2 ** (18 + below(random, 4));
    writeFileSync(join(directory, `file-${made}`), Buffer.alloc(bytes, made % 251));
  }
}

/** Parts of so many files that `fill` made, nine of ten in the first fifth of them. */
function overwrite(directory: string, random: Random, files: number, times: number): void {
  for (let i = 0; i < times; i++) {
    const file = below(random, 10) > 0 ? below(random, Math.ceil(files / 5)) : below(random, files);
    const fd = openSync(join(directory, `file-${file}`), 'r+');
    writeSync(fd, Buffer.alloc(16 * 1024, i % 251), 0, 16 * 1024, 4096 * below(random, 60));
    if (i % 8 === 0) fsyncSync(fd);
    closeSync(fd);
  }
}

async function look(name: string, workspace: Workspace, browser: Browser): Promise<void> {
  const volume = workspace.volume(name);
  await volume.format('192M', '-q', '-L', name);
  await volume.mount();
  const finish = await states[name](volume, seededRandom(7));
  const map = start(fileURLToPath(new URL('../../bin/varve', import.meta.url)), ['map', volume.directory, '--serve']);
  try {
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: map.stdout! }).once('line', resolve);
      map.once('exit', (code) => reject(new Error(`varve map ended with ${code}`)));
    });
    for (const width of widths)
      for (const dark of [false, true]) {
        await browser.size(width, 800);
        await browser.dark(dark);
        await browser.open(url);
        await browser.until(
          "document.querySelectorAll('.part').length === 6 && document.querySelector('.score') !== null",
        );
        await browser.until(
          "document.querySelectorAll('.layer').length > 0 && document.getElementById('rates').textContent !== ''",
        );
        await layOut(`${name}, ${width} wide${dark ? ', dark' : ''}`, browser);
        if (!dark || width === 1280) await keep(browser, `${name}-${width}${dark ? '-dark' : ''}`);
      }
    await use(name, browser);
    await browser.open('about:blank');
    check(browser.complaints.length === 0, `${name}: the console is silent`, browser.complaints.splice(0));
    const elsewhere = browser.requests
      .splice(0)
      .filter((asked) => !asked.startsWith(url) && !/^(data|about):/.test(asked));
    check(elsewhere.length === 0, `${name}: nobody else is asked`, elsewhere);
  } finally {
    end(map);
    await finish();
  }
  await volume.unmount();
}

async function keep(browser: Browser, name: string): Promise<void> {
  if (values.shots !== undefined) await browser.picture(join(values.shots, `map-${name}.png`));
}

/** Texts that share a place, that are cut off, and whether the page is wider than its window. */
const layoutProblems = `(() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window: ' + document.documentElement.scrollWidth);
  const blocks = [...document.querySelectorAll('h1, h2, h3, p, legend, label, canvas, input, button, .key, .part, .layer > *, .hill, .meter')]
    .map((of) => ({ of, at: of.getBoundingClientRect(), in: of.closest('#layers, #details') }))
    .filter(({ at }) => at.width > 0 && at.height > 0);
  for (const a of blocks) for (const b of blocks) {
    if (a === b || a.of.contains(b.of) || b.of.contains(a.of) || a.in !== b.in) continue;
    const wide = Math.min(a.at.right, b.at.right) - Math.max(a.at.left, b.at.left);
    const tall = Math.min(a.at.bottom, b.at.bottom) - Math.max(a.at.top, b.at.top);
    if (wide > 1 && tall > 1) found.push(a.of.outerHTML.slice(0, 80) + ' over ' + b.of.outerHTML.slice(0, 80));
  }
  for (const { of } of blocks)
    if (getComputedStyle(of).overflow === 'visible' && of.scrollWidth > of.clientWidth + 1 && of.clientWidth > 0) found.push('cut off: ' + of.outerHTML.slice(0, 80));
  return found;
})()`;

async function layOut(where: string, browser: Browser): Promise<void> {
  const problems = await browser.value<string[]>(layoutProblems);
  check(problems.length === 0, `${where}: nothing overlaps or is cut off`, problems.slice(0, 5));
}

/** The three colourings, a segment by mouse and by keys, a file by search. */
async function use(name: string, browser: Browser): Promise<void> {
  await browser.size(1280, 800);
  await browser.dark(false);
  for (const how of ['age', 'utilisation', 'kind']) {
    const words = await browser.value<string>('document.getElementById("explained").textContent');
    await browser.value(`document.querySelector('input[value=${how}]').click()`);
    await browser.until(`document.getElementById('explained').textContent !== ${JSON.stringify(words)}`);
    if (how !== 'kind') await keep(browser, `${name}-${how}`);
  }
  const { x, y } = await browser.value<{ x: number; y: number }>(
    "(() => { const { x, y } = document.getElementById('map').getBoundingClientRect(); return { x, y }; })()",
  );
  await browser.click(x + 5, y + 5);
  await browser.until("document.querySelector('#details h3')?.textContent === 'Segment at place 0'");
  await browser.value("document.getElementById('map').focus()");
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft', 'Enter']) await browser.key(key);
  await browser.until("document.querySelector('#details h3')?.textContent === 'Segment at place 1'");
  check(
    /^Segment at place 1: /.test(await browser.value("document.getElementById('pointed').textContent")),
    `${name}: keys`,
  );
  if (name !== 'empty') await keep(browser, `${name}-segment`);
  await browser.value("document.getElementById('wanted').focus()");
  await browser.type('file-1');
  await browser.key('Enter');
  await browser.until("/with that in the name|No name/.test(document.getElementById('details').textContent)");
  const hits = await browser.value<number>("document.querySelectorAll('#details button.file').length");
  check(name === 'empty' ? hits === 0 : hits > 3, `${name}: files are found`, String(hits));
  if (hits === 0) return;
  await browser.value("document.querySelector('#details button.file').click()");
  await browser.until("/framed on the map/.test(document.getElementById('details').textContent)");
  await layOut(`${name}, a file shown`, browser);
  await keep(browser, `${name}-file`);
}

await withWorkspace(async (workspace) => {
  if (values.shots !== undefined) mkdirSync(values.shots, { recursive: true });
  const profile = join(workspace.path, 'profile');
  mkdirSync(profile);
  const browser = await Browser.start(chromium, profile);
  try {
    for (const name of Object.keys(states)) await look(name, workspace, browser);
  } finally {
    browser.close();
  }
});
process.stdout.write(`${good} passed, ${wrong} failed\n`);
if (wrong > 0) process.exitCode = 1;
