/**
 * The page of `varve map`: asks for a sample a second while it is visible, and draws it. What costs more (snapshots,
 * fragmentation) is asked for when a new checkpoint tells that something may have changed, or by hand.
 */
import { formatSize } from '../../fs/cli/size.js';
import type { ImageFacts, LiveMap } from '../../fs/report/live-map.js';
import { ask } from './ask.js';
import { ageOf, type Colouring, explanations, kinds, kindWords, legendOf, liveShare } from './colours.js';
import { Details } from './details.js';
import { byId, plain } from './elements.js';
import { Health, showHills } from './health.js';
import { HeatMap } from './heat-map.js';
import { type Layers, showLayers } from './layers.js';
import { showHeads, showImage, showRates } from './log-state.js';

const everyMs = 1000;
const layersEveryMs = 5000;

type Image = ImageFacts & { readonly name: string; readonly mounted: boolean };

let image: Image | undefined;
let map: LiveMap | undefined;
let sampledAt = 0;
let layersOf = -1;
let layersAt = Number.NEGATIVE_INFINITY;

const details = new Details((cells) => heat.light(cells));
const heat = new HeatMap(byId<HTMLCanvasElement>('map'), showPointed, (cell) => {
  if (map === undefined) return;
  const first = cell * map.placesPerCell;
  details.segment(first, Math.min(map.placesPerCell, map.places - first));
});
const health = new Health((inode, path) => details.file({ inode: String(inode) }, path));

function showPointed(cell: number): void {
  byId('pointed').textContent = map === undefined || cell < 0 ? '' : wordsOf(map, cell);
}

function wordsOf(of: LiveMap, cell: number): string {
  const first = cell * of.placesPerCell;
  const where =
    of.placesPerCell === 1
      ? `Segment at place ${plain(first)}`
      : `Places ${plain(first)} to ${plain(Math.min(of.places, first + of.placesPerCell) - 1)}`;
  const kind = kinds[Number(of.kinds[cell])];
  if (kind === 'free') return `${where}: free`;
  const use = kind === 'journal' ? '' : `, ${Math.round(100 * liveShare(of, cell))} % live`;
  const age = ageOf(of, cell);
  const written =
    age === 0 ? 'in the open generation' : `${plain(age)} ${age === 1 ? 'generation' : 'generations'} ago`;
  return `${where}: ${kindWords[kind]}${of.open.includes(cell) ? ', being filled' : ''}${use}, written ${written}`;
}

function choose(how: Colouring): void {
  heat.colouring = how;
  byId('explained').textContent = explanations[how];
  byId('legend').replaceChildren(...legendOf(how));
  heat.draw();
}

function showState(of: LiveMap): void {
  const used = formatSize(of.space.live * 4096);
  const all = formatSize(of.space.capacity * 4096);
  const how = of.failure !== null ? `failed: ${of.failure}` : of.readOnly ? 'read-only' : 'live';
  const state = byId('state');
  state.textContent = `${how} · ${used} of ${all} used · generation ${plain(of.generation)}`;
  state.classList.toggle('lost', of.failure !== null);
}

async function sample(): Promise<void> {
  image ??= await ask<Image>('image');
  const found = await ask<LiveMap>('live');
  const now = performance.now();
  document.title = `${image.name}: Varve`;
  byId('name').textContent = image.label === '' ? image.name : `${image.label}, ${image.name}`;
  if (map !== undefined) showRates(map, found, (now - sampledAt) / 1000);
  if (map !== undefined && map.places !== found.places) image = await ask<Image>('image');
  [map, sampledAt] = [found, now];
  heat.show(found);
  showImage(image, found);
  showHeads(found);
  showHills(found);
  showState(found);
  if (found.generation !== layersOf && now - layersAt >= layersEveryMs) {
    [layersOf, layersAt] = [found.generation, now];
    showLayers(await ask<Layers>('snapshots'));
  }
}

async function go(): Promise<void> {
  for (;;) {
    if (!document.hidden) {
      try {
        await sample();
      } catch (e) {
        const state = byId('state');
        state.textContent = `no answer (${e instanceof Error ? e.message : String(e)}): is varve map still running?`;
        state.classList.add('lost');
      }
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

byId('colouring').addEventListener('change', (event) => choose((event.target as HTMLInputElement).value as Colouring));
choose('kind');
void go();
void health.measure();
