/**
 * Elements, made of words and of each other. Words become text nodes and never markup: names in a volume may be anything.
 */

export type Child = Node | string;

/** An element with classes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  classes = '',
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (classes !== '') made.className = classes;
  made.append(...children);
  return made;
}

/** What the document has under this id. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found as E;
}

/** A bar of parts with these classes, each a share (0 to 1) of its length. */
export function bar(classes: string, ...parts: readonly (readonly [name: string, share: number])[]): HTMLElement {
  const made = element('div', classes);
  for (const [name, share] of parts) {
    const part = element('i', name);
    part.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    made.append(part);
  }
  return made;
}

export const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`;
export const plain = (n: number): string => n.toLocaleString('en-US');
