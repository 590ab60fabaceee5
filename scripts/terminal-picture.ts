/**
 * A picture (SVG) of what a terminal shows, from its text with the codes of colours and weights, as `tmux capture-pane
 * -e -p` prints it. The pictures of docs/pictures that show a terminal are made by it, from real runs:
 *
 *     tmux capture-pane -e -p | node dist/scripts/terminal-picture.js 'varve top /mnt/v' > top.svg
 */
import { readFileSync } from 'node:fs';

const [title = ''] = process.argv.slice(2);
/** In the order of the codes 30 to 37: readable on the dark ground. */
const colours = ['#1b1f24', '#ff7b72', '#5fd38d', '#e3b341', '#79b8ff', '#d2a8ff', '#56d4dd', '#e6edf3'];
const [ground, ink, bar] = ['#14171b', '#e6edf3', '#22272e'];
const [column, row, margin, head] = [8.43, 18, 16, 34];

interface Style {
  readonly colour: string;
  readonly bold: boolean;
  readonly dim: boolean;
}

interface Piece extends Style {
  readonly at: number;
  readonly text: string;
}

/** Of colour and weight, in the text. */
const code = new RegExp(`${String.fromCharCode(27)}\\[([0-9;]*)m`, 'g');
const plainStyle: Style = { colour: ink, bold: false, dim: false };

/** The style after a code such as `1;36`. */
function styled(style: Style, codes: string): Style {
  let now = style;
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) now = plainStyle;
    else if (code === 1) now = { ...now, bold: true };
    else if (code === 2) now = { ...now, dim: true };
    else if (code >= 30 && code <= 37) now = { ...now, colour: colours[code - 30] };
    else if (code >= 90 && code <= 97) now = { ...now, colour: colours[code - 90] };
    else if (code === 39) now = { ...now, colour: ink };
  }
  return now;
}

/** The pieces of a line, each of one style; the style goes on to the next line. */
function piecesOf(line: string, before: Style): { pieces: Piece[]; style: Style } {
  const pieces: Piece[] = [];
  let [style, at] = [before, 0];
  for (const [index, part] of line.split(code).entries()) {
    if (index % 2 === 1) style = styled(style, part);
    else {
      // Words that stand apart are placed apart: not every reader of SVG keeps several spaces.
      for (const words of part.split(/( {2,}|^ | $)/)) {
        if (words.trim() !== '') pieces.push({ ...style, at, text: words });
        at += [...words].length;
      }
    }
  }
  return { pieces, style };
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] as string);
const round = (n: number): number => Math.round(n * 100) / 100;

const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
const length = (line: string): number => [...line.replaceAll(code, '')].length;
const width = Math.ceil(2 * margin + column * Math.max(60, ...lines.map(length)));
const height = head + 2 * margin + row * lines.length - 4;
const out = [
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
  `<title>${escaped(title)}</title>`,
  `<style>text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:${ink};white-space:pre}.b{font-weight:700}.d{opacity:.6}</style>`,
  `<rect width="${width}" height="${height}" rx="8" fill="${ground}"/><path d="M0 8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${head - 8}h-${width}z" fill="${bar}"/>`,
  ...[0, 1, 2].map(
    (at) => `<circle cx="${20 + 20 * at}" cy="17" r="6" fill="${['#ff5f57', '#febc2e', '#28c840'][at]}"/>`,
  ),
  `<text x="${width / 2}" y="22" text-anchor="middle" class="d">${escaped(title)}</text>`,
];
let style = plainStyle;
for (const [at, line] of lines.entries()) {
  const found = piecesOf(line, style);
  style = found.style;
  for (const { at: from, text, colour, bold, dim } of found.pieces) {
    const classes = [bold ? 'b' : '', dim ? 'd' : ''].filter((one) => one !== '').join(' ');
    // The length is set: a font of other widths must not push columns apart.
    out.push(
      `<text x="${round(margin + column * from)}" y="${head + margin + 8 + row * at}" textLength="${round(column * [...text].length)}" lengthAdjust="spacingAndGlyphs"` +
        `${classes === '' ? '' : ` class="${classes}"`}${colour === ink ? '' : ` style="fill:${colour}"`}>${escaped(text)}</text>`,
    );
  }
}
process.stdout.write(`${[...out, '</svg>'].join('\n')}\n`);
