/**
 * Text as troff wants it (man(7)). A manual page is a title and sections; a section holds paragraphs, items with a tag,
 * and lines that are shown as they are.
 */

/** Characters and line starts that mean something to troff, made to mean themselves. */
export const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\u2019', "'")
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');

export const bold = (text: string): string => `\\fB${plain(text)}\\fR`;
export const italic = (text: string): string => `\\fI${plain(text)}\\fR`;

/** One line each; the text is escaped already. */
export const section = (name: string, body: readonly string[]): string => `.SH ${name}\n${body.join('\n')}`;
export const paragraph = (text: string): string => `.PP\n${text}`;
export const item = (tag: string, text: string): string => `.TP\n${tag}\n${text}`;
export const verbatim = (lines: readonly string[]): string => ['.PP', '.nf', ...lines, '.fi'].join('\n');

/** `.TH`: name and section, and what stands at the foot of each page. */
export const title = (name: string, number: number, version: string): string =>
  `.TH ${name.toUpperCase()} ${number} "" "Varve ${version}" "Varve Manual"`;
