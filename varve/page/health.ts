/** How fragmented files are, measured when asked; and how full segments are, of each sample. */
import { formatSize } from '../../fs/cli/size.js';
import type { FragmentationReport } from '../../fs/report/fragmentation-report.js';
import type { LiveMap } from '../../fs/report/live-map.js';
import { ask } from './ask.js';
import { kinds, liveShare } from './colours.js';
import { byId, type Child, element, plain } from './elements.js';

const mostWorst = 6;

export class Health {
  private readonly panel = byId('health');
  private readonly button = byId<HTMLButtonElement>('measure');

  constructor(private readonly open: (inode: number, path: string) => void) {
    this.button.addEventListener('click', () => void this.measure());
  }

  async measure(): Promise<void> {
    this.button.disabled = true;
    try {
      this.panel.replaceChildren(...this.words(await ask<FragmentationReport>('fragmentation')));
    } catch (e) {
      this.panel.replaceChildren(element('p', 'note', e instanceof Error ? e.message : String(e)));
    } finally {
      this.button.disabled = false;
    }
  }

  private words({ score, files, cost, worst }: FragmentationReport): Child[] {
    const list = element('ul');
    for (const { inode, path, pieces } of worst.slice(0, mostWorst)) {
      if (path === undefined) continue;
      const made = element('button', 'file', `${path} (${plain(pieces)} pieces)`);
      made.type = 'button';
      made.addEventListener('click', () => this.open(inode, path));
      list.append(element('li', '', made));
    }
    const figures = `${plain(files.count)} files, ${formatSize(files.bytes)}; ${plain(files.scattered)} in more pieces than needed, ${plain(cost.jumps)} jumps too many.`;
    return [
      element('p', '', element('span', 'score', score.toFixed(1)), ` of 100: ${verdict(score)}`),
      element('p', 'note', figures),
      ...(list.childElementCount > 0 ? [element('h3', '', 'The most scattered files'), list] : []),
    ];
  }
}

function verdict(score: number): string {
  if (score < 1) return 'not fragmented';
  if (score < 10) return 'little fragmented';
  return score < 40 ? 'fragmented' : 'badly fragmented';
}

const classes = 10;

/** Full segments of files and metadata, by how much of them lives. */
export function showHills(map: LiveMap): void {
  const counts = new Array<number>(classes).fill(0);
  const open = new Set(map.open);
  for (let cell = 0; cell < map.live.length; cell++) {
    const kind = kinds[Number(map.kinds[cell])];
    if (kind === 'free' || kind === 'journal' || open.has(cell)) continue;
    counts[Math.min(classes - 1, Math.floor(liveShare(map, cell) * classes))]++;
  }
  const most = Math.max(1, ...counts);
  byId('hills').replaceChildren(
    ...counts.map((count, at) => {
      const hill = element('i');
      hill.style.height = `${(60 * count) / most}px`;
      const made = element('div', 'hill', count > 0 ? plain(count) : '', hill, `${at * 10}`);
      made.title = `${at * 10} to ${at * 10 + 10} % live: ${plain(count)} segments`;
      return made;
    }),
  );
}
