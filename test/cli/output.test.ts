import { expect, it } from 'vitest';
import { forTerminal } from '../../fs/cli/output.js';

it('a terminal gets lines, tabs and colours, and nothing else that it obeys', () => {
  const coloured = '\u001b[31mbad\u001b[0m';
  expect(forTerminal(`${coloured}\tnäme\nnext`)).toBe(`${coloured}\tnäme\nnext`);
  for (const said of ['\u001b]0;title\u0007', '\u001b[2J', '\u009b2J', '\r', '\u0008', '\u007f'])
    expect(forTerminal(`a${said}b`)).toBe(`a${said.replace(/\p{Cc}/gu, '?')}b`);
});
